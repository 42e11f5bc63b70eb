"""``conduit chat``: a conversation in the terminal."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from conduit import __version__
from conduit.cli.ask import answered, print_reply
from conduit.cli.generation import MaxTokens, Seed, Stop, Temperature, TopP, given
from conduit.cli.printing import out, print_error, print_json, print_providers
from conduit.cli.running import AsJson, call, run
from conduit.cli.saving import print_saved, save_files
from conduit.contracts.errors import ConduitError

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

    from conduit.app import App

_COMMANDS = {
    ":help": "show this",
    ":about": "what Conduit is",
    ":providers": "who answers, and how they are",
    ":reset": "forget this conversation",
    ":quit": "leave (so does Ctrl-D)",
}
_LEAVING = (":quit", ":q", ":exit")
_WORDS = (
    "industrial warehouse hypnotic minimal dub acid broken electro hard idm bars bpm swing "
    "density ghost rotation seed more less faster slower another without save render overwrite "
    "copy configs examples fill build breakdown drop"
).split()


def chat(
    session: Annotated[str, typer.Option(help="Conversation to continue.")] = "chat",
    folder: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where files are written.")
    ] = Path(),
    temperature: Temperature = None,
    top_p: TopP = None,
    max_tokens: MaxTokens = None,
    seed: Seed = None,
    stop: Stop = None,
    as_json: AsJson = False,
) -> None:
    """Talk to Conduit. `:help` shows the commands; grooves are saved as you go.

    Ctrl-C stops an answer, Ctrl-D leaves. Through a pipe each line is a prompt.

    Example: `conduit chat --out grooves`, then `8 bars of dub`, then `more swing`.
    """

    asked = {"session": session, "generation": given(temperature, top_p, max_tokens, seed, stop)}

    async def work(app: App) -> None:
        await app.servers.discover_for(app.access.models)  # those that a model may use
        lines = _Lines(app.settings.home) if sys.stdin.isatty() else None
        if lines and not as_json:
            out.print(f"Conduit {__version__}. Ask for a groove; [bold]:help[/] shows more.")
        while (line := await (lines.next() if lines else _piped())) is not None:
            line = line.strip()
            if line in _LEAVING:
                break
            if not line:
                continue
            turn = (
                _command(app, line, session, as_json)
                if line.startswith(":")
                else _answer(app, {**asked, "prompt": line}, folder, as_json)
            )
            await (_stoppable(turn) if lines else turn)

    run(work, as_json=as_json)


async def _answer(app: App, asked: dict[str, Any], folder: Path, as_json: bool) -> None:
    """One turn; what goes wrong is printed and the conversation goes on."""
    try:
        reply = await answered(app, asked, quiet=as_json)
        saved = [path for use in reply.tool_calls for path in save_files(app, use, folder)]
    except ConduitError as error:
        print_error(error, as_json=as_json)
        return
    if as_json:
        print_json(reply)
        return
    print_reply(reply)
    print_saved(saved)


async def _command(app: App, line: str, session: str, as_json: bool) -> None:
    """A line that begins with a colon."""
    word = line.split()[0]
    if word == ":providers":
        listed: Any = await call(app, "providers.list", {})
        if as_json:
            print_json(listed)
        else:
            print_providers(listed)
    elif word == ":reset":
        forgotten: Any = await call(app, "agent.reset", {"session": session})
        if as_json:
            print_json(forgotten)
        else:
            out.print("This conversation is forgotten.")
    elif as_json:
        print_json({"version": __version__, "commands": _COMMANDS})
    elif word == ":about":
        out.print(
            f"Conduit {__version__}: an operating system for AI that you can also play. Models "
            "and the offline agent call typed blocks; a groove comes out. Everything runs here."
        )
    else:
        if word != ":help":
            out.print(f"There is no {escape(word)}.")
        for name, what in _COMMANDS.items():
            out.print(f"  [bold]{name:11}[/] {what}")


async def _stoppable(turn: Coroutine[Any, Any, None]) -> None:
    """Ctrl-C ends this turn and not the conversation."""
    task = asyncio.ensure_future(turn)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        if not task.cancelled():
            raise
        out.print("[dim]stopped[/]")
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def _piped() -> str | None:
    """The next line of a pipe; None at the end."""
    return await asyncio.to_thread(sys.stdin.readline) or None


class _Lines:
    """Lines from a person, with history and completion."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._prompt = _prompt(home / "chat_history")

    async def next(self) -> str | None:
        """The next line; None to leave."""
        while True:
            try:
                return await self._prompt.prompt_async("> ")
            except KeyboardInterrupt:
                continue  # Ctrl-C drops the line, as in every shell
            except EOFError:
                return None


def _prompt(history: Path) -> PromptSession[str]:
    # Here and not above: 50 ms that no other command needs to wait for.
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.history import FileHistory

    # A word is whatever has no space in it, or ":he" would be completed as "he".
    words = WordCompleter([*_COMMANDS, *_WORDS], WORD=True)
    return PromptSession(
        history=FileHistory(str(history)), completer=words, complete_while_typing=False
    )
