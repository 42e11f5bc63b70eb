"""An embedding that needs no key, no download and no network: words and trigrams, hashed.

It is lexical: two texts are near when they share words and pieces of words, so it finds typing
errors, other endings and another order, and knows nothing of meaning: "cheap" and "expensive" are
as far apart as "cheap" and "sun", and "like" and "do not like" are close. For meaning, configure an
embedding model.

Feature hashing with signs is by Weinberger et al. (ICML 2009); sublinear term frequency, 1 + ln tf,
is as in Manning, Raghavan and Schütze, *Introduction to Information Retrieval*, 6.4.1.
"""

from __future__ import annotations

import asyncio
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Final
from zlib import crc32

DIMENSIONS: Final = 512
NAME: Final = "lexical"

_WORD: Final = re.compile(r"\w+")
_WORD_WEIGHT: Final = 2.0
"""A word is worth about as much as its trigrams together."""
_RUN: Final = 64
"""Characters that are normalised at once. Putting combining marks in order takes the square of
their number, so a text is never normalised as a whole."""
_INLINE: Final = 4096
"""Characters that are embedded at once; more are embedded in a thread."""
_MIX: Final = 0x9E3779B97F4A7C15
_MASK: Final = (1 << 64) - 1


def embed(text: str) -> tuple[float, ...]:
    """512 numbers of length 1 together, the same in every process. All are 0 for a text without a
    letter or digit."""
    vector = [0.0] * DIMENSIONS
    words = Counter(_WORD.findall(_normal(text)))
    trigrams: Counter[str] = Counter()
    for word, times in words.items():
        _add(vector, f"w{word}", _WORD_WEIGHT * (1 + math.log(times)))
        marked = f"^{word}$"
        for at in range(len(marked) - 2):
            trigrams[marked[at : at + 3]] += times
    for trigram, times in trigrams.items():
        _add(vector, f"t{trigram}", 1 + math.log(times))
    length = math.sqrt(math.fsum(value * value for value in vector))
    return tuple(value / length for value in vector) if length else tuple(vector)


async def embed_all(texts: Sequence[str]) -> list[tuple[float, ...]]:
    """One vector for each text. Long texts are embedded in a thread."""
    if sum(map(len, texts)) > _INLINE:
        return await asyncio.to_thread(lambda: [embed(text) for text in texts])
    return [embed(text) for text in texts]


def _normal(text: str) -> str:
    if text.isascii():
        return text.casefold()
    runs = (token[at : at + _RUN] for token in text.split() for at in range(0, len(token), _RUN))
    # Parts of one long token meet again only as neighbours: a cut costs at most one trigram.
    return " ".join(unicodedata.normalize("NFKC", run).casefold() for run in runs)


def _add(vector: list[float], feature: str, weight: float) -> None:
    mixed = crc32(feature.encode("utf-8", "surrogatepass")) * _MIX & _MASK
    place = mixed >> 55  # the nine highest bits
    vector[place] += weight if mixed >> 54 & 1 else -weight
