"""``conduit sit``: a groove and a loop of sound in, the groove that sits like the loop out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from conduit.cli.analyze import kept_sound
from conduit.cli.printing import working
from conduit.cli.running import AsJson, call, run
from conduit.cli.saving import OUTPUT_HELP, tell_groove

if TYPE_CHECKING:
    from conduit.app import App


def sit(
    config: Annotated[str, typer.Argument(help="A groove config, JSON or YAML, or a style.")],
    loop: Annotated[Path, typer.Argument(help="A WAV, AIFF or FLAC file that begins with a bar.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help=OUTPUT_HELP),
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(help="A layer that moves, by name or kind; again for more. Else: the hats."),
    ] = None,
    amount: Annotated[float, typer.Option(help="How far, 0 to 1.")] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Make the hats of a groove, or other layers, sit like a loop: its swing, lean and accents.

    Example: `conduit sit minimal loop.wav -o minimal-sat.mid --amount 0.8`
    """

    async def work(app: App) -> None:
        from conduit.rhythm.sources import config_data  # brings NumPy along

        request = {
            "config": config_data(config),
            "loop": kept_sound(app, loop).id,
            "layers": tuple(layer or ("hat", "open_hat")),
            "amount": amount,
        }
        with working(f"listening to {loop.name}", quiet=as_json):
            sat: Any = await call(app, "groove.sit_like", request)
        like = f"{escape(sat.title)}: {escape(', '.join(sat.layers))} like {escape(loop.name)}"
        how = f"swing {sat.template.swing:.1f} %, {sat.template.confidence:.0%} sure"
        tell_groove(app, sat, output, like, how, as_json=as_json)

    run(work, as_json=as_json, detect=False)
