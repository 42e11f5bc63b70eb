"""``conduit chat``: a conversation in the terminal."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.history import FileHistory

from conduit import __version__
from conduit.agents.ask import AskRequest, SessionRequest
from conduit.app import App
from conduit.blocks import NoOp, decode
from conduit.cli.ask import answered, print_reply, save_files
from conduit.cli.printing import out, print_error, print_json, print_providers
from conduit.cli.running import AsJson, call, run
from conduit.contracts.errors import ConduitError

_COMMANDS = {
    ":help": "show this",
    ":about": "what Conduit is",
    ":providers": "who answers, and how they are",
    ":reset": "forget this conversation",
    ":quit": "leave (so does Ctrl-D)",
}
_WORDS = (
    "industrial warehouse hypnotic minimal dub acid broken electro hard idm bars bpm swing "
    "density ghost rotation seed more less faster slower another without"
).split()


def chat(
    session: Annotated[str, typer.Option(help="Conversation to continue.")] = "chat",
    folder: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where files are written.")
    ] = Path(),
    as_json: AsJson = False,
) -> None:
    """Talk to Conduit. `:help` shows the commands; grooves are saved as you go."""

    async def work(app: App) -> None:
        read = _reader(app.settings.home)
        if sys.stdin.isatty():
            out.print(f"Conduit {__version__}. Ask for a groove; [bold]:help[/] shows more.")
        while (line := await read()) is not None:
            if line.startswith(":"):
                if not await _command(app, line, session):
                    break
            elif line.strip():
                await _answer(app, line.strip(), session, folder, as_json)

    run(work, as_json=as_json)


async def _answer(app: App, text: str, session: str, folder: Path, as_json: bool) -> None:
    """One turn; what goes wrong is printed and the conversation goes on."""
    try:
        request = decode(AskRequest, {"prompt": text, "session": session}, where="ask")
        reply = await answered(app, request, quiet=as_json)
        if as_json:
            print_json(reply)
        else:
            print_reply(reply)
        for use in reply.tool_calls:
            for path in save_files(app, use, folder):
                if not as_json:
                    out.print(f"[bold green]saved[/] {path}", soft_wrap=True)
    except ConduitError as error:
        print_error(error, as_json=as_json)


async def _command(app: App, line: str, session: str) -> bool:
    """Run a command; false to leave."""
    word = line.split()[0]
    if word in (":quit", ":q", ":exit"):
        return False
    if word == ":providers":
        print_providers(await call(app, "providers.list", NoOp()))
    elif word == ":reset":
        await call(app, "agent.reset", SessionRequest(session))
        out.print("This conversation is forgotten.")
    elif word == ":about":
        out.print(
            f"Conduit {__version__}: an operating system for AI that you can also play. Models "
            "and the offline agent call typed blocks; a groove comes out. Everything runs here."
        )
    else:
        if word != ":help":
            out.print(f"There is no {word}.")
        for name, what in _COMMANDS.items():
            out.print(f"  [bold]{name:11}[/] {what}")
    return True


class _Reader:
    """Lines from a pipe, or from a prompt with history and completion."""

    def __init__(self, prompt: PromptSession[str] | None) -> None:
        self._prompt = prompt

    async def __call__(self) -> str | None:
        """The next line; None at the end."""
        if self._prompt is None:
            line = await asyncio.to_thread(sys.stdin.readline)
            return line.rstrip("\n") if line else None
        while True:
            try:
                return await self._prompt.prompt_async("› ")
            except KeyboardInterrupt:
                continue  # Ctrl-C drops the line, as in every shell
            except EOFError:
                return None


def _reader(home: Path) -> _Reader:
    if not sys.stdin.isatty():
        return _Reader(None)
    home.mkdir(parents=True, exist_ok=True)
    return _Reader(
        PromptSession(
            history=FileHistory(str(home / "chat_history")),
            completer=WordCompleter([*_COMMANDS, *_WORDS], sentence=False),
            complete_while_typing=False,
        )
    )
