"""``conduit morph``: two grooves in, what is between them out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.markup import escape

from conduit.blocks import dumps, loads
from conduit.cli.printing import out, print_groove, print_json
from conduit.cli.running import AsJson, call, run
from conduit.cli.saving import OUTPUT_HELP, print_saved, write_output
from conduit.contracts.errors import NotFound

if TYPE_CHECKING:
    from conduit.app import App

Amount = Annotated[float, typer.Option(help="0 is the first, 1 the second.")]
Steps = Annotated[
    int | None,
    typer.Option(help="So many grooves from the first to the second, in one file.", min=2),
]
Bars = Annotated[int | None, typer.Option(help="Instead of the bars of the nearer one.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help=OUTPUT_HELP)]

_PRESET: Final = "preset:"
_ID: Final = re.compile(r"[0-9a-f]{24}(?:-[0-9a-f]{16})?")
_WHAT: Final = (
    "A style, a config file, the name of a saved config, the id of a groove, or preset:NAME."
)


def morph(
    one: Annotated[str, typer.Argument(help=_WHAT)],
    two: Annotated[str, typer.Argument(help="Another one.")],
    amount: Amount = 0.5,
    steps: Steps = None,
    bars: Bars = None,
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Morph one groove into another: the groove part of the way, or all of the way in steps.

    Example: `conduit morph minimal acid --amount 0.4 -o between.mid`, or `--steps 5`
    """

    async def work(app: App) -> None:
        from conduit.rhythm.styles import STYLES  # brings NumPy along

        request = {
            "one": source_of(one),
            "two": source_of(two),
            "amount": amount,
            "steps": steps,
            "bars": bars,
        }
        try:
            made = await call(app, "groove.morph", request)
        except NotFound as error:  # what is no name of a config may be a style spelled wrongly
            raise NotFound(
                error.message, where=error.where, hint=f"{error.hint}; styles: {', '.join(STYLES)}"
            ) from None
        print_morph(app, made, output, as_json)

    run(work, as_json=as_json, detect=False)


def source_of(said: str) -> dict[str, Any]:
    """What somebody typed as the source of a groove."""
    from conduit.rhythm.load import read_config  # brings NumPy along
    from conduit.rhythm.styles import STYLES

    if said in STYLES:
        return {"groove": {"style": said}}
    if said.startswith(_PRESET):
        return {"preset": said.removeprefix(_PRESET)}
    if _ID.fullmatch(said):
        return {"groove_id": said}
    if Path(said).suffix and Path(said).is_file():
        return {"config": read_config(Path(said))}
    return {"saved": said}


def print_morph(app: App, made: Any, output: Path | None, as_json: bool) -> None:
    """A morphed groove, or each of a series, and where its file landed."""
    written = write_output(app, made.midi, output)
    shown = loads(dumps(made))
    if as_json:
        print_json({**shown, "files": [str(written)]})
        return
    for region in shown["regions"]:
        begins = f"beat {region['start_beat']:g}, {region['bars']} bars at {region['bpm']:g} BPM"
        out.print(f"[bold]{region['amount']:.0%}[/] {begins}")
        print_groove(region)
    if not shown["regions"]:
        print_groove(shown)
        what = f"{made.bars} bars at {made.bpm:g} BPM, swing {made.swing:.1f} %"
        out.print(f"{escape(made.title)}: {what}", soft_wrap=True)
        out.print(f"[dim]groove {made.groove_id}[/]")
    print_saved([written])
