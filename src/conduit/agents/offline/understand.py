"""From a sentence to an intent: make or change a groove, answer, or say what is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from conduit.agents.offline.changes import (
    put_another,
    read_amounts,
    read_another,
    read_length,
    read_mutes,
    read_turns,
)
from conduit.agents.offline.intent import Answer, Beyond, Intent, ListStyles, MakeGroove, Question
from conduit.agents.offline.parts import read_parts
from conduit.agents.offline.reading import (
    DESCRIBED,
    NUMBERED,
    Reading,
    read_bare_tempo,
    read_style,
)
from conduit.agents.offline.vocabulary import CONNECT, FOREIGN, OUT_OF_REACH, WRITING
from conduit.blocks.shape import Either, Scalar, fields_of
from conduit.rhythm.groove import GrooveRequest, complete
from conduit.rhythm.styles import Style

_LONGEST = 2000
"""Characters of a prompt that are read; a groove is asked for in fewer."""
_UNNAMED = Style.WAREHOUSE

_NOUN = re.compile(
    r"\b(?:grooves?|beats?|loops?|patterns?|rhythms?|drums?|percussion|techno|kicks?|hats?"
    r"|(?:some|any)thing)\b"
)
_VERB = re.compile(
    r"\b(?:make|create|generate|render|give|build|write|play|want|need|get|produce|program|cook"
    r"|drop|lay down|start|show me|do me|try|let'?s have|let'?s hear)\b"
)
_WISH = re.compile(
    r"^\W*(?:(?:an?|another|one|some|new)\s+(?:[\w'’-]+\s+){0,3}|(?:new|more|techno|drum)\s+)?"
    r"(?:grooves?|beats?|loops?|patterns?|rhythms?|techno)\b(?!\s*\?)"
)
"""A wish that has no verb: "techno groove", "a beat like kraftwerk"."""
_ASKS = re.compile(
    r"^\W*(?:what|whats|how|why|where|when|which|who|does|do|did|is|are|can|could|should|will|would"
    r"|explain|tell me|describe|help me understand)\b"
)
_POLITE = re.compile(
    r"^\W*(?:(?:please|hey|ok(?:ay)?|so|and|now)[, ]+)*(?:can|could|may|would|will) (?:you|i|we)\b"
)
_STYLES = re.compile(
    r"\b(?:what|which|list|show|available)\b.*\b(?:styles?|genres?)\b"
    r"|\b(?:how fast|what (?:bpm|tempo)) (?:is|are|should|has|does)\b (?!it\b|that\b|conduit)"
)
_GREETS = re.compile(
    r"^\W*(?:(?:hi|hello|hey|yo|moin|good (?:morning|evening))\b.{0,20}|help|start"
    r"|(?:what can|what do) you do|who are you|what are you)?\W*$"
)
_THANKS = re.compile(
    r"^\W*(?:(?:thanks?|thank you|thx|cheers|nice|perfect|great|cool|awesome|lovely|wow|ok(?:ay)?"
    r"|(?:i )?(?:love|like) (?:it|this|that)|that'?s (?:it|good|great|perfect))\W*)+.{0,20}$"
)
_UNDO = re.compile(r"\b(?:undo|go back|revert|previous (?:one|groove)|the one before)\b")
_ABOUT_LAST = re.compile(
    r"\bwhat (?:was|is|are|'s) (?:that|it|the (?:seed|bpm|tempo|swing|density))\b\W*$"
    r"|^what (?:did|have) you (?:just )?(?:make|made|do|done)\b"
)

GREETING = (
    "I am Conduit's offline agent: no key and no network needed. Ask for a groove, like "
    "“8 bars of industrial at 140 bpm with sparse ghost kicks”, change the last one with “more "
    "swing” or “less dense”, keep it with “save this as late_night”, or ask how Conduit works. "
    "“Help with configs” says more."
)
_WELCOME = "Any time. Say “another one” for a variation, or “more swing” to change this one."
_SHOWN = {"bpm": "a tempo in BPM", "bars": "a length in bars", "swing": "swing in percent"}

UNDONE = "the groove before the last one"
"""What was understood where somebody went back."""

_STYLE_NAMES = ", ".join(style.value for style in Style)


def understand(prompt: str, grooves: Sequence[Mapping[str, Any]] = ()) -> Intent:
    """What ``prompt`` asks for. ``grooves`` are the requests of the grooves of the conversation,
    newest first; "more", "less" and "undo" refer to them."""
    text = " ".join(prompt[:_LONGEST].casefold().split())
    last = grooves[0] if grooves else None
    if _GREETS.match(text):
        return Answer(GREETING)
    if _THANKS.match(text):
        return Answer(_WELCOME)
    if last and _UNDO.search(text):
        return _undone(grooves)
    asks = is_question(text)
    if asks and last and _ABOUT_LAST.search(text):
        return Answer(_described(last))
    if asks and _STYLES.search(text):
        return ListStyles()
    if re.search(WRITING, text):
        return Beyond("that without a language model", CONNECT)
    if foreign := next((g for g in FOREIGN if re.search(rf"\b{g}\b", text)), None):
        if asks and not _NOUN.search(text):
            return Question(prompt.strip())
        return Beyond(f"{foreign}", f"name one of the styles ({_STYLE_NAMES}), or {CONNECT}")
    reading = _read(text, last)
    makes = bool(_VERB.search(text) or _WISH.match(text))
    if asks and not (makes and reading.arguments and not text.endswith("?")):
        return Question(prompt.strip())
    missing = [(w, e) for pattern, w, e in OUT_OF_REACH if re.search(pattern, text)]
    named = bool(_NOUN.search(text)) and (makes or not (last or missing or text.endswith("?")))
    if named and last and not reading.arguments and not missing:
        put_another(reading, last)
    if reading.arguments or reading.remarks or (named and not (last and missing)):
        reading.remarks += [f"I left out {what}: {enable}." for what, enable in missing]
        return _groove(reading, last)
    if _STYLES.search(text):
        return ListStyles()
    if missing:
        return Beyond(*missing[0])
    if text.endswith("?"):
        return Question(prompt.strip())
    return Beyond("that without a language model", CONNECT)


def is_question(text: str) -> bool:
    """Whether it asks for an answer; "can you make …" asks for a groove."""
    return bool(_ASKS.match(text)) and not _POLITE.match(text)


def wish_in(text: str, last: Mapping[str, Any] | None) -> Intent | None:
    """What a part of a sentence says about the groove itself, a ``MakeGroove`` or why there is
    none; None where it says nothing."""
    reading = _read(text, last)
    if reading.arguments or (last is None and _NOUN.search(text)):
        return _groove(reading, last)
    return None


def _read(text: str, last: Mapping[str, Any] | None) -> Reading:
    """Amounts before values, values before "more" and "less", and those before adjectives."""
    reading = Reading(text)
    read_style(reading)
    style = reading.arguments.get("style") or (last or {}).get("style") or _UNNAMED
    base = last if last and last.get("style") == style else _of_style(Style(str(style)))
    read_amounts(reading, base)
    for read in NUMBERED:
        read(reading)
    read_parts(reading, base)
    read_mutes(reading, base)
    read_turns(reading, base)
    for read in DESCRIBED:
        read(reading)
    read_length(reading, base)
    read_another(reading, base)
    if "bpm" not in reading.arguments and (reading.arguments or last or _NOUN.search(text)):
        read_bare_tempo(reading)
    return reading


def _of_style(style: Style) -> Mapping[str, Any]:
    return asdict(complete(GrooveRequest(style)))


def _groove(reading: Reading, last: Mapping[str, Any] | None) -> Intent:
    """A new style starts afresh; anything else changes the last groove."""
    arguments = dict(reading.arguments)
    understood = list(reading.understood)
    if last is not None and arguments.get("style", last.get("style")) == last.get("style"):
        kept = {k: v for k, v in last.items() if v is not None and k != "title"}
        arguments = {**kept, **arguments}
    if "style" not in arguments:
        arguments["style"] = _UNNAMED.value
        understood.insert(0, f"{_UNNAMED.value} style, since none was named")
    if told := _out_of_range(arguments):
        return Answer(told)
    return MakeGroove(arguments, tuple(understood), tuple(reading.remarks))


def _out_of_range(arguments: Mapping[str, Any]) -> str:
    """What is wrong with a number that a groove cannot have; empty when all is well."""
    for field in fields_of(GrooveRequest):
        value = arguments.get(field.name)
        shapes = field.shape.options if isinstance(field.shape, Either) else (field.shape,)
        limits = next((s.range for s in shapes if isinstance(s, Scalar) and s.range), None)
        if limits and value is not None and not limits.minimum <= value <= limits.maximum:
            what = _SHOWN.get(field.name, field.name)
            return (
                f"I can't make that: {what} goes from {limits.minimum:g} to {limits.maximum:g}, "
                f"and you asked for {value:g}. Name one in between."
            )
    return ""


def _undone(grooves: Sequence[Mapping[str, Any]]) -> Intent:
    if len(grooves) < 2:
        return Answer("There is only one groove in this conversation, so nothing to go back to.")
    kept = {k: v for k, v in grooves[1].items() if v is not None and k != "title"}
    return MakeGroove(kept, (UNDONE,))


def _described(groove: Mapping[str, Any]) -> str:
    muted = ", ".join(groove.get("mute") or ())
    return (
        f"The last groove is {groove['bars']} bars of {groove['style']} at {groove['bpm']:g} BPM: "
        f"seed {groove['seed']}, swing {groove['swing']:g} %, density {groove['density']:.0%}, "
        f"ghost kicks at {groove['ghost']:.0%}" + (f", without {muted}." if muted else ".")
    )
