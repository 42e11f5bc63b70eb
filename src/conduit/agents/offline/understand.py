"""From a sentence to an intent: make or change a groove, answer, or say what is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from conduit.agents.offline.amounts import read_duration, read_several, read_steps
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
from conduit.agents.offline.vocabulary import (
    CONNECT,
    FOREIGN,
    OUT_OF_REACH,
    STYLE_WORDS,
    WITHIN,
    WRITING,
)
from conduit.agents.offline.wording import worded
from conduit.blocks.shape import Either, Scalar, fields_of
from conduit.rhythm.groove import GrooveRequest, complete
from conduit.rhythm.styles import Style

_LONGEST = 2000
"""Characters of a prompt that are read; a groove is asked for in fewer."""
_UNNAMED = Style.WAREHOUSE
_THAN_IT = re.compile(r"\b(?:faster|slower)\b")
"""Than the last groove, also where a new style starts afresh."""
_SAME = re.compile(r"\b(?:same|keep everything)\b")
_THE_LAST = re.compile(r"\b(?:the|this|that|these|those|my|it|its)\b")
"""About the groove that is there: whoever wants a new one says “a groove”."""
_KEPT = ("bpm", "bars", "seed", "parts", "root", "scale")
"""What “the same but darker” keeps of a groove in another style."""

_NOUN = re.compile(
    r"\b(?:grooves?|beats?|loops?|patterns?|rhythms?|drums?|percussion|techno|kicks?|hats?"
    r"|(?:some|any)thing)\b"
)
_VERB = re.compile(
    r"\b(?:make|create|generate|render|give|build|write|play|want|need|get|produce|program|cook"
    r"|drop|lay down|start|show me|do me|try|let'?s have|let'?s hear)\b"
)
WISH = re.compile(
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
    r"|^\W*(?:can|could) (?:it|this|that|the (?:groove|beat|loop)) (?:be|have|get|go|sound|swing)\b"
    r"|^\W*(?:and )?(?:what|how) about\b"
)
_STYLES = re.compile(
    r"\b(?:what|which|list|show|available)\b.*\b(?:styles?|genres?)\b|^\W*(?:styles?|genres?)\W*$"
    r"|\b(?:how fast|what (?:bpm|tempo)) (?:is|are|should|has|does)\b (?!it\b|th[ai][ts]\b|conduit)"
    rf"|\bwhat(?:'s|s| is) the (?:bpm|tempo) of (?:{'|'.join(STYLE_WORDS)})\b"
)
_GREETS = re.compile(
    r"^\W*(?:(?:hi|hello|hey|yo|moin|good (?:morning|evening))\b.{0,20}|help(?: me)?|start"
    r"|(?:what can|what do) you do|who are you|what are you)?\W*$"
)
_THANKS = re.compile(
    r"^\W*(?:(?:thanks?|thank you|thx|cheers|nice|perfect|great|cool|awesome|lovely|wow|ok(?:ay)?"
    r"|(?:i )?(?:love|like) (?:it|this|that)|that'?s (?:it|good|great|perfect))\W*)+.{0,20}$"
)
_UNDO = re.compile(
    r"\b(?:undo(?: (?:it|that|this|the last (?:one|change)))?"
    r"|(?:go |take me )?back to (?:the )?(?:(?:one|groove) before|last (?:one|groove)"
    r"|previous (?:one|groove))|go back(?! to\b)|revert(?: (?:it|that|this))?"
    r"|(?:the )?previous (?:one|groove)|the one before|(?:no|not that|nah)\W+the other one)\b"
    r"|^(?:the )?other one\W*$"
)
_UNDO_ONE = re.compile(
    r"\b(?:undo|revert|reset) (?:the |my )?(?P<what>swing|tempo|bpm|speed|density|ghosts?|length"
    r"|bars|seed|mutes?)\b"
)
_UNDONE_FIELDS = {"tempo": "bpm", "speed": "bpm", "length": "bars", "mute": "mute"}
_FAR_BACK = re.compile(
    r"\bundo (?:twice|two|three|all|every|\d)|\b(?:the )?(?:very )?first (?:one|groove)\b"
)
_REDO = re.compile(r"^\W*redo\b")
_THING = r"(?:seed|bpm|tempo|swing|density|key|length|style|speed)"
_ABOUT_LAST = re.compile(
    rf"\bwhat(?: was| is| are|'s|s)? (?:that|it|(?:the|its) (?:current )?{_THING})\b"
    r"(?: at| now)?\W*$"
    r"|^what (?:did|have) you (?:just )?(?:make|made|do|done|change[d]?)\b"
    rf"|^\W*(?:(?:what|which) {_THING}|how (?:fast|slow|long|swung|dense|many bars))\b"
    r"(?: (?:is|was|does|has)(?: (?:it|this|that|the (?:groove|beat|loop)))?)?"
    r"(?: (?:in|at|have|now))?\W*$"
    r"|^\W*(?:is|are) (?:it|the \w+(?: \w+)?) (?:muted|swung|straight|on|off|playing)\W*$"
)
_VAGUE = re.compile(
    r"^\W*(?:no|nope|nah|yes|yeah|yep|more|less|go|do it|ok do it|not that|meh|better|worse|stop"
    r"|(?:it'?s |that'?s |this is )?(?:too )?(?:boring|bad|shit|crap|wrong|weird|lame)|spice it up"
    r"|i (?:hate|don'?t like) (?:it|this|that)|(?:it|that|this) sucks|make it (?:better|nicer"
    r"|more interesting|less boring|good|sick)|i don'?t know|dunno|idk)\W*$"
)
_RESTARTS = re.compile(r"^\W*(?:reset|clear|start (?:over|from scratch)|from scratch)\W*$")
_HANDS_OVER = re.compile(
    r"^\W*(?:(?:please|now|ok|can (?:you|i)|let me|i want to)\W+)*(?:play|hear|export|download"
    r"|render|send|put|drag|import|give me|get)\b(?:\s+(?:me|it|this|that|the|as|to|in|into|my|a"
    r"|midi|mid|file|groove|beat|loop|clip|live|ableton|daw|logic|back|track|on|\d+))*\W*$"
)
_A_FILE = re.compile(r"[\w-]\.(?:wave?|aiff?|aifc|flac|mp3|ogg|m4a|midi?)\b")

GREETING = (
    "I am Conduit's offline agent: no key and no network needed. Ask for a groove, like "
    "“8 bars of industrial at 140 bpm with sparse ghost kicks”, change the last one with “more "
    "swing” or “less dense”, keep it with “save this as late_night”, or ask how Conduit works. "
    "“Help with configs” says more."
)
_WELCOME = "Any time. Say “another one” for a variation, or “more swing” to change this one."
_HANDED = (
    "Every groove is a MIDI file already: `conduit ask` saves it in the current folder, the Studio "
    "plays it and lets you download it, and what you ask for from the device in Live goes into a "
    "clip. “Render this to wav” makes sound of it."
)
_WHICH_WAY = (
    "Say what should be different: “more swing”, “denser”, “without hats”, “another one”, “make it "
    "industrial”; “undo” goes back."
)
_RESTART = "Name a style and it starts afresh: “8 bars of dub at 124”. Or say “undo”."
_FILES = (
    "I do not open sound files from here. Drop one onto the chat in the Studio, or run `conduit "
    "analyze FILE --session NAME`; then ask how fast it is, or “make the hats sit like this loop”."
)
_ONLY_ONE_BACK = (
    "I can go back to the groove before the last one, and no further: say “undo”. What you want to "
    "come back to, save: “save this as late_night”."
)
_SHOWN = {"bpm": "a tempo in BPM", "bars": "a length in bars", "swing": "swing in percent"}

LAST_IS = "The last groove is"
UNDONE = "the groove before the last one"
"""What was understood where somebody went back."""

_STYLE_NAMES = ", ".join(style.value for style in Style)


def understand(prompt: str, grooves: Sequence[Mapping[str, Any]] = ()) -> Intent:
    """What ``prompt`` asks for. ``grooves`` are the requests of the grooves of the conversation,
    newest first; "more", "less" and "undo" refer to them."""
    said = worded(" ".join(prompt[:_LONGEST].casefold().split()))
    text = said.text
    last = grooves[0] if grooves else None
    if said.forbidden and not re.search(r"\w", text):
        return Answer(f"I left it as it is, and did not “{said.forbidden[0]}”.")
    meant = _meant(prompt, text, last, grooves)
    if said.forbidden and isinstance(meant, MakeGroove):
        remark = f"As you said, I did not “{said.forbidden[0]}”."
        return replace(meant, remarks=(*meant.remarks, remark))
    return meant


def _meant(
    prompt: str, text: str, last: Mapping[str, Any] | None, grooves: Sequence[Mapping[str, Any]]
) -> Intent:
    """What a sentence in the words of the readers asks for."""
    if _GREETS.match(text):
        return Answer(GREETING)
    if _THANKS.match(text):
        return Answer(_WELCOME)
    if _A_FILE.search(text):
        return Answer(_FILES)
    if not is_question(text) and (back := _gone_back(text, grooves)):
        return back
    if _RESTARTS.match(text):
        return Answer(_RESTART)
    if last and _VAGUE.match(text):
        return Answer(_WHICH_WAY)
    if last and _HANDS_OVER.match(text):
        return Answer(_HANDED)
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
    if not asks and re.search(WITHIN, text):
        return Beyond(
            "something in some bars only",
            "what you say holds for the whole groove; a config of your own has conditions, forms "
            f"and fills for that, or {CONNECT}",
        )
    reading = _read(text, last)
    makes = bool(_VERB.search(text) or WISH.match(text))
    if asks and not (makes and reading.arguments and not text.endswith("?")):
        return Question(prompt.strip())
    missing = [(w, e) for pattern, w, e in OUT_OF_REACH if re.search(pattern, text)]
    named = bool(_NOUN.search(text)) and (makes or not (last or missing or text.endswith("?")))
    if named and last and not reading.arguments and not missing:
        if _THE_LAST.search(text) and not reading.remarks:
            return Answer(f"I did not understand what should be different about it. {_WHICH_WAY}")
        put_another(reading, last)
    if reading.arguments or reading.remarks or (named and not (last and missing)):
        reading.remarks += [f"I left out {what}: {enable}." for what, enable in missing]
        return _groove(reading, last, same=bool(_SAME.search(text)))
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
    reading = _read(worded(text).text, last)
    if reading.arguments or (last is None and _NOUN.search(text)):
        return _groove(reading, last)
    return None


def _read(text: str, last: Mapping[str, Any] | None) -> Reading:
    """Amounts before values, values before "more" and "less", and those before adjectives."""
    reading = Reading(text)
    read_several(reading)
    read_style(reading)
    style = reading.arguments.get("style") or (last or {}).get("style") or _UNNAMED
    base = last if last and last.get("style") == style else _of_style(Style(str(style)))
    if last and base is not last and _THAN_IT.search(text):
        base = {**base, "bpm": last.get("bpm") or base.get("bpm")}
    read_steps(reading, base)
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
    read_duration(reading, base)
    bare = _NOUN.search(text) or re.fullmatch(r"\W*\d+\W*", text)
    if "bpm" not in reading.arguments and (reading.arguments or last or bare):
        read_bare_tempo(reading)
    return reading


def _of_style(style: Style) -> Mapping[str, Any]:
    return asdict(complete(GrooveRequest(style)))


def _groove(reading: Reading, last: Mapping[str, Any] | None, *, same: bool = False) -> Intent:
    """A new style starts afresh, but for the ``same``; anything else changes the last groove."""
    arguments = dict(reading.arguments)
    understood = list(reading.understood)
    if last is not None and arguments.get("style", last.get("style")) == last.get("style"):
        kept = {k: v for k, v in last.items() if v is not None and k != "title"}
        arguments = {**kept, **arguments}
    elif last is not None and same:
        kept = {k: last[k] for k in _KEPT if last.get(k)}
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


def _gone_back(text: str, grooves: Sequence[Mapping[str, Any]]) -> Intent | None:
    """The groove before the last one, all of it or one thing; None where nobody goes back. What is
    said besides changes that groove."""
    if grooves and _FAR_BACK.search(text):
        return Answer(_ONLY_ONE_BACK)
    one, whole = _UNDO_ONE.search(text), _UNDO.search(text) or _REDO.search(text)
    found = one or whole
    if not found:
        return None
    if not grooves:
        alone = not re.search(r"\w", f"{text[: found.start()]}{text[found.end() :]}")
        nothing = "There is no groove in this conversation yet: ask for one, “8 bars of dub”."
        return Answer(nothing) if alone else None
    if len(grooves) < 2:
        return Answer("There is only one groove in this conversation, so nothing to go back to.")
    before = grooves[1]
    understood = UNDONE
    if one:
        what = one["what"].removesuffix("s") if one["what"] != "bars" else one["what"]
        field = _UNDONE_FIELDS.get(what, what)
        before = {**grooves[0], field: grooves[1].get(field)}
        understood = f"the {what} of {UNDONE}"
    rest = f"{text[: found.start()]} ; {text[found.end() :]}"
    if isinstance(more := wish_in(rest, before), MakeGroove):
        return replace(more, understood=(understood, *more.understood))
    kept = {k: v for k, v in before.items() if v is not None and k != "title"}
    return MakeGroove(kept, (understood,))


def _described(groove: Mapping[str, Any]) -> str:
    muted = ", ".join(groove.get("mute") or ())
    return (
        f"{LAST_IS} {groove['bars']} bars of {groove['style']} at {groove['bpm']:g} BPM: "
        f"seed {groove['seed']}, swing {groove['swing']:g} %, density {groove['density']:.0%}, "
        f"ghost kicks at {groove['ghost']:.0%}" + (f", without {muted}." if muted else ".")
    )
