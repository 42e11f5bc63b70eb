"""Reading groove parameters out of a sentence.

Each reader looks for one parameter, takes the words it understood out of the text, so that nobody
after it misreads them, and says in words what it understood.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from conduit.agents.offline.intent import Value
from conduit.agents.offline.vocabulary import NEIGHBOURS, STYLE_WORDS

NUMBER = r"((?<![\d.])(?:\d+(?:\.\d+)?|\.\d+)(?:e\d{1,2})?)"
_SHARE = rf"{NUMBER}\s*(%|percent)?"
_OF = r"\s*(?:of|at|to|by|is|=|:)?\s*"
_BEYOND_ALL_SENSE = 1e12

UNITS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_SPOKEN = (
    rf"(?:(?P<tens>{'|'.join(TENS)})[\s-]*)?(?P<units>{'|'.join(sorted(UNITS, key=len)[::-1])})"
    rf"|(?P<round>{'|'.join(TENS)})|(?P<single>single)"
)


@dataclass(slots=True)
class Reading:
    """A sentence while it is read: ``text`` is what nobody has understood yet."""

    text: str
    arguments: dict[str, Value] = field(default_factory=dict)
    understood: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def take(self, *patterns: str) -> re.Match[str] | None:
        """The first pattern that is found; its words are taken out of the text."""
        for pattern in patterns:
            if found := re.search(pattern, self.text):
                self.text = f"{self.text[: found.start()]} ; {self.text[found.end() :]}"
                return found
        return None

    def put(self, name: str, value: Value, said: str) -> None:
        """Set an argument once; the first reading of a sentence wins."""
        if name not in self.arguments:
            self.arguments[name] = value
            self.understood.append(said)


_NO_STYLE = (
    r"\b(?:too|less|not (?:so|as|too|very)|not|no|without|isn't|never"
    r"|instead of|rather than)\s+(?:much\s+)?"
    rf"(?:{'|'.join(each.replace(' ', '[ -]') for each in sorted(STYLE_WORDS, key=len)[::-1])})\b"
    r"(?! (?:swing|swung|shuffle|kicks?|hats?|snares?|claps?))"
)
_OTHER_STYLE = re.compile(
    rf"\b(?:{'|'.join(sorted(set(STYLE_WORDS.values())))})\b(?![ -](?:swing|hitting))"
)


def number(text: str) -> float:
    """A number as it was written; absurd ones stay finite, so that they can be refused by name."""
    return min(float(text), _BEYOND_ALL_SENSE)


def read_style(reading: Reading) -> None:
    """A style by one of its words, or the nearest one to a genre that is none. “Too hard” and “less
    acid” name none."""
    refused: list[str] = []
    while found := reading.take(_NO_STYLE):
        refused.append(f"“{found[0].strip()}” names no style: say which one it should be.")
    for phrase in sorted(STYLE_WORDS, key=len, reverse=True):
        said = phrase.replace(" ", "[ -]")
        if phrase == "hard":
            said += "(?! (?:swing|swung|shuffle))"
        if reading.take(rf"\b{said}\b"):
            style = STYLE_WORDS[phrase]
            reading.put("style", style, f"{style} style")
            others = [each for each in _OTHER_STYLE.findall(reading.text) if each != style]
            if others:
                reading.remarks.append(
                    f"This one is {style}: ask for {others[0]} next, or “morph {style} into "
                    f"{others[0]}” for what lies between."
                )
            return
    for genre in sorted(NEIGHBOURS, key=len, reverse=True):
        if found := reading.take(rf"\b{genre.replace(' ', '[ -]?')}\b"):
            nearest = NEIGHBOURS[genre]
            reading.put("style", nearest, f"{nearest} style")
            reading.remarks.append(f"There is no {found[0]} style; {nearest} comes nearest.")
            return
    reading.remarks += refused


def read_bpm(reading: Reading) -> None:
    found = reading.take(
        rf"{NUMBER}\s*-?\s*(?:bpm|beats per minute)\b",
        rf"\b(?:bpm|tempo){_OF}{NUMBER}",
        rf"(?:\bat\s*|@\s*){NUMBER}(?![\d.]|\s*(?:%|percent|bars?|steps?|swing))",
    )
    if found:
        bpm = number(found.group(1))
        reading.put("bpm", bpm, f"{bpm:g} BPM")


def read_bare_tempo(reading: Reading) -> None:
    """A number that nobody claimed and that can only be a tempo: "schranz 150"."""
    if re.search(r"\b(?:velocit\w+|midi|channel|cc|note|version|chapter)\b", reading.text):
        return
    if found := reading.take(r"(?<![\w./:-])((?:[89]|1\d|2[01])\d)(?![\w%/:-]|\.\d)"):
        reading.put("bpm", float(found.group(1)), f"{found.group(1)} BPM")


def read_bars(reading: Reading) -> None:
    found = reading.take(
        r"((?<![\w.])-?\d+)\s*-?\s*(?:bars?|measures?)\b",
        r"\b(?:bars?|measures?)\s*(?:of|is|=|:|to)?\s*(-?\d+)\b",
    )
    if found:
        bars = int(found.group(1)[:9])
    elif spoken := reading.take(rf"\b(?:{_SPOKEN})[\s-]+(?:bars?|measures?)\b"):
        bars = _spoken(spoken)
    else:
        return
    reading.put("bars", bars, f"{bars} bar" if bars == 1 else f"{bars} bars")


def _spoken(found: re.Match[str]) -> int:
    if found["single"]:
        return 1
    tens = found["tens"] or found["round"]
    units = UNITS.index(found["units"]) + 1 if found["units"] else 0
    return units + (10 * (TENS.index(tens) + 2) if tens else 0)


def read_seed(reading: Reading) -> None:
    if found := reading.take(r"\bseed\s*(?:of|to|is|=|:|#|number)?\s*(\d{1,18})\b"):
        reading.put("seed", int(found.group(1)), f"seed {found.group(1)}")


def read_rotation(reading: Reading) -> None:
    found = reading.take(
        r"\b(?:rotat\w*|shift\w*)(?:\s+[a-z;]+){0,3}?"
        rf"\s*(?P<left>left|back)?(?:right|forward)?{_OF}(-?\d{{1,9}})(?:\s*steps?)?\b"
    )
    if found:
        steps = int(found.group(2)) * (-1 if found["left"] else 1)
        reading.put("rotation", steps, f"rotated by {steps} steps")
        if drum := re.search(r"\b(?:kicks?|snares?|claps?|bass\w*)\b", found[0]):
            reading.remarks.append(f"Hats and percussion rotate; the {drum[0]} stays where it is.")


def read_swing(reading: Reading) -> None:
    """As a number."""
    found = reading.take(rf"\bswing{_OF}{_SHARE}", rf"{_SHARE}\s*swing\b")
    if found:
        # Below 50 it cannot be the percentage of a pair, so it is an amount from 0 to 1 (100 %).
        given = number(found.group(1))
        swing = given if given >= 50 else round(50 + 25 * (given if given <= 1 else given / 100), 1)
        reading.put("swing", swing, f"swing {swing:g} %")


def read_feel(reading: Reading) -> None:
    """Swing as an adjective."""
    for pattern, swing in (
        (r"\b(?:(?:no|without|zero)(?: any)? (?:swing|shuffle)|straight|unswung)\b", 50.0),
        (r"\b(?:heavy|heavily|lots? of|loads of|hard|strong)\s+(?:swing|swung|shuffled?)\b", 64.0),
        (r"\b(?:light|lightly|subtle|slight|slightly|little)\s+(?:swing|swung|shuffled?)\b", 54.0),
        (r"\b(?:swing|swung|swinging|shuffled?|swingy)\b", 58.0),
    ):
        if reading.take(pattern):
            reading.put("swing", swing, "straight" if swing == 50 else f"swing {swing:g} %")
            return


_GHOSTS = r"ghost\w*(?:\s+(?:kicks?|notes?|hits?))?"


def read_ghosts(reading: Reading) -> None:
    """As a number."""
    found = reading.take(
        rf"\b{_GHOSTS}(?:\s+probability)?{_OF}{_SHARE}",
        rf"{NUMBER}\s*(%|percent)\s*(?:of\s+)?{_GHOSTS}",
    )
    if found:
        ghost = share(found)
        reading.put("ghost", ghost, f"ghost kicks at {ghost:.0%}")


def read_some_ghosts(reading: Reading) -> None:
    """Ghosts as an adjective."""
    for pattern, ghost in (
        (r"\b(?:no|without|zero)\s+(?:any\s+)?", 0.0),
        (r"\b(?:sparse|few|some|rare|occasional|subtle|light|a couple of)\s+(?:rare\s+)?", 0.15),
        (r"\b(?:lots? of|many|heavy|dense|busy|loads of|plenty of)\s+", 0.6),
        (r"\b", 0.3),
    ):
        if reading.take(pattern + _GHOSTS):
            said = "no ghost kicks" if ghost == 0 else f"ghost kicks at {ghost:.0%}"
            reading.put("ghost", ghost, said)
            return


def read_density(reading: Reading) -> None:
    """As a number."""
    found = reading.take(rf"\bdensity{_OF}{_SHARE}", rf"{_SHARE}\s*(?:density|dense)\b")
    if found:
        density = share(found)
        reading.put("density", density, f"density {density:.0%}")


def read_business(reading: Reading) -> None:
    """Density as an adjective."""
    for pattern, density in (
        (r"\b(?:dense|busy|full|packed|intense)\b", 0.75),
        (r"\b(?:sparse|empty|spacious|strip(?:ped)?(?: it)?[ -](?:back|down)|airy)\b", 0.3),
    ):
        if reading.take(pattern):
            reading.put("density", density, f"density {density:.0%}")
            return


def share(found: re.Match[str]) -> float:
    """``0.4``, ``40 %`` and ``40`` as 0.4."""
    value = number(found.group(1))
    return round(value / 100 if found.group(2) or value > 1 else value, 3)


NUMBERED: tuple[Callable[[Reading], None], ...] = (
    read_swing,
    read_ghosts,
    read_density,
    read_bpm,
    read_bars,
    read_seed,
    read_rotation,
)
"""What is said with a number. Those with a unit of their own come before the bare "at 140"."""

DESCRIBED: tuple[Callable[[Reading], None], ...] = (read_feel, read_some_ghosts, read_business)
"""What is said with an adjective. "More", "less" and "too" turn it around, so they come first."""
