"""Reading what lies between two grooves: "morph minimal into acid", "40 % from dub to hard"."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from conduit.agents.offline.intent import Answer, Intent, MakeGroove, MorphGrooves
from conduit.agents.offline.reading import NUMBER, Reading, number, read_bars, read_style
from conduit.agents.offline.understand import LAST_IS, UNDONE, WISH
from conduit.rhythm.morph.blocks import MOST_STEPS
from conduit.rhythm.styles import Style

_MORPH = r"(?:morph|blend|cross-?fade|interpolate)"
_SIDE = r"[^,;!?]{1,60}?"
_HALF = r"(?:half[ -]?way|midway|in the middle|the middle)"
_END = r"(?=\s*(?:$|[,;!?.](?:\s|$)|\bin \w+ steps\b|\b(?:at|by) [\d.]))"
_STYLE = rf"(?:{'|'.join(each.value for each in Style)})(?:\s+techno)?"
_FROM_TO = rf"from\s+(?P<one>{_SIDE})\s+to\s+(?P<two>{_SIDE})"
_PATTERNS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b{_MORPH}\s+(?:from\s+)?(?P<one>{_SIDE})\s+(?:in)?to\s+(?P<two>{_SIDE}){_END}",
        rf"\b(?:{_MORPH}|{_HALF})\s+between\s+(?P<one>{_SIDE})\s+and\s+(?P<two>{_SIDE}){_END}",
        rf"\b(?:morph|blend)\s+(?P<one>{_SIDE})\s+(?:and|with)\s+(?P<two>{_SIDE}){_END}",
        r"\b(?:mix|cross|hybrid|something|somewhere)\s+(?:of|between)\s+"
        rf"(?P<one>{_STYLE})\s+and\s+(?P<two>{_STYLE})\b",
        rf"\b{_HALF}\s+{_FROM_TO}{_END}",
        rf"(?:%|percent|\bsteps)\s+(?:of the way\s+)?{_FROM_TO}{_END}",
        rf"\b{_FROM_TO}\s+in\s+\w+\s+steps\b",
    )
)
_AMOUNT = re.compile(
    rf"{NUMBER}\s*(?P<percent>%|percent\b)|\b(?:by|at|amount)\s+(?P<plain>[01]?\.\d+|[01])\b"
)
_STEPS = re.compile(
    r"\b(\d{1,3}|two|three|four|five|six|seven|eight|nine|ten)\s+(?:steps|stages)\b"
)
_WORDS: Final = "two three four five six seven eight nine ten".split()
_THIS = re.compile(
    r"(?:(?:this|it|that|here|(?:this|that|the|my) (?:last |current )?(?:groove|beat|loop|one)))"
)
_PRESET = re.compile(r"(?:the )?preset (?P<before>\S+)|(?:the )?(?P<after>\S+) preset")
_NOT_NAMED = re.compile(
    r"^(?:(?:a|an|the|my|some)(?:\s+|$))+|(?:^|\s+)(?:groove|beat|loop|style|techno|house|one)s?$"
)

_BEGINS = re.compile(r"\b(?:make|create|generate|give|build|write|play|start|new)\b")

WHOLE: Final = (
    "The last groove is a whole config, which lies between two or was recalled: I turn no dials of "
    "that. Save it, and change what was saved: “save this as late_night”, “more swing in "
    "late_night”."
)
"""For who wants to change a groove that no wish says."""

Source = dict[str, Any]


def read_morph(
    text: str, names: Collection[str] = (), this: Mapping[str, Any] | None = None
) -> Intent | None:
    """What is to be morphed; None where nothing is. ``text`` is in small letters, with single
    spaces; ``names`` are those of configs; ``this`` is the source of the last groove."""
    found = next((f for f in (each.search(text) for each in _PATTERNS) if f), None)
    if found is None:
        return None
    sides = [_source(found[side], names, this) for side in ("one", "two")]
    for said, source in zip((found["one"], found["two"]), sides, strict=True):
        if source is None:
            if _THIS.fullmatch(said.strip()):
                return Answer("There is no groove yet to go from. Ask for one: “8 bars of dub”.")
            return Answer(
                f"I do not know the groove “{said.strip()}”. Name a style, a saved config, a "
                "preset, or “this”: “morph this into acid”."
            )
    one, two = (each for each in sides if each is not None)
    if one == two:
        return Answer("Both are the same groove: name another for one of them.")
    rest = f"{text[: found.start('one')]} ; {text[found.end('two') :]}"
    steps = _steps_in(rest)
    if steps is not None and not 2 <= steps <= MOST_STEPS:
        return Answer(f"I can do that in 2 to {MOST_STEPS} steps.")
    amount = _amount_in(rest)
    if amount is not None and amount > 1:
        return Answer("The way is 100 % long: say a number from 0 to 100 %.")
    reading = Reading(f"{rest} ; {found['one']} ; {found['two']}")
    read_bars(reading)
    bars = reading.arguments.get("bars")
    return MorphGrooves(one, two, 0.5 if amount is None else amount, steps, _whole(bars))


def changes_the_last(text: str) -> bool:
    """Whether a sentence about a groove is about the one that is there. ``text`` is in small
    letters."""
    reading = Reading(text)
    read_style(reading)
    begins = _BEGINS.search(text) or WISH.match(text)
    return "style" not in reading.arguments and not begins


def about_a_whole(meant: Intent, text: str) -> Intent:
    """What a sentence means where the last groove is one that no request makes. Going back leads to
    the request before it."""
    if isinstance(meant, Answer) and meant.text.startswith(LAST_IS):
        return Answer(f"{LAST_IS} a whole config: what it is stands where it was made.")
    if not isinstance(meant, MakeGroove) or UNDONE in meant.understood:
        return meant
    return Answer(WHOLE) if changes_the_last(text) else meant


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _amount_in(text: str) -> float | None:
    found = _AMOUNT.search(text)
    if not found:
        return None
    if found["percent"]:
        return round(number(found[1]) / 100, 4)
    return number(found["plain"])


def _steps_in(text: str) -> int | None:
    found = _STEPS.search(text)
    if not found:
        return None
    word = found[1]
    return int(word) if word.isdigit() else _WORDS.index(word) + 2


def _source(said: str, names: Collection[str], this: Mapping[str, Any] | None) -> Source | None:
    """Which groove words mean."""
    said = said.strip(" \"'“”’`.")
    if _THIS.fullmatch(said):
        return dict(this) if this else None
    if found := _PRESET.fullmatch(said):
        return {"preset": found["before"] or found["after"]}
    if said in names or re.fullmatch(r"[\w/-]+\.(?:json|ya?ml)", said):
        return {"saved": said}
    reading = Reading(said)
    read_bars(reading)
    read_style(reading)
    left = _bare(re.sub(r"[ ;]+(?:of )?", " ", reading.text))
    if "style" in reading.arguments and not left:
        return {"groove": {"style": reading.arguments["style"]}}
    plain = _bare(said)
    return {"saved": plain} if plain in names or "_" in plain else None


def _bare(said: str) -> str:
    """Without the words around a name."""
    while (shorter := _NOT_NAMED.sub("", said).strip()) != said:
        said = shorter
    return said
