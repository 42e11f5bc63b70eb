"""``conduit render``: a config file in, a MIDI file out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from conduit.app import App
from conduit.blocks import dumps, loads
from conduit.cli.ask import write_file
from conduit.cli.printing import out, print_groove, print_json
from conduit.cli.running import AsJson, call, run
from conduit.rhythm.load import read_config


def render(
    config: Annotated[Path, typer.Argument(help="A groove config, JSON or YAML; see configs/.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="The MIDI file to write.")
    ],
    bars: Annotated[int | None, typer.Option(help="Instead of the config's bars.")] = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the config's seed.")] = None,
    as_json: AsJson = False,
) -> None:
    """Render a groove config to a MIDI file.

    Example: `conduit render configs/warehouse.json -o warehouse.mid --bars 16`
    """

    async def work(app: App) -> None:
        request = {"config": read_config(config), "bars": bars, "seed": seed}
        rendered: Any = await call(app, "groove.render_config", request)
        written = write_file(app, rendered.midi.id, output)
        shown = loads(dumps(rendered))
        if as_json:
            print_json({**shown, "files": [str(written)]})
            return
        print_groove(shown)
        out.print(
            f"{rendered.title}: {rendered.bars} bars at {rendered.bpm:g} BPM, seed {rendered.seed}"
        )
        out.print(f"[bold green]saved[/] {written}", soft_wrap=True)

    run(work, as_json=as_json, detect=False)
