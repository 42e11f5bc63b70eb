"""What comes back across the texts of a corpus: the same passages, and the same phrases."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from conduit.corpora.texts import Span, paragraphs, sentences, words
from conduit.store.segments import Source

SHORTEST: Final = 20
"""Characters of a passage that is looked for."""
LONGEST_PHRASE: Final = 5
"""Words of a phrase."""

_MOST_PLACES: Final = 20


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
        for span in _sentences(text.content):
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
            tuple(at[:_MOST_PLACES]),
        )
        for said, at in places.items()
        if len(at) > 1
    ]
    return tuple(sorted(found, key=lambda each: (-each.score, each.text))[:most])


def recurring_phrases(texts: Sequence[Text], least: int, most: int) -> tuple[Recurring, ...]:
    """Two to five words in a row that stand twice, and in ``least`` sources, by their C-value.

    A longer phrase is only looked for where both phrases one word shorter are frequent enough
    (Agrawal and Srikant's *Apriori*, 1994), so what is rare takes no memory.
    """
    sentences_of = [
        [words(t.content[s.start : s.end]) for s in _sentences(t.content)] for t in texts
    ]
    counted: dict[tuple[str, ...], tuple[int, int]] = {}
    frequent: set[tuple[str, ...]] = set()
    for length in range(1, LONGEST_PHRASE + 1):
        times, held = _counted(sentences_of, length, frequent)
        frequent = {p for p, sources in held.items() if sources >= least and times[p] > 1}
        if length > 1:
            counted |= {phrase: (times[phrase], held[phrase]) for phrase in frequent}
        if not frequent:
            break
    best = sorted(_scored(counted), key=lambda each: (-each[1], each[0]))[:most]
    chosen = {phrase for phrase, _ in best}
    places = _places(texts, chosen)
    return tuple(
        Recurring(
            " ".join(phrase), *counted[phrase], round(score, 3), tuple(places.get(phrase, ()))
        )
        for phrase, score in best
    )


def _counted(
    sentences_of: Sequence[Sequence[list[str]]], length: int, shorter: set[tuple[str, ...]]
) -> tuple[Counter[tuple[str, ...]], Counter[tuple[str, ...]]]:
    """How often each phrase stands, and in how many sources."""
    times: Counter[tuple[str, ...]] = Counter()
    held: Counter[tuple[str, ...]] = Counter()
    for source in sentences_of:
        here: Counter[tuple[str, ...]] = Counter()
        for said in source:
            for at in range(len(said) - length + 1):
                phrase = tuple(said[at : at + length])
                if length == 1 or (phrase[1:] in shorter and phrase[:-1] in shorter):
                    here[phrase] += 1
        times.update(here)
        held.update(here.keys())
    return times, held


def _scored(
    counted: dict[tuple[str, ...], tuple[int, int]],
) -> list[tuple[tuple[str, ...], float]]:
    """Each phrase with its C-value; those that only ever stand inside a longer one are left out."""
    around: dict[tuple[str, ...], list[int]] = {}
    for phrase, (times, _) in counted.items():
        for width in range(2, len(phrase)):
            for at in range(len(phrase) - width + 1):
                around.setdefault(phrase[at : at + width], []).append(times)
    scored = []
    for phrase, (times, _) in counted.items():
        longer = around.get(phrase, ())
        inside = sum(longer) / len(longer) if longer else 0.0
        score = math.log2(len(phrase)) * (times - inside)
        if score > 0 and (not longer or max(longer) < times):
            scored.append((phrase, score))
    return scored


def _places(texts: Sequence[Text], chosen: set[tuple[str, ...]]) -> dict[tuple[str, ...], list[At]]:
    """The sentences in which the phrases stand, a few for each."""
    lengths = sorted({len(phrase) for phrase in chosen})
    places: dict[tuple[str, ...], list[At]] = {}
    for text in texts:
        for span in _sentences(text.content):
            said = words(text.content[span.start : span.end])
            seen = {
                phrase
                for length in lengths
                for at in range(len(said) - length + 1)
                if (phrase := tuple(said[at : at + length])) in chosen
            }
            for phrase in seen:
                found = places.setdefault(phrase, [])
                if len(found) < _MOST_PLACES:
                    found.append(At(text.source, span.start, span.end))
    return places


def _sentences(text: str) -> list[Span]:
    return [
        sentence
        for paragraph in paragraphs(text)
        for sentence in sentences(text, paragraph.start, paragraph.end)
    ]
