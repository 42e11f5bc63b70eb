"""Reading changes: "more", "less", "another", "without hats", from the groove that is there.

Without a last groove the style's own values are what a change starts from: "a faster dub".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from conduit.agents.offline.reading import NUMBER, Reading, number
from conduit.agents.offline.vocabulary import KIND_WORDS, OTHER_LAYERS
from conduit.rhythm.styles import STYLES, Style

_MORE = r"(?:more|extra|increase|raise|add(?: more)?|not enough|needs?(?: more)?|higher)"
_LESS = r"(?:less|fewer|decrease|lower|reduce|too much|too many|half as|not as|not so|too)"
_SIZE = r"(?:(?:much|way|far|a lot|lots|loads|a bit|a little|slightly|a touch|a tad)\s+)?"
_LINK = r"\s+(?:of\s+)?(?:the\s+)?"
_MUCH = re.compile(r"\b(?:(?<!too )much|way|far|a lot|lots|loads)\b")
_LITTLE = re.compile(r"\b(?:a bit|a little|slightly|a touch|a tad)\b")


@dataclass(frozen=True, slots=True)
class _Dial:
    """A parameter that can be turned. ``things`` follow "more" and "less"; ``up`` and ``down`` are
    said by themselves."""

    things: str
    up: str
    down: str
    step: float
    lowest: float
    highest: float
    shown: Callable[[float], str]


DIALS: Final[Mapping[str, _Dial]] = {
    "bpm": _Dial(
        "bpm|tempo|speed|fast|quick",
        r"(?<!too )(?<!so )(?<!not )fast(?:er)?|quicker|speed (?:it )?up|(?:tempo|bpm) up"
        r"|too slow|not fast enough",
        r"slow (?:it )?down|(?<!too )(?<!so )slow(?:er)?|(?:tempo|bpm) down|too fast|not so fast",
        4,
        20,
        300,
        lambda v: f"{v:g} BPM",
    ),
    "swing": _Dial(
        "swing|swung|shuffle|groove",
        r"swingier|looser|groovier|groove more|swing more|too straight|not so straight",
        r"straighter|straighten(?: it)?|tighter|swing less|too swung",
        3,
        50,
        75,
        lambda v: f"swing {v:g} %",
    ),
    "ghost": _Dial(
        r"ghosts?(?:\s+(?:kicks?|notes?|hits?))?",
        "ghostlier",
        "cleaner",
        0.15,
        0,
        1,
        lambda v: f"ghost kicks at {v:.0%}",
    ),
    "density": _Dial(
        r"dense|density|busy|hits|notes|full|movement|energy|going on|intense"
        r"|(?:(?:open|closed)\s+)?(?:hi[ -]?)?hats?|perc(?:s|ussion)?",
        r"denser|busier|fuller|too (?:sparse|empty|calm|thin)|not so (?:sparse|empty)",
        r"sparser|emptier|calmer|thinner|thin(?: it)? out|more (?:space|sparse|room)",
        0.15,
        0,
        1,
        lambda v: f"density {v:.0%}",
    ),
    "rotation": _Dial(
        "rotation|rotated",
        r"rotate(?: (?:it|the (?:hats?|percussion|pattern)))?",
        "unrotate",
        1,
        -64,
        64,
        lambda v: f"rotation {v:g} steps",
    ),
}


_WAY = r"(?P<way>faster|quicker|up|slower|down)"


def read_amounts(reading: Reading, base: Mapping[str, Any]) -> None:
    """ "5 bpm faster", "slower by 10": how much a tempo changes, not what it becomes."""
    if re.search(r"\b(?:swing|density|ghost)", reading.text):
        return
    found = reading.take(
        rf"\b{NUMBER}\s*(?:bpm\s+|beats\s+)?{_WAY}\b",
        rf"\b{_WAY}\s+by\s+{NUMBER}(?:\s*bpm)?\b",
    )
    if found:
        amount = next(group for group in found.groups() if group[-1].isdigit())
        sign = -1 if found["way"] in ("slower", "down") else 1
        turn(reading, base, "bpm", sign * number(amount))


def read_turns(reading: Reading, base: Mapping[str, Any]) -> None:
    """ "More", "less", "too" and their kin, for every parameter that can be turned."""
    size = 2.0 if _MUCH.search(reading.text) else 0.5 if _LITTLE.search(reading.text) else 1.0
    for name, dial in DIALS.items():
        if name in reading.arguments:
            continue
        if reading.take(
            rf"\b{_SIZE}(?:{dial.down})\b", rf"\b{_SIZE}{_LESS}{_LINK}(?:{dial.things})\b"
        ):
            turn(reading, base, name, -dial.step * size)
        elif reading.take(
            rf"\b{_SIZE}(?:{dial.up})\b", rf"\b{_SIZE}{_MORE}{_LINK}(?:{dial.things})\b"
        ):
            turn(reading, base, name, dial.step * size)


def turn(reading: Reading, base: Mapping[str, Any], name: str, by: float) -> None:
    """A parameter so much higher, or lower, as far as it goes."""
    dial = DIALS[name]
    was = float(base.get(name) or 0.0)
    value = round(min(dial.highest, max(dial.lowest, was + by)), 3)
    said = dial.shown(value)
    said = f"{said}, which is its limit" if value == was else said
    reading.put(name, int(value) if name == "rotation" else value, said)


def read_length(reading: Reading, base: Mapping[str, Any]) -> None:
    bars = int(base.get("bars") or 8)
    thing = r"(?:the\s+)?(?:length|bars|size)"
    if reading.take(
        rf"\b(?:(?<!no )longer|too short|more bars|(?:double|twice) {thing}|twice as long"
        r"|double it)\b"
    ):
        bars = min(4096, bars * 2)
    elif reading.take(
        r"\b(?:shorter|too long|(?:less|fewer) bars"
        rf"|(?:half|halve) {thing}|half as long|halve it)\b"
    ):
        bars = max(1, bars // 2)
    else:
        return
    reading.put("bars", bars, f"{bars} bar" if bars == 1 else f"{bars} bars")


_ANOTHER = (
    r"\b(?:another|different|variations?|vary|again|reroll|re-roll|new (?:one|seed)|other seed"
    r"|next one|surprise me|(?:next|change(?: the)?|switch(?: the)?) seed|one more(?! bars?\b)"
    r"|something else|something new)\b|^next\W*$"
)


def read_another(reading: Reading, base: Mapping[str, Any]) -> None:
    if reading.take(_ANOTHER):
        put_another(reading, base)


def put_another(reading: Reading, base: Mapping[str, Any]) -> None:
    """The next variation."""
    seed = (int(base.get("seed") or 0) + 1) % 2**53
    reading.put("seed", seed, f"seed {seed}")


_NAMES = {layer.name for style in STYLES.values() for layer in style.layers}
LAYER = "(?:{})".format(
    "|".join(
        re.escape(word).replace(r"\ ", "[ -]?")
        for word in sorted({*KIND_WORDS, *_NAMES, *OTHER_LAYERS}, key=len, reverse=True)
    )
)
_AND = r"(?:\s*,\s*|\s+and\s+|\s+or\s+)"
LAYERS = rf"(?:the\s+|any\s+|an?\s+)?{LAYER}s?(?:{_AND}(?:the\s+)?{LAYER}s?)*"
_OUT = r"(?:no|without|mute|drop|remove|kill|lose|minus|take out|cut|leave out|turn off)"
_BACK = r"(?:unmute|bring back|bring in|restore|add|turn on)"


def read_mutes(reading: Reading, base: Mapping[str, Any]) -> None:
    """Layers that are to be silent, to come back, or to be alone."""
    style = Style(str(reading.arguments.get("style") or base["style"]))
    before = list(base.get("mute") or [])
    muted = list(before)
    said = reading.take(r"\b(?:unmute|bring back|restore) (?:everything|all|them)\b")
    if said:
        muted = []
    while found := reading.take(rf"\b{_OUT}\s+({LAYERS})\b"):
        muted += [name for name in meant_layers(reading, found[1], style) if name not in muted]
        said = found
    while found := reading.take(rf"\b{_BACK}\s+({LAYERS})\b(?!\s+(?:more|louder))"):
        back = meant_layers(reading, found[1], style)
        if not back:
            continue
        if not set(back) & set(muted) and re.match("add", found[0]):
            turn(reading, base, "density", DIALS["density"].step)
        muted = [name for name in muted if name not in back]
        said = found
    if found := reading.take(rf"\b(?:only|just)\s+({LAYERS})\b", rf"\b({LAYERS})\s+only\b"):
        alone = meant_layers(reading, found[1], style)
        if alone:
            muted = [layer.name for layer in STYLES[style].layers if layer.name not in alone]
        said = found
    if said and muted == before:
        reading.remarks.append(
            f"Still without {', '.join(muted)}." if muted else "All layers play."
        )
    elif said:
        reading.put("mute", muted, f"without {', '.join(muted)}" if muted else "all layers")


def meant_layers(reading: Reading, words: str, style: Style) -> list[str]:
    """The layers of a style that words mean: by kind, by name, or by the end of a name."""
    layers = STYLES[style].layers
    meant: list[str] = []
    for found in re.finditer(rf"({LAYER})s?\b", words):
        word = re.sub(r"[ -]+", " ", found[1])
        kinds = KIND_WORDS.get(word, frozenset())
        names = [
            layer.name
            for layer in layers
            if layer.role.value in kinds or layer.name == word or layer.name.endswith(f" {word}")
        ]
        names = names or [layer.name for layer in layers if layer.role.value == word]
        if not names:
            there = ", ".join(layer.name for layer in layers)
            reading.remarks.append(f"There is no {word} in {style.value}: it has {there}.")
        meant += [name for name in names if name not in meant]
    return meant
