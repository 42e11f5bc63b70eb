"""Reading "make the hats sit like this loop": which layers, like which sound, and how far.

“Like” alone says nothing: “a groove like aphex twin”. What counts is a layer, or a word for how a
groove sits, before it, and a word for a sound behind it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from conduit.agents.ears.note import Sound
from conduit.agents.offline.changes import LAYERS, meant_layers
from conduit.agents.offline.intent import Answer, Intent, MakeGroove, SitLike, Value
from conduit.agents.offline.past import Sat
from conduit.agents.offline.reading import Reading
from conduit.agents.offline.understand import wish_in
from conduit.blocks import decode
from conduit.contracts.errors import InvalidInput
from conduit.rhythm.groove import GrooveRequest, config_of
from conduit.rhythm.sit import chosen_layers
from conduit.rhythm.styles import Style

HERE: Final = "⁂"
"""What stands in a sentence where its part about sitting was."""
HATS: Final = ("hat", "open_hat")
EVERYTHING: Final = ("kick", "snare", "hat", "open_hat", "percussion")

SOUND = (
    r"(?:(?:new|newest|latest|drum|audio|uploaded|recorded)\s+)?"
    r"(?:loops?|sounds?|samples?|breaks?|breakbeats?|recordings?|audio|wav|aiff?|flac|files?)\b"
)
_ENDINGS = r"\.(?:wav|wave|aiff?|aifc|flac)"
_FILE = (
    rf"(?:the\s+(?:file|loop|sample|break|sound)\s+)?"
    rf"(?:[\"“'`](?P<quoted>[^\"”'’`]{{1,200}})[\"”'’`]"
    rf"|(?P<file>[^\s\"“”'’`,;]{{1,200}}{_ENDINGS})\b)"
)
_HEARD = r"what\s+(?:you|i|we)\s+(?:just\s+)?(?:heard|played|recorded|uploaded|gave you|dropped)\b"
_SURE = rf"(?:(?:this|that|the|my)\s+{SOUND}|{_HEARD}|{_FILE})"
"""What can only be a sound, behind a layer."""
_THIS = rf"(?:{_SURE}|(?:this|that)(?:\s+one)?(?=\s*(?:$|[,.;!?{HERE}]|\d|(?:and|by|at|but)\b)))"
"""What may be one, behind a word for how a groove sits."""

_SITS = r"(?:sits?|sitting|groov(?:es?|ing)|swings?|leans?|feels?|moves?|shuffles?|lies?|plays?)"
_BUT = r"(?:(?:should|must|shall|to|that|which)\s+)?"
_BEFORE = (
    r"(?:(?P<before>\d{1,3}\s*(?:%|percent)|half(?:way)?"
    r"|(?:just\s+)?a (?:bit|little|touch)|slightly|exactly|just|more|fully|completely)\s+)?"
)
_BEHIND = (
    r"(?:\s*,?\s*(?:(?:by|at|to|with|about|only)\s+)*(?P<behind>\d{1,3}(?:\.\d+)?\s*(?:%|percent)"
    r"(?!\s*(?:swing|swung|ghost|dens))|0?\.\d+(?![\d.%]|\s*(?:swing|ghost|dens|bpm))"
    r"|half(?:way)?\b|a (?:bit|little|touch)\b|slightly|fully|completely|all the way))?"
)
_ALL = (
    r"(?:everything|all(?:\s+of\s+(?:it|them))?|(?:the\s+|this\s+)?(?:whole\s+)?"
    r"(?:groove|beat|pattern|drums|thing)|it(?:\s+all)?|them)"
)
_OF_IT = r"(?:\s+(?:of|in)\s+(?:the|this|that|my)\s+(?:groove|beat|pattern|last one))?"
_PLEASE = r"^\W*(?:(?:please|now|ok|so|and|then|also)[, ]+)*"
_TAKE = r"\b(?:take|match|mimic|steal|use|copy|apply|extract|borrow|get|lift|put)\s+(?:the\s+)?"
_FEEL = r"(?:groove|swing|feel|feeling|timing|pocket|lean)(?:\s+template)?"
_ONTO = r"(?:\s+and\s+(?:apply|put|use)\s+(?:it|that))?\s+(?:for|to|on|onto|with)\s+"

_PATTERNS: Final = (
    rf"\b(?:sit|swing|groove|lean|shuffle)\s+(?:(?P<layers>{LAYERS})|(?P<all>{_ALL})){_OF_IT}"
    rf"\s+{_BEFORE}like\s+{_THIS}{_BEHIND}",
    rf"\b(?P<layers>{LAYERS}){_OF_IT}\s+{_BUT}{_SITS}\s+{_BEFORE}like\s+{_THIS}{_BEHIND}",
    rf"\b(?P<layers>{LAYERS}){_OF_IT}\s+{_BUT}{_BEFORE}like\s+{_SURE}{_BEHIND}",
    rf"\b(?P<all>{_ALL})\s+{_BUT}{_SITS}\s+{_BEFORE}like\s+{_THIS}{_BEHIND}",
    rf"\bsit(?:s|ting)?\s+{_BEFORE}like\s+{_THIS}{_BEHIND}",
    rf"\b(?:the\s+)?same\s+{_FEEL}\s+(?:as|of)\s+{_SURE}{_BEHIND}",
    rf"{_PLEASE}(?:swing|groove|lean|shuffle)\s+{_BEFORE}like\s+{_SURE}{_BEHIND}",
    rf"\b(?:give|lend)\s+(?:(?P<layers>{LAYERS})|(?P<all>{_ALL}))\s+the\s+{_FEEL}\s+of\s+"
    rf"{_SURE}{_BEHIND}",
    rf"{_TAKE}{_FEEL}\s+(?:of|from|in)\s+{_SURE}"
    rf"(?:{_ONTO}(?:(?P<layers>{LAYERS})|(?P<all>{_ALL})))?{_BEHIND}",
)
"""Compiled when a sentence may hold one, which takes longer than to read all others."""
_APPLIED: Final = re.compile(r"^\s*(?:and|,|;|then|\s)*\s*(?:apply|use|put)\s+(?:it|that)\b")
_NO_MORE: Final = re.compile(
    rf"\b(?:without|not like|unlike|no longer like|stop sitting like|forget|ignore)\s+"
    rf"(?:this|that|the|my)\s+{SOUND}|\bback (?:on|to|onto) the grid\b"
    r"|\b(?:do not|don'?t|should not|shouldn'?t|must not|not|never|no longer|stop)\s+"
    rf"(?:\w+\s+){{0,4}}?(?:{_SITS}|be)\s+(?:\w+\s+)?like\s+(?:this|that|the|my)\s+{SOUND}"
)
_PARTS: Final[Mapping[str, float]] = {"half": 0.5, "a ": 0.4, "just a": 0.4, "slightly": 0.4}

_HOW = (
    "drop a WAV, AIFF or FLAC file onto the chat in Studio, `conduit analyze loop.wav --session "
    "NAME`, or `POST /ears/hear`"
)
_NO_GROOVE = (
    "There is no groove yet that could sit like it. Ask for one in the same breath: “8 bars of dub "
    "with hats like this loop”."
)


@dataclass(frozen=True, slots=True)
class Sitting:
    """What a sentence says about it. ``rest`` is the sentence without that, ``HERE`` in its place;
    ``layers`` are its words for them, empty where none are named; ``named`` is empty for “this
    loop”."""

    rest: str
    layers: str
    everything: bool
    named: str
    amount: float


def read_sitting(text: str, sounds: Sequence[Sound] = ()) -> Sitting | None:
    """What is said about sitting like a sound; None where nothing is. ``text`` is in small letters,
    with single spaces; the names of ``sounds`` are understood without their ending too."""
    if "like" not in text and not re.search(_FEEL, text):
        return None
    marked, name = _with_name_marked(text, sounds)
    for pattern in _PATTERNS:
        if found := re.search(pattern, marked):
            break
    else:
        return None
    said = found.groupdict()
    rest = marked[found.end() :]
    if applied := _APPLIED.match(rest):
        rest = rest[applied.end() :]
    rest = f"{marked[: found.start()]} {HERE} {rest}"
    named = name or said.get("quoted") or said.get("file") or ""
    how = said.get("behind") or said.get("before") or ""
    layers, everything = said.get("layers") or "", bool(said.get("all"))
    return Sitting(" ".join(rest.split()), layers, everything, named, _amount(how))


def stops_sitting(text: str) -> str | None:
    """What is said besides, where a groove is to sit as it did before; None where it is not."""
    found = _NO_MORE.search(text)
    return f"{text[: found.start()]} ; {text[found.end() :]}" if found else None


def sit_like(
    clause: str, sitting: Sitting, last: Mapping[str, Any] | None, sounds: Sequence[Sound]
) -> Intent:
    """What to do: ``clause`` is the part of the sentence around ``HERE``, which may ask for another
    groove than the ``last``."""
    sound = _chosen(sitting, sounds)
    if sound is None:
        return Answer(_no_sound(sitting, sounds))
    wish = wish_in(clause.replace(HERE, ";"), last)
    if wish is not None and not isinstance(wish, MakeGroove):
        return wish
    if wish is None and last is None:
        return Answer(_NO_GROOVE)
    groove = wish.arguments if wish else _kept(last or {})
    reading = Reading("", remarks=list(wish.remarks if wish else ()))
    layers: tuple[str, ...] = EVERYTHING if sitting.everything else HATS
    if sitting.layers:
        layers = tuple(meant_layers(reading, sitting.layers, Style(str(groove["style"]))))
        if not layers:
            return Answer(" ".join(reading.remarks))
    understood = list(wish.understood if wish else ())
    if sitting.amount < 1:
        understood.append(f"{sitting.amount:.0%} of the way")
    return SitLike(
        groove,
        sound.id,
        sound.name,
        layers,
        sitting.amount,
        tuple(understood),
        tuple(reading.remarks),
    )


def still_sitting(wish: MakeGroove, sat: Sat, sounds: Sequence[Sound]) -> MakeGroove | SitLike:
    """A change of a groove that sits like a sound, which goes on doing so."""
    try:
        chosen_layers(config_of(decode(GrooveRequest, wish.arguments, lenient=True)), sat.layers)
    except InvalidInput:  # they are muted now
        return wish
    name = next((each.name for each in sounds if each.id == sat.loop), sat.name)
    said = (wish.arguments, sat.loop, name, sat.layers, sat.amount)
    return SitLike(*said, wish.understood, wish.remarks)


def on_the_grid(last: Mapping[str, Any], besides: str = "") -> MakeGroove:
    """A groove as it was before it sat like anything, with what is said ``besides``."""
    said = "no longer like the loop"
    if isinstance(more := wish_in(besides, last), MakeGroove):
        return replace(more, understood=(said, *more.understood))
    return MakeGroove(_kept(last), (said,))


def _kept(last: Mapping[str, Any]) -> dict[str, Value]:
    return {k: v for k, v in last.items() if v is not None and k != "title"}


def _chosen(sitting: Sitting, sounds: Sequence[Sound]) -> Sound | None:
    """The sound that is meant: the newest, unless one is named."""
    if not sitting.named:
        return sounds[0] if sounds else None
    return next((each for each in sounds if _is_called(sitting.named, each)), None)


def _no_sound(sitting: Sitting, sounds: Sequence[Sound]) -> str:
    """What to say where there is none, or not that one."""
    if not sounds:
        return (
            f"I have heard no loop in this conversation yet. Give me one: {_HOW}. Then ask again."
        )
    names = ", ".join(f"“{each.name}”" for each in sounds)
    return f"I have not heard “{sitting.named[:80]}” here, but {names}. Give it to me: {_HOW}."


def _with_name_marked(text: str, sounds: Sequence[Sound]) -> tuple[str, str]:
    """The text with the longest name of a sound that is said in it put in a form that no other
    word has, and that name. Names may have spaces in them, and anything else."""
    calls = {word: each.name for each in reversed(sounds) for word in calls_of(each.name)}
    for word in sorted(calls, key=len, reverse=True):
        said = re.search(rf"\blike (?:the |my )?(?<!\w){re.escape(word)}(?!\w)", text)
        if said and not re.fullmatch(rf"(?:this|that|the|my)?\s*{SOUND}", word):
            return f"{text[: said.start()]}like “sound”{text[said.end() :]}", calls[word]
    return text, ""


def calls_of(name: str) -> tuple[str, ...]:
    """What a sound may be called, in small letters: its name, with its ending and without."""
    whole = " ".join(name.casefold().split())
    short = re.sub(rf"{_ENDINGS}$", "", whole)
    return tuple(each for each in (whole, short) if len(each) > 2)


def _is_called(named: str, sound: Sound) -> bool:
    return bool(set(calls_of(named)) & set(calls_of(sound.name)))


def _amount(said: str) -> float:
    """How far, of 1. What says nothing about it is all the way."""
    if number := re.match(r"\d*\.?\d+", said):
        value = float(number[0])
        return min(1.0, value / 100 if "%" in said or "percent" in said else value)
    return next((part for word, part in _PARTS.items() if said.startswith(word)), 1.0)
