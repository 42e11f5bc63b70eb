"""``conduit ask``: a sentence in, a groove out."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from conduit.blocks import dumps, loads
from conduit.cli.printing import err, out, print_groove, print_json, print_markdown
from conduit.cli.running import AsJson, run
from conduit.contracts.call import LOCAL_OWNER
from conduit.contracts.errors import NotFound, StoreError
from conduit.store.files import write_atomically

if TYPE_CHECKING:
    from conduit.agents.events import AskReply, ToolUse
    from conduit.app import App


def ask(
    text: Annotated[str, typer.Argument(help="What you want, in plain words.")],
    folder: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where files are written.")
    ] = Path(),
    session: Annotated[str, typer.Option(help="Conversation to continue.")] = "cli",
    system: Annotated[str, typer.Option(help="System prompt to use.")] = "default",
    provider: Annotated[str, typer.Option(help="Ask only this provider.")] = "",
    samples: Annotated[
        int | None,
        typer.Option(help="Ask so many times, and take what most answers say."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask for a groove, or anything else. Files land in the current folder.

    Example: `conduit ask "make an 8-bar industrial groove at 140 bpm with sparse ghost kicks"`,
    then `conduit ask "more swing"`.
    """

    async def work(app: App) -> None:
        await app.servers.discover_for(app.access.models)  # those that a model may use
        request: dict[str, str | int | None] = {
            "prompt": text,
            "session": session,
            "system": system,
            "provider": provider,
            "samples": samples,
        }
        reply = await answered(app, request, quiet=as_json)
        saved = [path for use in reply.tool_calls for path in save_files(app, use, folder)]
        if as_json:
            print_json({**loads(dumps(reply)), "files": [str(path) for path in saved]})
            return
        print_reply(reply)
        print_saved(saved)

    run(work, as_json=as_json)


async def answered(app: App, request: Mapping[str, str | int | None], *, quiet: bool) -> AskReply:
    """Ask and wait, with a sign of life meanwhile."""
    if quiet or not err.is_terminal:
        reply: AskReply = await app.gate.acall("agent.ask", request, LOCAL_OWNER)
        return reply
    whom = str(request.get("provider") or app.registry.active)
    with err.status(f"asking {escape(whom)} …"):
        reply = await app.gate.acall("agent.ask", request, LOCAL_OWNER)
    return reply


def print_reply(reply: AskReply) -> None:
    """The grids of all grooves, then what was said and by whom."""
    for failure in dict.fromkeys(reply.failures):  # the same one may fail at every turn
        said = escape(failure.message)
        err.print(f"[yellow]{failure.provider} did not answer:[/] {said}", soft_wrap=True)
    for use in reply.tool_calls:
        if use.ok and isinstance(use.result, dict) and "lanes" in use.result:
            print_groove(use.result)
    print_markdown(reply.text)
    for each in reply.waiting_for:
        given = escape(dumps(each.arguments).decode()[:200])
        err.print(f"[yellow]waits for you:[/] {escape(each.block)} {given}", soft_wrap=True)
        err.print(f"[dim]conduit runs approve|edit|reject|answer {reply.run_id}[/]", soft_wrap=True)
    if reply.status == "stopped":
        err.print(f"[yellow]stopped:[/] the limit of {reply.why} was reached")
    if reply.agreement is not None:
        agreed = reply.agreement
        stronger = ", so a stronger model was asked" if agreed.escalated else ""
        out.print(f"[dim]{100 * agreed.agreement:.0f} % of the answers agreed{stronger}[/]")
    if reply.provider != "offline":
        out.print(f"[dim]{reply.provider} {escape(reply.model)}[/]")


def print_saved(paths: list[Path]) -> None:
    """Where files landed; a path stays in one piece, to be copied."""
    for path in paths:
        out.print(f"[bold green]saved[/] {escape(str(path))}", soft_wrap=True)


def save_files(app: App, use: ToolUse, folder: Path) -> list[Path]:
    """Where a tool saved its files; those that it only stored are copied into a folder."""
    if use.saved:
        return [Path(path) for path in use.saved]
    written = []
    for ref in use.files:
        with contextlib.suppress(NotFound):  # a tool of somebody else may name what is not there
            path = folder / (Path(ref.name).name or ref.id)
            written.append(write_file(app, ref.id, path, replace=False))
    return written


def write_file(app: App, file_id: str, path: Path, *, replace: bool = True) -> Path:
    """Copy a stored file to a path, all of it or nothing; returns where it landed.

    Without ``replace`` a file that is there already stays, and a number is added to the name,
    unless it holds the same bytes. Raises ``StoreError``.
    """
    _, data = app.files.get(LOCAL_OWNER.org_id, file_id)
    try:
        if not replace:
            path = _free(path, data)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    except OSError as error:
        raise StoreError(
            f"{path} could not be written: {error.strerror}", hint="choose another place"
        ) from None
    return path


def _free(path: Path, data: bytes) -> Path:
    """The first of ``name``, ``name-2``, ``name-3`` … that is free or holds ``data``."""
    for number in count(2):
        if not path.exists() or path.read_bytes() == data:
            break
        stem = path.stem if number == 2 else path.stem.rpartition("-")[0]
        path = path.with_name(f"{stem}-{number}{path.suffix}")
    return path
