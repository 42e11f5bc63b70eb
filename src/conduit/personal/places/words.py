"""Words for places, made comparable: “the Office”, “1 King St W” and “1 king street west”."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST: Final = 300
"""Letters of a text that are looked at."""

_WORD: Final = re.compile(r"[^\W_]+")
_APOSTROPHE: Final = re.compile(r"['’.]")
_FILLING: Final = frozenset("the my our a an to at in from of der die das le la".split())
_SHORT: Final = {
    "ave": "avenue", "av": "avenue", "blvd": "boulevard", "cres": "crescent", "crt": "court",
    "ct": "court", "dr": "drive", "expy": "expressway", "fl": "floor", "flr": "floor",
    "hwy": "highway", "ln": "lane", "pkwy": "parkway", "pl": "place", "plz": "plaza",
    "rd": "road", "sq": "square", "st": "street", "ste": "suite", "str": "strasse",
    "ter": "terrace", "apt": "apartment", "bldg": "building", "rm": "room",
    "n": "north", "s": "south", "e": "east", "w": "west",
    "ne": "northeast", "nw": "northwest", "se": "southeast", "sw": "southwest",
}  # fmt: skip
"""How addresses are shortened (USPS Publication 28 and Canada Post, and what people write)."""

_UNITS: Final = frozenset("floor suite apartment room unit level building etage stock".split())

COMMON: Final = (
    frozenset({"office", "work", "workplace", "headquarters", "hq", "büro", "bureau", "job"}),
    frozenset({"home", "house", "flat", "apartment", "zuhause", "haus"}),
)
"""Words that mean the same place to whoever says them, whichever of them it was saved as."""


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text in small letters, without marks between them."""
    folded = unicodedata.normalize("NFKC", text[:LONGEST]).casefold()
    return tuple(_WORD.findall(_APOSTROPHE.sub("", folded)))


def place_key(text: str) -> str:
    """A name as it is compared: “my Office” is ``office``. Empty for a text without words."""
    words = words_of(text)
    start = next((at for at, word in enumerate(words) if word not in _FILLING), len(words))
    return " ".join(words[start:])[:100].strip()


def address_words(text: str) -> tuple[str, ...]:
    """An address in whole words: “1 King St W” is 1, king, street, west."""
    found = []
    for word in words_of(text):
        if word.endswith("str") and len(word) > 4:  # Hauptstr.
            word = f"{word}asse"
        found.append(_SHORT.get(word, word))
    return tuple(found)


def without_units(words: tuple[str, ...]) -> tuple[str, ...]:
    """An address without what lies inside the building: “12th floor”, “Suite 400”."""
    kept: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word not in _UNITS:
            kept.append(word)
        elif rest and rest[0][0].isdigit():
            rest.pop(0)
        elif len(kept) > 1 and kept[-1][0].isdigit():
            kept.pop()
    return tuple(kept)


def is_address(words: tuple[str, ...]) -> bool:
    """Whether words look like an address: a number among words, not a number alone."""
    numbers = sum(word[0].isdigit() for word in words)
    return numbers > 0 and len(words) - numbers >= 2


def within(short: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    """Whether the words of one are all in the other, in their order."""
    rest = iter(whole)
    return all(word in rest for word in short)
