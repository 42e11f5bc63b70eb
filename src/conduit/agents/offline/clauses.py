"""Reading what is said about configs, renders and phrases: one clause, one thing to do.

A sentence is cut where another request begins ("…, save it as dub1 and render 32 bars of it"). What
is said about the groove itself is left to ``understand``, in one piece.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from conduit.agents.ears.note import Sound
from conduit.agents.help import topic_named
from conduit.agents.offline.figures import told_figures
from conduit.agents.offline.intent import (
    Answer,
    Beyond,
    ChangeSaved,
    Help,
    Intent,
    ListConfigs,
    MakeGroove,
    MakePhrase,
    MakeSound,
    Music,
    RenderSaved,
    SaveConfig,
    ShowConfig,
    SitLike,
    Value,
)
from conduit.agents.offline.morphing import about_a_whole, read_morph
from conduit.agents.offline.past import Sat, request_of
from conduit.agents.offline.reading import (
    Reading,
    read_bars,
    read_bpm,
    read_seed,
    read_style,
    read_swing,
)
from conduit.agents.offline.sitting import (
    HERE,
    on_the_grid,
    read_sitting,
    sit_like,
    still_sitting,
    stops_sitting,
)
from conduit.agents.offline.sounding import NOTHING_TO_HEAR, without_sound
from conduit.agents.offline.understand import UNDONE, is_question, understand
from conduit.agents.offline.vocabulary import (
    FOREIGN,
    KIND_WORDS,
    NEIGHBOURS,
    OTHER_LAYERS,
    STYLE_WORDS,
    WITHIN,
)
from conduit.agents.offline.whereabouts import read_whereabouts
from conduit.agents.offline.wording import behind_praise
from conduit.contracts.json import JsonObject
from conduit.rhythm.styles import Style

_LONGEST = 2000

_PLEASE = (
    r"^\W*(?:(?:please|now|ok|so|and|then|also|hey|just)[, ]+)*(?:(?:can|could|would) you\s+)?"
)
_CUT = re.compile(
    r"(?:\s*[,;.]\s+(?:and\s+)?(?:then\s+)?|\s+(?:and\s+then|and|then)\s+)(?:please\s+)?"
    r"(?=(?:save|store|keep|copy|overwrite|render|export|bounce|show|list|change|set|make|what|which)\b)"
)
_NAME = r"(?:[\"“](?P<{0}q>[^\"”]+)[\"”]|['`]?(?P<{0}>[^\s,;!?\"”'’`]+)['’`]?)"
_THIS = (
    r"(?:this|it|that|the\s+(?:last\s+|current\s+)?(?:groove|beat|loop|pattern|one|result)"
    r"|(?:this|that|my)\s+(?:groove|beat|loop|pattern|one))"
)
_AS = r"(?:as|under(?:\s+the\s+name)?|to|called|named)\s+(?:(?:a\s+)?config\s+)?"
_SAVE = re.compile(
    rf"{_PLEASE}(?:save|store|keep)\s+(?:{_THIS}\s+)?{_AS}{_NAME.format('name')}"
    r"(?:\s+(?:please|pls|now|too|thanks))*\W*$"
)
_SAVED_FIRST = re.compile(
    rf"(?P<save>\b(?:save|store|keep)\s+(?:{_THIS}\s+)?{_AS}(?:[\"“][^\"”]+[\"”]|[^\s,;]+))"
    r"(?:[,;]\s+(?:and\s+)?(?:then\s+)?|\s+(?:and\s+)?then\s+"
    r"|\s+and\s+(?=(?:more|less|fewer|faster|slower|without|no|now|add|undo|another)\b))(?=\S)"
)
"""A sentence that goes on behind what is to be saved."""
_COPY = re.compile(
    rf"{_PLEASE}(?:save|copy)\s+(?:the\s+)?(?:(?:config|example)\s+)?{_NAME.format('of')}\s+"
    rf"{_AS}{_NAME.format('name')}\W*$"
)
_OVERWRITE = re.compile(
    rf"{_PLEASE}(?:overwrite|replace)\s+(?:(?:the\s+)?config\s+)?{_NAME.format('name')}"
    rf"(?:\s+(?:with|by)\s+{_THIS})?\W*$"
)
_SAVE_UNNAMED = re.compile(rf"{_PLEASE}(?:save|store)(?:\s+{_THIS})?\W*$")
_RENDER = re.compile(rf"{_PLEASE}(?:re-?render|render|export|bounce)\b(?P<rest>.*)$")
_SHOWS = rf"{_PLEASE}(?:show|list|display|see|what|which|what's|whats|tell me)\b"
_LIST = re.compile(
    rf"{_SHOWS}(?!.*\bhow\b).*\b(?:configs|(?:my|saved)\s+(?:grooves?|files?|ones))\b"
    rf"|^\W*(?:my\s+)?configs\W*$"
)
_DEFINES = re.compile(r"^\W*what(?:'s| is| are)\s+(?:a\s+|the\s+)?(?:configs?|examples?)\W*$")
_EXAMPLES = re.compile(
    rf"{_SHOWS}.*\b(?:examples|showcases)\b(?!\s+of)|^\W*(?:examples|showcases)\W*$"
)
_SHOW = re.compile(
    rf"{_PLEASE}(?:show|open|read|print|display)\s+(?:me\s+)?(?:the\s+)?(?P<said>config\s+)?"
    rf"{_NAME.format('name')}(?P<after>\s+config)?\W*$"
    rf"|^\W*what(?:'s| is)\s+in\s+(?:the\s+)?(?P<in>config\s+)?{_NAME.format('inside')}\W*$"
)
_HELP = re.compile(r"^\W*help\s+(?:me\s+)?(?:(?:with|about|on)\s+)?(?P<topic>[\w ]{3,40})\W*$")
_CHANGE = re.compile(
    rf"\s*\b(?P<way>in|of|for|on)\s+(?:the\s+)?(?P<said>config\s+)?{_NAME.format('name')}"
    r"(?:'s)?(?P<after>\s+config)?"
)
_SETS = re.compile(rf"{_PLEASE}(?:change|set|turn|raise|lower|increase|decrease|reduce|put)\b")
_MAKE = re.compile(rf"{_PLEASE}make\s+{_NAME.format('name')}(?=\s)")
_KIND = r"(?P<{0}>fill|build(?:[- ]?up)?|break(?:[- ]?down)?|drop)s?\b(?!\s*(?:beats?|the\b))"
_PHRASE = re.compile(
    rf"\b{_KIND.format('a')}\s+phrase\b|\bphrase\b.*\b{_KIND.format('b')}"
    r"|^(?:(?!\b(?:grooves?|beats?|loops?|patterns?|with|no|without)\b).)*"
    r"\b(?:an?|another|\d+[- ]bars?)\s+(?:of\s+)?(?:(?!with\b)[\w-]+\s+){0,4}?" + _KIND.format("c")
)
_KINDS: Mapping[str, str] = {"fi": "fill", "bu": "build", "br": "breakdown", "dr": "drop"}

_NO_NAME = "Under which name? Say “save this as late_night”, for instance."
_NO_GROOVE = "There is no groove to save yet. Ask for one first: “8 bars of dub”."
_PLACES = r"(?:(?:the |my |a )?(?:disk|desktop|file|folder|computer|ableton|live|daw|clip|logic))"
_SAVE_SOMEWHERE = re.compile(
    rf"{_PLEASE}(?:save|store|keep)\s+(?:{_THIS}\s+)?(?:to|as|in)\s+{_PLACES}\W*$"
)
_SAVE_SPACED = re.compile(
    rf"{_PLEASE}(?:save|store|keep)\s+(?:{_THIS}\s+)?(?:as|called|named)\s+[^\W\d][\w-]*"
    r"(?:\s+[\w-]+){1,4}\W*$"
)
_ONE_WORD = 'A name is one word, or stands in quotes: “save this as dub_1”, save it as "my groove".'
_MORE_THAN_RENDERS = re.compile(
    r"\b(?:without|no|mute|only|faster|slower|half|double|more|less|density|ghost\w*|in [a-g])\b"
)
_WITH_A_CONFIG = (
    "With {name} I can do this: “render {name}”, “show config {name}”, “more swing in {name}”, "
    "“copy {name} as mine”. “Help with configs” says more."
)
_AS_SAVED = (
    "The rest I left out: with a saved config, only bars, tempo, swing and seed can be said here."
)
_COMMON = frozenset(
    "mp3 mp4 ogg live ableton daw clip clips slot logic "
    "a an the this that it them some something anything everything one more less bar bars beat "
    "beats bpm percent groove grooves loop loops pattern patterns rhythm drums kick kicks techno "
    "me my all each every first last next half second third steps step swing tempo density ghost "
    "ghosts config configs file files midi out place total general phrase fill build breakdown "
    "drop song track set".split()
) | {*STYLE_WORDS, *NEIGHBOURS, *FOREIGN, *KIND_WORDS, *OTHER_LAYERS, *(s.value for s in Style)}


@dataclass(slots=True)
class Context:
    """What words refer to: the groove that was made last, the names that were seen, the render that
    came after the groove, and the config that was saved in this very sentence."""

    groove: Mapping[str, Any] | None
    names: frozenset[str]
    render: str = ""
    saved: str = ""
    morphed: str = ""
    """The id of the groove, if it was morphed: no request makes it again."""
    recalled: JsonObject | None = None
    """The whole config that was recalled, if nothing was made since."""


def read_plan(
    prompt: str,
    grooves: Sequence[Mapping[str, Any]] = (),
    names: frozenset[str] = frozenset(),
    render: str = "",
    sat: Sequence[Sat | None] = (),
    sounds: Sequence[Sound] = (),
    this: Mapping[str, Any] | None = None,
    midi: str = "",
    morphed: str = "",
) -> tuple[Intent, ...]:
    """What a sentence asks for, in order; at least one thing. ``grooves`` as for ``understand``;
    ``names`` are those of configs that were seen in the conversation, ``render`` is that of a
    render, if nothing was made since. ``sat`` says what the grooves sit like, ``sounds`` which
    there are to sit like, the newest first; ``this`` is the last groove as ``groove.morph`` takes
    it, ``midi`` the id of its file, ``morphed`` its own id if it was morphed."""
    if about_places := read_whereabouts(prompt[:_LONGEST]):
        return (about_places,)
    if wanted := behind_praise(prompt[:_LONGEST]):
        plan = read_plan(wanted, grooves, names, render, sat, sounds, this, midi, morphed)
        if not isinstance(plan[0], Beyond):
            return plan
    text = " ".join(prompt[:_LONGEST].casefold().split())
    rest = None if is_question(text) else without_sound(text)
    if rest is not None:
        before: tuple[Intent, ...] = ()
        if rest:
            before = read_plan(rest, grooves, names, render, sat, sounds, this, midi, morphed)
        if any(isinstance(each, Music | RenderSaved | MakePhrase) for each in before):
            return (*before, MakeSound())
        if all(isinstance(each, SaveConfig) for each in before):
            return (*before, MakeSound(midi) if midi else Answer(NOTHING_TO_HEAR))
        return before
    if morph := read_morph(text, names, this):
        return (morph,)
    if figures := told_figures(text, sounds):
        return (Answer(figures),)
    sits = _Sits(tuple(grooves), tuple(sat), sounds)
    if grooves and (besides := stops_sitting(text)) is not None:
        if sits.now:
            return (on_the_grid(grooves[0], besides),)
        if sounds and " like " in text:
            return (Answer("I left it as it is: it does not sit like a loop."),)
    sitting = read_sitting(text, sounds)
    parted = _SAVED_FIRST.sub(r"\g<save>\n", sitting.rest if sitting else text)
    clauses = _joined([c for part in parted.split("\n") for c in _CUT.split(part)], names)
    context = Context(grooves[0] if grooves else None, names, render, morphed=morphed)
    if this is not None and isinstance(this.get("config"), dict):
        context.recalled = this["config"]
    if sitting is None and not any(about_files for _, about_files in clauses):
        whole = bool(morphed or context.recalled)
        meant = understand(prompt, (*grooves[:1], *grooves) if whole else grooves)
        named = next((each for each in text.split() if each in names), "")
        if named and isinstance(meant, Beyond):
            return (Answer(_WITH_A_CONFIG.format(name=named)),)
        return (sits.taken(about_a_whole(meant, text) if whole else meant),)
    intents: list[Intent] = []
    past = list(grooves)
    for clause, about_files in clauses:
        found = _read(clause, context) if about_files else None
        if sitting is not None and HERE in clause:
            found = (sit_like(clause, sitting, past[0] if past else None, sounds),)
        if found is None:
            found = (understand(clause, past),)
        found = tuple(map(sits.taken, found))
        for intent in found:
            if isinstance(intent, MakeGroove | SitLike):
                made = intent.groove if isinstance(intent, SitLike) else intent.arguments
                context.groove, context.render, context.saved = made, "", ""
                context.morphed, context.recalled = "", None
                past.insert(0, request_of(made) or made)  # “faster” needs a tempo
        intents += found
    return tuple(intents)


@dataclass(slots=True)
class _Sits:
    """What the groove sits like that a sentence is about, while the sentence is read."""

    grooves: tuple[Mapping[str, Any], ...]
    sat: tuple[Sat | None, ...]
    sounds: Sequence[Sound]

    @property
    def now(self) -> Sat | None:
        return self.sat[0] if self.sat else None

    def taken(self, intent: Intent) -> Intent:
        """The same, but sitting as the groove does that it changes or keeps."""
        if isinstance(intent, SitLike):
            now = Sat(intent.loop, intent.layers, intent.amount, intent.name)
            self._made(intent.groove, now)
            return intent
        if isinstance(intent, SaveConfig) and intent.groove is not None and self.now:
            return replace(intent, groove=None, sat=True, config=self.now.config)
        if not isinstance(intent, MakeGroove):
            return intent
        kept = self._kept(intent)
        changed = still_sitting(intent, kept, self.sounds) if kept else intent
        self._made(intent.arguments, kept if isinstance(changed, SitLike) else None)
        return changed

    def _made(self, groove: Mapping[str, Any], sat: Sat | None) -> None:
        self.grooves = (groove, *self.grooves)
        self.sat = (replace(sat, config=None) if sat else None, *self.sat)

    def _kept(self, intent: MakeGroove) -> Sat | None:
        """What the groove sits like that another was made of. A new style starts afresh."""
        if UNDONE in intent.understood:
            return self.sat[1] if len(self.sat) > 1 else None
        same = bool(self.grooves) and self.grooves[0].get("style") == intent.arguments.get("style")
        return self.now if same else None


def _joined(clauses: Sequence[str], names: frozenset[str]) -> list[tuple[str, bool]]:
    """Clauses with whether they are about files; neighbours that are not become one again."""
    joined: list[tuple[str, bool]] = []
    context = Context({}, names)
    for clause in clauses:
        about_files = HERE not in clause and _read(clause, context) is not None
        if joined and not about_files and not joined[-1][1]:
            joined[-1] = (f"{joined[-1][0]} and {clause}", False)
        else:
            joined.append((clause, about_files))
    return joined


def _read(clause: str, context: Context) -> tuple[Intent, ...] | None:
    """What a clause says about configs, renders, phrases or help; None when it says nothing."""
    for reader in (_saves, _renders, _lists, _shows, _helps, _phrase, _changes):
        if found := reader(clause, context):
            return found
    return None


def _saves(clause: str, context: Context) -> tuple[Intent, ...] | None:
    if _SAVE_UNNAMED.match(clause) or _SAVE_SOMEWHERE.match(clause):
        return (Answer(_NO_NAME),)
    if found := _SAVE.match(clause):
        return (_saved(_named(found, "name"), context, replace=False),)
    if (found := _OVERWRITE.match(clause)) and _means_a_config(_named(found, "name"), context):
        return (_saved(_named(found, "name"), context, replace=True),)
    if (found := _COPY.match(clause)) and _named(found, "of") not in ("config", "example"):
        context.saved = _named(found, "name")
        return (SaveConfig(context.saved, like=_named(found, "of")),)
    return (Answer(_ONE_WORD),) if _SAVE_SPACED.match(clause) else None


def _saved(name: str, context: Context, *, replace: bool) -> Intent:
    """Keep what was made last: a render, or a groove."""
    if context.groove is None and not (context.render or context.morphed or context.recalled):
        return Answer(_NO_GROOVE)
    context.saved = name
    if context.recalled:
        return SaveConfig(name, config=context.recalled, replace=replace)
    if context.morphed:
        return SaveConfig(name, groove_id=context.morphed, replace=replace)
    if context.render:
        return SaveConfig(name, like=context.render, replace=replace)
    kept = {k: v for k, v in (context.groove or {}).items() if v is not None}
    return SaveConfig(name, kept, replace=replace)


def _renders(clause: str, context: Context) -> tuple[Intent, ...] | None:
    found = _RENDER.match(clause)
    if not found:
        return None
    rest = found["rest"]
    names = _names_in(rest, context) or ([context.saved] if context.saved else [])
    for name in names:
        rest = rest.replace(name, " ")
    reading = Reading(rest)
    for read in (read_swing, read_bpm, read_bars, read_seed):
        read(reading)
    left = (_AS_SAVED,) if _MORE_THAN_RENDERS.search(reading.text) else ()
    return tuple(RenderSaved(name, dict(reading.arguments), left) for name in names) or None


def _names_in(rest: str, context: Context) -> list[str]:
    """The configs that are named in what follows "render"."""
    words = [word.strip("\"'“”’`!?,;").rstrip(".") for word in rest.split()]
    names = [word for word in words if _means_a_config(word, context)]
    if names or not words:
        return list(dict.fromkeys(names))
    told = re.match(
        r"\s*(?:(?:-?[\d]+|[a-z]+)\s+bars?\s+(?:of|from)\s+)?(?:the\s+)?(?:config|example)?\s*"
        r"(?P<name>[^\s,;!?]+)",
        rest,
    )
    return [told["name"]] if told and _may_be_a_name(told["name"]) else []


def _means_a_config(word: str, context: Context) -> bool:
    return word in context.names or _looks_like_a_name(word)


def _looks_like_a_name(word: str) -> bool:
    """What no producer says about music: ``late_night``, ``dub1``, ``a/b``, ``x.json``."""
    if re.match(r"[-+]?\d", word) or word in _COMMON:
        return False
    return bool(re.search(r"[_/\\]|\.(?:json|ya?ml)$|^[^\W\d]+-?\d+$|\.\.", word))


def _may_be_a_name(word: str) -> bool:
    return bool(re.match(r"[^\W\d]", word)) and word not in _COMMON and len(word) > 2


def _lists(clause: str, context: Context) -> tuple[Intent, ...] | None:
    if _DEFINES.match(clause):
        return None
    if _EXAMPLES.match(clause):
        return (ListConfigs(examples=True),)
    return (ListConfigs(),) if _LIST.match(clause) else None


def _shows(clause: str, context: Context) -> tuple[Intent, ...] | None:
    found = _SHOW.match(clause)
    if not found:
        return None
    name = _named(found, "name") or _named(found, "inside")
    told = found["said"] or found["after"] or found["in"]
    if told or _means_a_config(name, context):
        return (ShowConfig(name),)
    return None


def _helps(clause: str, context: Context) -> tuple[Intent, ...] | None:
    found = _HELP.match(clause)
    topic = topic_named(found["topic"]) if found else ""
    return (Help(topic),) if topic else None


def _phrase(clause: str, context: Context) -> tuple[Intent, ...] | None:
    unheard = is_question(clause) or re.search(WITHIN, clause)
    found = None if unheard else _PHRASE.search(clause)
    if not found:
        return None
    group = next(name for name in "abc" if found[name])
    start, end = found.span(group)
    reading = Reading(f"{clause[:start]} {clause[end:]}")
    for read in (read_style, read_swing, read_bpm, read_bars, read_seed):
        read(reading)
    arguments: dict[str, Value] = {"kind": _KINDS[found[group][:2]], **reading.arguments}
    last = context.groove or {}
    if "style" not in arguments:
        arguments["style"] = str(last.get("style") or Style.WAREHOUSE.value)
        if isinstance(last.get("bpm"), float | int):
            arguments.setdefault("bpm", last["bpm"])
    return (MakePhrase(arguments),)


def _changes(clause: str, context: Context) -> tuple[Intent, ...] | None:
    """ "Change the swing in late_night to 58", "make late_night faster"."""
    first = clause.split(" ", 1)
    if len(first) == 2 and (name := first[0].rstrip(",:")) in context.names:  # “dub1 but slower”
        return (ChangeSaved(name, re.sub(r"^(?:but|and|with)\s+", "", first[1])),)
    sets = bool(_SETS.match(clause))
    for found in (*_CHANGE.finditer(clause), *filter(None, [_MAKE.match(clause)])):
        name = _named(found, "name")
        told = "said" in found.re.groupindex and bool(found["said"] or found["after"])
        known = told or _means_a_config(name, context)
        if known or (sets and "way" in found.re.groupindex and _may_be_a_name(name)):
            instead = " " if "way" in found.re.groupindex else "make it"
            words = f"{clause[: found.start()]}{instead}{clause[found.end() :]}"
            return (ChangeSaved(name, " ".join(words.split())),)
    return None


def _named(found: re.Match[str], group: str) -> str:
    """A name as it was said, without quotes; a full stop that ends a sentence is none of it."""
    return (found[f"{group}q"] or (found[group] or "").rstrip(".")).strip()
