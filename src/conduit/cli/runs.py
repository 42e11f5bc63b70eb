"""``conduit runs``: what agents and plans did, going on with it, deciding, trying another way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from conduit.blocks import dumps, loads
from conduit.cli.ask import print_reply
from conduit.cli.plans import go_on
from conduit.cli.printing import err, out, print_json, print_table, working
from conduit.cli.running import AsJson, call, run
from conduit.cli.saving import print_saved, save_files, write_out
from conduit.contracts.errors import InvalidInput

if TYPE_CHECKING:
    from conduit.app import App

commands = typer.Typer(
    no_args_is_help=True,
    help="What agents and plans did, step by step; going on with it, another way too.",
)

RunId = Annotated[
    str, typer.Argument(help="Id of the run, as `conduit runs list` shows it, or `last`.")
]
CallId = Annotated[str, typer.Option("--call", help="Which call, if more than one waits.")]
Folder = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where files are written.")]
_MICRO = 1_000_000
_LONGEST = 60


@commands.command("list")
def list_runs(
    thread: Annotated[str, typer.Option(help="Only of this conversation.")] = "",
    status: Annotated[
        str,
        typer.Option(help="Only running, waiting, done, stopped, failed or cancelled ones."),
    ] = "",
    limit: Annotated[int, typer.Option(help="How many at most.")] = 20,
    others: Annotated[bool, typer.Option("--others", help="Those of everybody else.")] = False,
    as_json: AsJson = False,
) -> None:
    """List your runs, newest first; those of others with `--others`."""

    async def work(app: App) -> None:
        asked = {"thread": thread, "status": status, "limit": limit}
        found: Any = await call(app, "runs.others" if others else "runs.list", asked)
        if as_json:
            print_json(found)
        elif not found.runs:
            out.print("There is no such run. `conduit ask` makes one.")
        else:
            rows = [
                (
                    each.id,
                    each.status,
                    each.created_at[5:16].replace("T", " "),
                    str(each.steps),
                    each.kind,
                    _short(each.prompt),
                    *((each.subject,) if others else ()),
                )
                for each in found.runs
            ]
            heads = ("run", "status", "begun (UTC)", "steps", "kind", "asked")
            print_table((*heads, "whose") if others else heads, rows)

    run(work, as_json=as_json, detect=False)


@commands.command()
def waiting(as_json: AsJson = False) -> None:
    """Show what waits for a decision: yours, and that of others where you may reach it."""

    async def work(app: App) -> None:
        found: Any = await call(app, "runs.waiting", {})
        if as_json:
            print_json(found)
            return
        if not found.runs:
            out.print("Nothing waits.")
        for each in found.runs:
            whose = "" if each.own else f" ({escape(each.run.subject)})"
            out.print(f"[bold]{escape(each.run.id)}[/]{whose}: {escape(_short(each.run.prompt))}")
            for asked in each.waiting_for:
                _print_waiting(each.run.id, each.run.kind, asked)

    run(work, as_json=as_json, detect=False)


@commands.command()
def show(run_id: RunId, as_json: AsJson = False) -> None:
    """Show a run step by step, and what waits for a decision."""

    async def work(app: App) -> None:
        found: Any = await _whole(app, run_id)
        if as_json:
            print_json(found)
            return
        spent = found.run.spent
        named = escape(found.run.id)
        out.print(f"[bold]{named}[/] {found.run.status}: {escape(found.run.prompt)}")
        out.print(
            f"[dim]{spent.steps} answers, {spent.tool_calls} calls, "
            f"{spent.input_tokens + spent.output_tokens:,} tokens, "
            f"US$ {spent.cost_micro / _MICRO:,.4f}, {spent.ms / 1000:,.1f} s at work[/]"
        )
        rows = [(str(each.number), each.kind, _told(each.body)) for each in found.steps]
        print_table(("step", "", ""), rows)
        for each in found.waiting_for:
            _print_waiting(found.run.id, found.run.kind, each)

    run(work, as_json=as_json, detect=False)


@commands.command()
def resume(
    run_id: RunId,
    retry: Annotated[list[str] | None, typer.Option(help="Do this step of a plan again.")] = None,
    skip: Annotated[list[str] | None, typer.Option(help="Leave this step of a plan out.")] = None,
    folder: Folder = Path(),
    as_json: AsJson = False,
) -> None:
    """Go on with a run that failed, was cancelled, or whose process was killed.

    A step of a plan that may have been done waits for `--retry STEP` or `--skip STEP`.
    """

    async def work(app: App) -> None:
        found: Any = await call(app, "runs.show", {"run_id": run_id})
        if found.run.kind == "plan":
            await go_on(app, found.run.id, retry or [], skip or [], as_json=as_json)
            return
        with working("going on", quiet=as_json):
            reply: Any = await call(app, "runs.resume", {"run_id": run_id})
        _print(app, reply, folder, as_json)

    run(work, as_json=as_json)


@commands.command()
def fork(
    run_id: RunId,
    step: Annotated[int, typer.Option(help="The last step that is kept; 1: only the prompt.")] = 1,
    prompt: Annotated[str, typer.Option(help="In place of what was asked.")] = "",
    provider: Annotated[str, typer.Option(help="Ask only this provider.")] = "",
    model: Annotated[str, typer.Option(help="Ask for this model.")] = "",
    again: Annotated[
        bool, typer.Option("--again", help="Make calls again whose results are known.")
    ] = False,
    folder: Folder = Path(),
    as_json: AsJson = False,
) -> None:
    """Go on from a step as a new run, perhaps with another model or another prompt.

    Example: `conduit runs fork last --provider anthropic` replays a run with another model.
    """
    asked = {
        "run_id": run_id,
        "step": step,
        "prompt": prompt,
        "provider": provider,
        "model": model,
        "reuse": not again,
    }
    _going_on("runs.fork", asked, folder, as_json)


@commands.command()
def approve(
    run_id: RunId, call_id: CallId = "", folder: Folder = Path(), as_json: AsJson = False
) -> None:
    """Let the agent make the call that it asked about."""
    _decide(run_id, call_id, {"decision": "approve"}, folder, as_json)


@commands.command()
def edit(
    run_id: RunId,
    arguments: Annotated[str, typer.Argument(help="The arguments to use, as a JSON object.")],
    call_id: CallId = "",
    folder: Folder = Path(),
    as_json: AsJson = False,
) -> None:
    """Let the agent make the call, with other arguments."""
    _decide(run_id, call_id, {"decision": "edit", "arguments": arguments}, folder, as_json)


@commands.command()
def reject(
    run_id: RunId,
    reason: Annotated[str, typer.Argument(help="What the agent is told.")] = "",
    call_id: CallId = "",
    folder: Folder = Path(),
    as_json: AsJson = False,
) -> None:
    """Forbid the call; the agent goes on without it."""
    _decide(run_id, call_id, {"decision": "reject", "text": reason}, folder, as_json)


@commands.command()
def answer(
    run_id: RunId,
    text: Annotated[str, typer.Argument(help="What the call is taken to have given.")],
    call_id: CallId = "",
    folder: Folder = Path(),
    as_json: AsJson = False,
) -> None:
    """Answer in place of the call."""
    _decide(run_id, call_id, {"decision": "answer", "text": text}, folder, as_json)


@commands.command()
def cancel(run_id: RunId, as_json: AsJson = False) -> None:
    """Leave a run that waits."""

    async def work(app: App) -> None:
        found: Any = await call(app, "runs.cancel", {"run_id": run_id})
        if as_json:
            print_json(found)
        else:
            out.print(f"{found.id} is {found.status}")

    run(work, as_json=as_json, detect=False)


@commands.command()
def export(
    run_id: RunId,
    file: Annotated[Path, typer.Argument(help="Where to write it, as JSON.")],
) -> None:
    """Write a run with all its steps into a file."""

    async def work(app: App) -> None:
        found = await _whole(app, run_id)
        write_out(file, dumps(found))
        print_saved([file])

    run(work, as_json=False, detect=False)


async def _whole(app: App, run_id: str) -> Any:
    """A run with all its steps, which come in pages."""
    found: Any = await call(app, "runs.show", {"run_id": run_id})
    pages = [found.steps]
    more = found.more
    while more:
        asked = {"run_id": found.run.id, "after": pages[-1][-1].number}
        page: Any = await call(app, "runs.show", asked)
        pages.append(page.steps)
        more = page.more
    return replace(found, steps=tuple(step for page in pages for step in page), more=False)


def _going_on(block: str, asked: dict[str, Any], folder: Path, as_json: bool) -> None:
    async def work(app: App) -> None:
        with working("going on", quiet=as_json):
            reply: Any = await call(app, block, asked)
        _print(app, reply, folder, as_json)

    run(work, as_json=as_json)


def _decide(
    run_id: str, call_id: str, decision: dict[str, Any], folder: Path, as_json: bool
) -> None:
    async def work(app: App) -> None:
        named = call_id
        if not named:
            shown: Any = await call(app, "runs.show", {"run_id": run_id})
            waiting = [each.id for each in shown.waiting_for]
            if len(waiting) != 1:
                raise InvalidInput(
                    f"{len(waiting)} calls wait for a decision",
                    where="--call",
                    hint=f"name one of {', '.join(waiting)}"
                    if waiting
                    else "`conduit runs waiting` shows what does",
                )
            named = waiting[0]
        asked = {**decision, "run_id": run_id, "call_id": named}
        if "arguments" in asked:
            asked["arguments"] = loads(asked["arguments"])
        with working("going on", quiet=as_json):
            reply: Any = await call(app, "runs.decide", asked)
        _print(app, reply, folder, as_json)

    run(work, as_json=as_json)


def _print(app: App, reply: Any, folder: Path, as_json: bool) -> None:
    saved = [path for use in reply.tool_calls for path in save_files(app, use, folder)]
    if as_json:
        print_json({**loads(dumps(reply)), "files": [str(path) for path in saved]})
        return
    print_reply(reply)
    print_saved(saved)


def _print_waiting(run_id: str, kind: str, asked: Any) -> None:
    given = _short(dumps(asked.arguments).decode())
    named = f"{escape(asked.block)} {escape(given)} [dim]({escape(asked.id)})[/]"
    err.print(f"[yellow]waits for you:[/] {named}")
    how = f"conduit runs approve|edit|reject|answer {run_id}"
    if kind == "plan":
        how = f"conduit runs resume {run_id} --retry|--skip {asked.id}"
    err.print(f"[dim]{escape(how)}[/]", soft_wrap=True)


def _told(body: Any) -> str:
    """What a step is about, in one line."""
    match body:
        case {"message": {"content": str(text), "tool_calls": list(calls)}}:
            names = ", ".join(each["name"] for each in calls)
            return _short(f"{text} → {names}" if names else text)
        case {"number": int(), "text": str(text), "error": str(error)}:
            return _short(text or error)
        case {"block": str(block), "said": str(said)}:
            return _short(f"{block}: {said}")
        case {"messages": [*_, {"content": str(text)}]}:
            return _short(text)
        case _:
            return _short(dumps(body).decode())


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
