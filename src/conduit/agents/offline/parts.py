"""Reading pitched parts and their key: "with a bass line in E minor", "no stabs"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from conduit.agents.offline.reading import Reading
from conduit.rhythm.scale import Root, Scale
from conduit.rhythm.styles import STYLES, Style
from conduit.rhythm.styles.lines import Part

_WORDS: Final[Mapping[Part, str]] = {
    Part.BASS: r"bass(?:[ -]?(?:lines?|parts?))?(?! ?drum)",
    Part.STAB: r"(?:chord[ -]?)?stabs?|chords?",
}
_OUT = r"(?:no|without|mute|drop|remove|kill|lose|minus|take out|leave out)\s+(?:the\s+|any\s+)?"
_ADDED = r"(?:with|and|plus|add|bring in|,)?\s*(?:an?|the|some)?\s*"
_SCALES = "|".join(sorted((s.value.replace(" ", "[ -]") for s in Scale), key=len, reverse=True))
_KEY = re.compile(
    r"\b(?:in (?:the key of )?|(?P<key>key) (?:of |to |is )?"
    rf"|to (?=[a-g]\s*\S{{0,6}}\s(?:{_SCALES})))"
    rf"(?P<root>[a-g])\s*(?P<shift>#|♯|b|♭|[ -]?sharp|[ -]?flat)?(?:\s+(?P<scale>{_SCALES}))?"
    r"(?=\s*(?:$|[,.;!]|at\b|with\b|and\b|\d))"
)
_ALONE: Final = re.compile(
    r"\b(?:only|just) (?:the |a |some )?(?:bass|chord|stab)"
    r"|\b(?:bass(?:[ -]?lines?)?|chords?|stabs?) only\b|\b(?:no|without(?: the)?) drums\b"
)
_ORDER: Final = tuple(Root)


def read_parts(reading: Reading, base: Mapping[str, Any]) -> None:
    """Parts that are to join or to leave. Where a drum of the style has the name, it is meant."""
    style = Style(str(reading.arguments.get("style") or base["style"]))
    drums = {layer.name for layer in STYLES[style].layers}
    before = [str(part) for part in base.get("parts") or ()]
    parts = list(before)
    absent = ""
    alone = bool(_ALONE.search(reading.text))
    for part, words in _WORDS.items():
        if part.value in drums:
            continue
        if reading.take(rf"\b{_OUT}(?:{words})\b"):
            absent = absent if part.value in parts else part.value
            parts = [each for each in parts if each != part.value]
        elif reading.take(rf"\b{_ADDED}(?:{words})\b") and part.value not in parts:
            parts.append(part.value)
    if reading.take(r"\b(?:only|just) (?:the )?drums\b|\bdrums only\b"):
        absent = absent if parts else "bass or stab"
        parts = []
    elif parts and alone:
        reading.remarks.append(
            "The drums stay in it: each layer has a track of its own in the file, to be muted."
        )
    if parts != before:
        said = f"with {' and '.join(parts)}" if parts else "drums only"
        reading.put("parts", parts, said)
    elif absent:
        reading.remarks.append(f"There is no {absent} in it.")
    _read_key(reading, parts)


def _read_key(reading: Reading, parts: list[str]) -> None:
    """A key, for those who have pitched parts to play in it."""
    found = _KEY.search(reading.text)
    if not found:
        return
    if not parts:
        if found["key"] or found["shift"] or found["scale"]:  # else perhaps “in a 4 bar loop”
            reading.remarks.append("Drums have no key: ask for “a bass line in A minor”.")
        return
    reading.take(_KEY.pattern)
    shift = {"#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}
    turned = shift.get((found["shift"] or "").strip(" -"), 0)
    root = _ORDER[(_ORDER.index(Root(found["root"].upper())) + turned) % len(_ORDER)]
    reading.put("root", root.value, f"in {root.value}")
    if found["scale"]:
        scale = found["scale"].replace("-", " ")
        reading.put("scale", scale, scale)
