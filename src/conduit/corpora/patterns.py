"""What comes back across the texts of a corpus, and the same passages among it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from conduit.corpora.texts import Span, paragraphs, sentences
from conduit.store.segments import Source

SHORTEST: Final = 20
"""Characters of a passage that is looked for."""
MOST_PLACES: Final = 20
"""Of one passage that are told."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text of a corpus."""

    source: Source
    content: str


@dataclass(frozen=True, slots=True)
class At:
    """A place in a source."""

    source: Source
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Recurring:
    """A passage or phrase, how often it stands, in how many sources, and the first places.

    ``score`` of a passage is the number of characters that stand there again, that of a phrase its
    C-value, ``log₂ words · (times − mean times of the longer phrases around it)`` (Frantzi,
    Ananiadou and Mima, 2000)."""

    text: str
    times: int
    sources: int
    score: float
    places: tuple[At, ...]


def recurring_passages(texts: Sequence[Text], most: int) -> tuple[Recurring, ...]:
    """Sentences that stand in the corpus twice or more, the longest and most frequent first."""
    places: dict[str, list[At]] = {}
    for text in texts:
        for span in all_sentences(text.content):
            if span.end - span.start >= SHORTEST:
                said = " ".join(text.content[span.start : span.end].split()).casefold()
                places.setdefault(said, []).append(At(text.source, span.start, span.end))
    contents = {text.source: text.content for text in texts}
    found = [
        Recurring(
            contents[at[0].source][at[0].start : at[0].end],
            len(at),
            len({each.source for each in at}),
            float(len(said) * (len(at) - 1)),
            tuple(at[:MOST_PLACES]),
        )
        for said, at in places.items()
        if len(at) > 1
    ]
    return tuple(sorted(found, key=lambda each: (-each.score, each.text))[:most])


def all_sentences(text: str) -> list[Span]:
    """The sentences of all paragraphs, in order."""
    return [
        sentence
        for paragraph in paragraphs(text)
        for sentence in sentences(text, paragraph.start, paragraph.end)
    ]
