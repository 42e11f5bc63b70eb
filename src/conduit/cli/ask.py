"""``conduit ask``: a sentence in, a groove out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from conduit.blocks import dumps, loads
from conduit.cli.generation import MaxTokens, Seed, Stop, Temperature, TopP, given
from conduit.cli.printing import err, out, print_groove, print_json, print_markdown
from conduit.cli.running import AsJson, run
from conduit.cli.saving import print_saved, save_files
from conduit.contracts.call import LOCAL_OWNER

if TYPE_CHECKING:
    from conduit.agents.events import AskReply
    from conduit.app import App


def ask(
    text: Annotated[str, typer.Argument(help="What you want, in plain words.")],
    folder: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where files are written.")
    ] = Path(),
    session: Annotated[str, typer.Option(help="Conversation to continue.")] = "cli",
    system: Annotated[str, typer.Option(help="System prompt to use.")] = "",
    provider: Annotated[str, typer.Option(help="Ask only this provider.")] = "",
    samples: Annotated[
        int | None,
        typer.Option(help="Ask so many times, and take what most answers say."),
    ] = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    max_tokens: MaxTokens = None,
    seed: Seed = None,
    stop: Stop = None,
    as_json: AsJson = False,
) -> None:
    """Ask for a groove, or anything else. Files land in the current folder.

    Example: `conduit ask "make an 8-bar industrial groove at 140 bpm with sparse ghost kicks"`,
    then `conduit ask "more swing"`.
    """

    async def work(app: App) -> None:
        await app.servers.discover_for(app.access.models)  # those that a model may use
        request: dict[str, Any] = {
            "prompt": text,
            "session": session,
            "system": system,
            "provider": provider,
            "samples": samples,
            "generation": given(temperature, top_p, max_tokens, seed, stop),
        }
        reply = await answered(app, request, quiet=as_json)
        saved = [path for use in reply.tool_calls for path in save_files(app, use, folder)]
        if as_json:
            print_json({**loads(dumps(reply)), "files": [str(path) for path in saved]})
            return
        print_reply(reply)
        print_saved(saved)

    run(work, as_json=as_json)


async def answered(app: App, request: Mapping[str, Any], *, quiet: bool) -> AskReply:
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
    if reply.dropped and reply.provider != "offline":
        told = ", ".join(reply.dropped)
        err.print(f"[yellow]{escape(reply.provider)} has no means for:[/] {escape(told)}")
    if reply.provider != "offline":
        out.print(f"[dim]{reply.provider} {escape(reply.model)}[/]")
