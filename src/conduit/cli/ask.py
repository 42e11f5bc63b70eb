"""``conduit ask``: a sentence in, a groove out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from conduit.agents.ask import AskRequest
from conduit.agents.events import AskReply, ToolUse
from conduit.app import App
from conduit.blocks import decode, dumps, loads
from conduit.cli.printing import err, out, print_groove, print_json, print_markdown
from conduit.cli.running import AsJson, run
from conduit.contracts.call import LOCAL_OWNER
from conduit.contracts.errors import StoreError
from conduit.store.files import write_atomically


def ask(
    text: Annotated[str, typer.Argument(help="What you want, in plain words.")],
    folder: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where files are written.")
    ] = Path(),
    session: Annotated[str, typer.Option(help="Conversation to continue.")] = "cli",
    system: Annotated[str, typer.Option(help="System prompt to use.")] = "default",
    provider: Annotated[str, typer.Option(help="Ask only this provider.")] = "",
    as_json: AsJson = False,
) -> None:
    """Ask for a groove, or anything else. Files land in the current folder.

    Example: `conduit ask "make an 8-bar industrial groove at 140 bpm with sparse ghost kicks"`,
    then `conduit ask "more swing"`.
    """

    async def work(app: App) -> None:
        request = {"prompt": text, "session": session, "system": system, "provider": provider}
        asked = decode(AskRequest, request, where="ask")
        reply = await answered(app, asked, quiet=as_json)
        saved = [path for use in reply.tool_calls for path in save_files(app, use, folder)]
        if as_json:
            print_json({**loads(dumps(reply)), "files": [str(path) for path in saved]})
            return
        print_reply(reply)
        for path in saved:
            out.print(f"[bold green]saved[/] {path}", soft_wrap=True)

    run(work, as_json=as_json)


async def answered(app: App, request: AskRequest, *, quiet: bool) -> AskReply:
    """Ask and wait, with a sign of life meanwhile."""
    if quiet or not err.is_terminal:
        reply: AskReply = await app.gate.acall("agent.ask", request, LOCAL_OWNER)
        return reply
    with err.status(f"asking {request.provider or app.registry.active} …"):
        reply = await app.gate.acall("agent.ask", request, LOCAL_OWNER)
    return reply


def print_reply(reply: AskReply) -> None:
    """The grids of all grooves, then what was said and by whom."""
    for failure in reply.failures:
        err.print(f"[yellow]{failure.provider} did not answer:[/] {failure.message}")
    for use in reply.tool_calls:
        if use.ok and isinstance(use.result, dict) and "lanes" in use.result:
            print_groove(use.result)
    print_markdown(reply.text)
    if reply.provider != "offline":
        out.print(f"[dim]{reply.provider} {reply.model}[/]")


def save_files(app: App, use: ToolUse, folder: Path) -> list[Path]:
    """Copy the files that a tool wrote into a folder, under their own names."""
    if not use.ok or not isinstance(use.result, dict):
        return []
    refs = [v for v in use.result.values() if isinstance(v, dict) and "media_type" in v]
    return [write_file(app, ref["id"], folder / Path(ref["name"]).name) for ref in refs]


def write_file(app: App, file_id: str, path: Path) -> Path:
    """Copy a stored file to a path, all of it or nothing. Raises ``StoreError``."""
    _, data = app.files.get(LOCAL_OWNER.org_id, file_id)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    except OSError as error:
        raise StoreError(
            f"{path} could not be written: {error.strerror}", hint="choose another place"
        ) from None
    return path
