"""Reading how far a parameter is turned: "swing up by 3", "+4 bpm", "half the tempo", "2 minutes".

A number behind “by”, or with a sign, says how much something changes and not what it becomes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from conduit.agents.offline.changes import turn
from conduit.agents.offline.reading import NUMBER, UNITS, Reading, number

_UP = r"(?:increase|raise|bump(?: up)?|push(?: up)?|lift|add|up|plus|more|higher)"
_DOWN = r"(?:decrease|lower|reduce|drop|bring down|down|minus|less)"
_WAY = rf"(?:(?P<up>{_UP})|{_DOWN})"
_TEMPO = r"(?:tempo|bpm|speed)"
_NAMES: Final[Mapping[str, str]] = {
    "bpm": _TEMPO,
    "swing": r"(?:swing|shuffle)",
    "density": r"density",
    "ghost": r"ghosts?(?:\s+(?:kicks?|notes?|hits?))?(?:\s+probability)?",
}
_UNIT = r"\s*(?P<unit>%|percent\b)?"
_FEW = r"([1-3]?\d(?:\.\d+)?)(?![\d.])"
"""BPM that are no tempo."""
_TEMPO_STEPS: Final = (
    rf"\b{NUMBER}\s*(?P<unit>%|percent)\s+(?:(?P<up>faster|quicker)|slower)\b",
    rf"\b(?:(?P<up>faster|quicker)|slower)\s+by\s+{NUMBER}\s*(?P<unit>%|percent)",
    rf"(?<![\w.])(?:(?P<up>\+|(?:plus|add|up|up by)\s+)|-|(?:minus|down|down by)\s+){_FEW}\s*bpm\b"
    r"(?P<unit>)",
    rf"\b{NUMBER}\s*bpm\s+(?:(?P<up>up|higher|faster|quicker)|down|lower|slower)\b(?P<unit>)",
    rf"\b{_WAY}\s+(?:the\s+)?{_TEMPO}\s+(1?\d)\b(?![.%])(?P<unit>)",
)
_TWICE = rf"\b(?:(?:double|twice)\s+(?:the\s+|its\s+)?{_TEMPO}|(?:twice|2x|two times) as fast)\b"
_HALF = rf"\b(?:(?:half|halve)\s+(?:of\s+)?(?:the\s+|its\s+)?{_TEMPO}|half as fast|twice as slow)\b"
_MANY = rf"(?:(?P<count>\d{{1,4}}(?:\.\d+)?)|(?P<half>half an?)|(?P<word>an?|{'|'.join(UNITS)}))"
_TIME = r"(?P<minutes>min(?:ute)?s?)|(?:s|secs?|seconds?)"
_LASTS: Final = (
    rf"\b(?:for|lasting|lasts?)\s+{_MANY}\s*-?(?:{_TIME})\b",
    rf"\b{_MANY}\s*-?(?:{_TIME})\s+(?:of|long)\b",
)


def read_steps(reading: Reading, base: Mapping[str, Any]) -> None:
    """How much parameters change, up or down; the tempo may be doubled or halved."""
    for twice, times in ((_TWICE, 2.0), (_HALF, 0.5)):
        if reading.take(twice):
            bpm = round(float(base.get("bpm") or 0.0) * times, 3)
            reading.put("bpm", bpm, f"{bpm:g} BPM")
    for name, words in _NAMES.items():
        found = reading.take(
            rf"\b{_WAY}\s+(?:the\s+|its\s+)?{words}(?:\s+(?:up|down))?\s+by\s+{NUMBER}{_UNIT}",
            rf"\b{words}\s+(?:(?P<up>(?:up|higher)\s+by\s|\+)|(?:down|lower)\s+by\s|-)"
            rf"\s*{NUMBER}{_UNIT}",
            *(_TEMPO_STEPS if name == "bpm" else ()),
        )
        if found:
            said = next(group for group in found.groups() if group and group[-1].isdigit())
            by = _in_its_units(name, number(said), bool(found["unit"]), base)
            turn(reading, base, name, by if found["up"] else -by)


def read_duration(reading: Reading, base: Mapping[str, Any]) -> None:
    """A length in minutes or seconds, as the nearest number of bars."""
    found = reading.take(*_LASTS)
    if not found:
        return
    word = found["word"]
    count = 0.5 if found["half"] else 1.0
    if found["count"]:
        count = float(found["count"])
    elif word in UNITS:
        count = UNITS.index(word) + 1.0
    seconds = count * (60 if found["minutes"] else 1)
    bpm = float(str(reading.arguments.get("bpm") or base.get("bpm") or 130))
    bars = max(1, round(seconds * bpm / 240))
    reading.put("bars", bars, f"{bars} bars, which is {bars * 240 / bpm:.0f} seconds")


def read_several(reading: Reading) -> None:
    """ "Three grooves", "4 times": that is said, since one groove is made at a time."""
    if re.search(
        rf"\b(?:[2-9]|\d\d|{'|'.join(UNITS[1:])}|a few|several|some)\s+(?:[\w-]+\s+){{0,2}}?"
        r"(?:grooves|beats|loops|patterns|variations|versions)\b",
        reading.text,
    ):
        reading.remarks.append("I make one groove at a time: say “another one” for the next.")
    if re.search(rf"\b(?:\d+|{'|'.join(UNITS)}) times\b(?! as)|\bx ?\d+\b", reading.text):
        reading.remarks.append("I repeat nothing: say how many bars it should have.")


def _in_its_units(name: str, said: float, share: bool, base: Mapping[str, Any]) -> float:
    if name == "bpm":
        return float(base.get("bpm") or 0.0) * said / 100 if share else said
    if name == "swing":
        return said if said >= 1 else 25 * said
    return said / 100 if share or said > 1 else said
