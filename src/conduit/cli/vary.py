"""``conduit vary``: a config in, a ranked batch of variations out."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress

from conduit.blocks import dumps, loads
from conduit.cli.printing import err, out, print_json, print_table
from conduit.cli.running import AsJson, run
from conduit.cli.saving import write_file
from conduit.contracts.call import LOCAL_OWNER

if TYPE_CHECKING:
    from conduit.app import App

_SHOWN_CHANGES = 2


def vary(
    config: Annotated[str, typer.Argument(help="A groove config, JSON or YAML, or a style.")],
    n: Annotated[int, typer.Option("--n", "-n", help="How many are made and compared.")] = 64,
    keep: Annotated[int, typer.Option(help="How many of the best are written.")] = 8,
    amount: Annotated[
        float, typer.Option(help="How far the dials move, 0 to 1; at 0 only the seed changes.")
    ] = 0.5,
    folder: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Where the best are written.")
    ] = Path("variations"),
    bars: Annotated[int | None, typer.Option(help="Instead of the config's bars.")] = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the config's seed.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make variations of a groove config and write the best, as MIDI and as configs.

    The best are as full as the config, layer by layer, and unlike it and each other.

    Example: `conduit vary configs/warehouse.json --n 64`, or `conduit vary idm --amount 1`
    """

    async def work(app: App) -> None:
        from conduit.rhythm.sources import config_data  # brings NumPy along

        request = {
            "config": config_data(config), "n": n, "keep": keep, "amount": amount,
            "bars": bars, "seed": seed,
        }  # fmt: skip
        made = await _with_progress(app, request, quiet=as_json or not err.is_terminal)
        written = [
            write_file(app, ref.id, folder / ref.name)
            for each in made.kept
            for ref in (each.midi, each.config)
        ]
        if as_json:
            print_json({**loads(dumps(made)), "files": [str(path) for path in written]})
            return
        out.print(f"{escape(made.title)}: the best {len(made.kept)} of {made.n} variations")
        columns = ("", "number", "seed", "score", "fit", "novelty", "moved")
        print_table(columns, [_row(each) for each in made.kept])
        out.print(f"[bold green]saved[/] {len(written)} files in {escape(str(folder))}")

    run(work, as_json=as_json, detect=False)


async def _with_progress(app: App, request: dict[str, Any], *, quiet: bool) -> Any:
    """The last thing that the block yields; what comes before is how far it is."""
    events = app.gate.stream("groove.vary", request, LOCAL_OWNER)
    with Progress(console=err, transient=True, disable=quiet) as progress:
        bar = progress.add_task("playing", total=None)
        async with aclosing(events):
            async for event in events:
                if hasattr(event, "done"):
                    progress.update(bar, completed=event.done, total=event.of)
    return event


def _row(each: Any) -> tuple[str, ...]:
    """A variation in a line. Loudness moves in every layer, so it is not what is shown first."""
    moved = sorted(each.changes, key=lambda change: change.field.endswith("velocity"))
    shown = ", ".join(_change(change) for change in moved[:_SHOWN_CHANGES])
    values = (each.score, each.fit, each.novelty)
    return (f"{each.rank}", f"{each.number}", f"{each.seed}", *(f"{v:.2f}" for v in values), shown)


def _change(change: Any) -> str:
    field = change.field.removeprefix(change.field.partition("]")[0] + "].")
    return f"{change.layer} {field} {change.was:g}→{change.now:g}".strip()
