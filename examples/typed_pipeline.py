"""A pipeline by hand: each step is a block, so each hand-over is checked."""

from dataclasses import dataclass

from conduit.blocks import block
from conduit.contracts.errors import TypeMismatch
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


print(count(kick(Brief(Style.BROKEN))))
try:
    count(Brief(Style.BROKEN))  # type: ignore[arg-type]  # the wrong order, on purpose
except TypeMismatch as error:
    print(error)
