"""``conduit render``: a config file in, a MIDI file out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from conduit.cli.running import AsJson, call, run
from conduit.cli.saving import OUTPUT_HELP, tell_groove

if TYPE_CHECKING:
    from conduit.app import App


def render(
    config: Annotated[Path, typer.Argument(help="A groove config, JSON or YAML; see configs/.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help=OUTPUT_HELP),
    ] = None,
    bars: Annotated[int | None, typer.Option(help="Instead of the config's bars.")] = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the config's seed.")] = None,
    as_json: AsJson = False,
) -> None:
    """Render a groove config to a MIDI file.

    Example: `conduit render configs/warehouse.json -o warehouse.mid --bars 16`
    """

    async def work(app: App) -> None:
        from conduit.rhythm.load import read_config  # brings NumPy along

        request = {"config": read_config(config), "bars": bars, "seed": seed}
        rendered: Any = await call(app, "groove.render_config", request)
        what = f"{rendered.bars} bars at {rendered.bpm:g} BPM, seed {rendered.seed}"
        title = escape(rendered.title)
        tell_groove(app, rendered, output, f"{title}: {what}", as_json=as_json)

    run(work, as_json=as_json, detect=False)
