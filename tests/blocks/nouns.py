"""Dataclasses and blocks that the tests of this room share."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, Literal

from conduit.blocks import Json, Length, Range, block


class Style(enum.StrEnum):
    INDUSTRIAL = "industrial"
    DUB = "dub"


@dataclass
class Layer:
    name: str
    pitch: Annotated[int, Range(0, 127)] = 36


@dataclass
class Song:
    """What to play.

    The second paragraph is for readers of the source.
    """

    style: Annotated[Style, "how it sounds"]
    bpm: Annotated[float | None, Range(20, 300)] = None
    layers: list[Layer] = field(default_factory=list)
    tags: dict[str, int] = field(default_factory=dict)
    key: Annotated[str, Length(1, 8)] = "none"
    mode: Literal["loop", "once"] = "loop"
    extra: Json = None


@dataclass(frozen=True, slots=True)
class Words:
    text: str


@dataclass(frozen=True, slots=True)
class Count:
    words: int


@dataclass(frozen=True, slots=True)
class Step:
    """An event."""

    word: str


@block("text.count", summary="Count the words")
def count(data: Words) -> Count:
    return Count(len(data.text.split()))


@block("text.wait", summary="Count the words, slowly")
async def count_later(data: Words) -> Count:
    return Count(len(data.text.split()))


@block("text.spell", summary="Say every word, then count them")
async def spell(data: Words) -> AsyncIterator[Step | Count]:
    words = data.text.split()
    for word in words:
        yield Step(word)
    yield Count(len(words))
