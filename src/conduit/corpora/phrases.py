"""Phrases that come back across texts: two to eight words in a row.

Words are numbers, and a phrase is a pair of phrases one word shorter that overlap, so a number too.
A longer phrase is only looked for where both shorter ones are frequent enough (*Apriori*, Agrawal
and Srikant, VLDB 1994). Each length takes one sorting of the places that are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from conduit.corpora.patterns import MOST_PLACES, At, Recurring, Text, all_sentences
from conduit.corpora.texts import words

LONGEST: Final = 8
"""Words of a phrase."""

_Ints = npt.NDArray[np.int64]


@dataclass(slots=True)
class _Tokens:
    """Every word of every text in one row: its number, its sentence and its text. ``places`` are
    those of the sentences."""

    vocabulary: list[str]
    ids: _Ints
    sentence: _Ints
    source: _Ints
    places: list[At]


@dataclass(slots=True)
class _Level:
    """Phrases of one length: which begins at each place (−1: none), and of each phrase how often it
    stands, in how many texts, and where first."""

    at: _Ints
    times: _Ints
    sources: _Ints
    first: _Ints


def recurring_phrases(texts: Sequence[Text], least: int, most: int) -> tuple[Recurring, ...]:
    """Phrases that stand twice, and in ``least`` texts, by their C-value; of equal ones the first.
    Those that only ever stand inside a longer one are left out."""
    tokens = _tokens(texts)
    levels = [_level(tokens, tokens.ids, np.arange(len(tokens.ids)), least)]
    while len(levels) < LONGEST and len(levels[-1].times):
        levels.append(_longer(tokens, levels[-1], len(levels) + 1, least))
    found = [
        (-score, int(first), length, phrase)
        for length in range(2, len(levels) + 1)
        for score, first, phrase in _scored(levels, length, most)
    ]
    return tuple(
        _told(tokens, levels[length - 1], length, phrase, -negative)
        for negative, _, length, phrase in sorted(found)[:most]
    )


def _tokens(texts: Sequence[Text]) -> _Tokens:
    vocabulary: dict[str, int] = {}
    ids: list[int] = []
    lengths: list[int] = []
    source: list[int] = []
    places: list[At] = []
    for number, text in enumerate(texts):
        for span in all_sentences(text.content):
            said = words(text.content[span.start : span.end])
            if said:
                ids.extend(vocabulary.setdefault(word, len(vocabulary)) for word in said)
                lengths.append(len(said))
                source.append(number)
                places.append(At(text.source, span.start, span.end))
    of_sentence = np.array(lengths, np.int64)
    return _Tokens(
        list(vocabulary),
        np.array(ids, np.int64),
        np.repeat(np.arange(len(lengths)), of_sentence),
        np.repeat(np.array(source, np.int64), of_sentence),
        places,
    )


def _level(tokens: _Tokens, keys: _Ints, where: _Ints, least: int) -> _Level:
    """The frequent ones of the phrases that begin at some places."""
    _, first, phrase, times = np.unique(
        keys, return_index=True, return_inverse=True, return_counts=True
    )
    count = len(times)
    pairs = np.unique(phrase * (int(tokens.source.max(initial=0)) + 1) + tokens.source[where])
    held = np.bincount(pairs // (int(tokens.source.max(initial=0)) + 1), minlength=count)
    frequent = (times > 1) & (held >= least)
    renumbered = np.where(frequent, np.cumsum(frequent) - 1, -1)
    at = np.full(len(tokens.ids), -1, np.int64)
    at[where] = renumbered[phrase]
    return _Level(at, times[frequent], held[frequent], where[first[frequent]])


def _longer(tokens: _Tokens, level: _Level, length: int, least: int) -> _Level:
    last = len(level.at) - length + 1
    head, tail = level.at[: max(last, 0)], level.at[1 : max(last, 0) + 1]
    whole = tokens.sentence[: len(head)] == tokens.sentence[length - 1 :][: len(head)]
    where = np.flatnonzero((head >= 0) & (tail >= 0) & whole)
    return _level(tokens, head[where] * len(level.times) + tail[where], where, least)


def _scored(levels: Sequence[_Level], length: int, most: int) -> list[tuple[float, int, int]]:
    """The best phrases of a length: C-value, first place, number."""
    level = levels[length - 1]
    count = len(level.times)
    total, around, largest = np.zeros(count), np.zeros(count), np.zeros(count)
    for longer in range(length + 1, len(levels) + 1):
        outer = levels[longer - 1]
        for offset in range(longer - length + 1):
            inner = level.at[outer.first + offset]
            total += np.bincount(inner, weights=outer.times, minlength=count)
            around += np.bincount(inner, minlength=count)
            np.maximum.at(largest, inner, outer.times)
    inside = np.divide(total, around, out=np.zeros(count), where=around > 0)
    scores = np.log2(length) * (level.times - inside)
    good = np.flatnonzero((scores > 0) & (largest < level.times))
    order = good[np.lexsort((level.first[good], -scores[good]))][:most]
    return [(float(scores[at]), int(level.first[at]), int(at)) for at in order]


def _told(tokens: _Tokens, level: _Level, length: int, phrase: int, score: float) -> Recurring:
    first = int(level.first[phrase])
    said = " ".join(tokens.vocabulary[at] for at in tokens.ids[first : first + length].tolist())
    sentences = np.unique(tokens.sentence[np.flatnonzero(level.at == phrase)])
    return Recurring(
        said,
        int(level.times[phrase]),
        int(level.sources[phrase]),
        round(score, 3),
        tuple(tokens.places[at] for at in sentences[:MOST_PLACES].tolist()),
    )
