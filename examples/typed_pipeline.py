"""A pipeline: each step is a block, each hand-over is checked when it is wired and when it runs."""

from dataclasses import dataclass

from conduit.blocks import block
from conduit.contracts.errors import WiringError
from conduit.rhythm import STYLES, Style, render


@dataclass(frozen=True)
class Brief:
    style: Style


@dataclass(frozen=True)
class Pattern:
    bars: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    hits: int


@block("demo.kick", summary="Render a style and keep its kick")
def kick(brief: Brief) -> Pattern:
    return Pattern(render(STYLES[brief.style], bars=4).grid()[0].bars)


@block("demo.count", summary="Count the hits of a pattern")
def count(pattern: Pattern) -> Report:
    return Report(sum(len(bar) - bar.count(".") for bar in pattern.bars))


kicks = kick >> count
print(kicks)
print(kicks(Brief(Style.BROKEN)))
try:
    count >> kick  # type: ignore[operator]  # the wrong order, on purpose
except WiringError as error:
    print(error)
