"""``conduit explain``: what a config does over time, as a table and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from conduit.blocks import dumps, loads
from conduit.cli.printing import out, print_json, print_table, working
from conduit.cli.running import AsJson, call, run
from conduit.cli.saving import print_saved, write_file
from conduit.contracts.errors import InvalidInput

if TYPE_CHECKING:
    from conduit.app import App

_SPARKS = "▁▂▃▄▅▆▇█"
_SHOWN_BARS = 32


def explain(
    config: Annotated[str, typer.Argument(help="A groove config, JSON or YAML, or a style.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="The SVG file to write.")
    ] = None,
    bars: Annotated[int | None, typer.Option(help="Instead of the config's bars.")] = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the config's seed.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a groove config does over time: scores, density, onsets and velocity.

    The picture is an SVG file, which every browser shows, on light and on dark.

    Example: `conduit explain configs/warehouse.json -o warehouse.svg`
    """

    async def work(app: App) -> None:
        from conduit.rhythm.sources import config_data  # brings NumPy along

        if output is not None and output.suffix.lower() != ".svg":
            raise InvalidInput(
                f"{output} does not end in .svg",
                hint="pictures are written as SVG; a browser prints one as PNG or PDF",
            )
        request = {"config": config_data(config), "bars": bars, "seed": seed}
        with working("playing", quiet=as_json):
            found: Any = await call(app, "groove.explain", request)
        written = [] if output is None else [write_file(app, found.svg.id, output)]
        if as_json:
            print_json({**loads(dumps(found)), "files": [str(path) for path in written]})
            return
        _print(found)
        print_saved(written)

    run(work, as_json=as_json, detect=False)


def _print(found: Any) -> None:
    what = f"{found.bars} bars at {found.bpm:g} BPM, density {found.mean_density:.2f}"
    out.print(f"{escape(found.title)}: {what}")
    scores = [
        (s.name.value, f"{s.mean:.2f}", _sparks(s.bars[:_SHOWN_BARS], 1)) for s in found.scores
    ]
    shown = min(found.bars, _SHOWN_BARS)
    print_table(("score", "mean", f"bars 1 to {shown}"), scores)
    out.print()
    most = max((max(layer.onsets) for layer in found.layers), default=0)
    rows = [
        (
            layer.name,
            f"{layer.hits}",
            f"{layer.density:.2f}",
            f"{layer.softest}–{layer.loudest}" if layer.hits else "silent",
            _sparks(layer.onsets[:_SHOWN_BARS], most),
        )
        for layer in found.layers
    ]
    columns = ("layer", "hits", "density", "velocity", f"onsets in bars 1 to {shown}")
    print_table(columns, rows)


def _sparks(values: tuple[float, ...], most: float) -> str:
    """A column for each bar; numbers where a terminal has no such characters."""
    if not out.encoding.startswith("utf"):
        return " ".join(f"{each:g}" for each in values)
    top = len(_SPARKS) - 1
    return "".join(_SPARKS[round(top * each / most)] if each else "·" for each in values)
