"""From a sentence to an intent: make a groove, change the last one, answer, or say what is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from conduit.agents.offline.intent import (
    Beyond,
    Draft,
    Greeting,
    Intent,
    ListStyles,
    MakeGroove,
    Question,
)
from conduit.agents.offline.reading import READERS, read_mutes, read_relative

_LONGEST = 2000
"""Characters of a prompt that are read; a groove is asked for in fewer."""

_CONNECT = "set ANTHROPIC_API_KEY or OPENAI_API_KEY, or start Ollama, and ask again"

_NOUN = re.compile(
    r"\b(?:grooves?|beats?|loops?|patterns?|rhythms?|drums?|percussion|techno|track|kicks?"
    r"|hats?|something (?:to dance|heavy|dark|hard))\b"
)
_VERB = re.compile(
    r"\b(?:make|create|generate|render|give|build|write|play|want|need|produce|program|cook|drop"
    r"|lay down|start|show me|do me|try|let'?s have|let'?s hear)\b"
)
_ASKS = re.compile(
    r"^\s*(?:what|whats|how|why|where|when|which|who|does|do|is|are|can|could|should|explain"
    r"|tell me|describe|help me understand)\b"
)
_POLITE = re.compile(r"^\s*(?:please\s+|hey[, ]+|ok(?:ay)?[, ]+)*(?:can|could|would|will) you\b")
_STYLES = re.compile(r"\b(?:what|which|list|show|available)\b.*\b(?:styles?|genres?)\b")
_GREETS = re.compile(r"^\s*(?:hi|hello|hey|yo|moin|good (?:morning|evening)|help|start)?[\s!.?]*$")

# What producers ask for that drum grooves in MIDI cannot give, and what can.
_OUT_OF_REACH: tuple[tuple[str, str, str], ...] = (
    (
        r"\b(?:bass ?lines?|melod(?:y|ies)|chords?|leads?|arps?|arpeggios?|pads?|synth lines?)\b",
        "a pitched part",
        f"the offline agent writes drums only; for notes {_CONNECT}",
    ),
    (
        r"\b(?:wav|mp3|flac|audio file|bounce|stems?)\b",
        "an audio file",
        "grooves are MIDI here: press play in the Studio, or drop the .mid on a drum rack",
    ),
    (
        r"\b(?:vocals?|sing|lyrics|samples?)\b",
        "vocals or samples",
        "grooves are MIDI here: drop the .mid on an instrument that holds your sounds",
    ),
    (
        r"\b(?:[2356789]|1[0-35-9])\s*/\s*(?:4|8|16)\b(?!\s*bars)|\bwaltz\b",
        "a metre other than 4/4",
        "grooves are in 4/4 in this version",
    ),
)


def understand(prompt: str, last: Mapping[str, Any] | None = None) -> Intent:
    """What ``prompt`` asks for. ``last`` is the request of the last groove, for "more" and "less"."""
    text = " ".join(prompt[:_LONGEST].casefold().split())
    if _GREETS.match(text):
        return Greeting()
    draft = _read(text, last)
    asks = bool(_ASKS.match(text)) and not _POLITE.match(text)
    if asks and _STYLES.search(text):
        return ListStyles()
    if asks and not (_VERB.search(text) and draft.arguments):
        return Question(prompt.strip())
    remarks = tuple(
        f"I left out {what}: {enable}." for pattern, what, enable in _OUT_OF_REACH
        if re.search(pattern, text)
    )
    wanted = bool(_NOUN.search(text)) and bool(_VERB.search(text) or draft.arguments)
    if wanted or _changes(draft, last) or ("style" in draft.arguments and not text.endswith("?")):
        return _groove(draft, last, remarks)
    if _STYLES.search(text):
        return ListStyles()
    for pattern, what, enable in _OUT_OF_REACH:
        if re.search(pattern, text):
            return Beyond(what, enable)
    if text.endswith("?"):
        return Question(prompt.strip())
    return Beyond("that without a language model", _CONNECT)


def _read(text: str, last: Mapping[str, Any] | None) -> Draft:
    draft = Draft()
    if last is not None:
        read_relative(text, draft, last)
    for read in READERS:
        read(text, draft)
    read_mutes(text, draft, last)
    return draft


def _changes(draft: Draft, last: Mapping[str, Any] | None) -> bool:
    """Whether the sentence changes the last groove, or names enough to make a first one."""
    return bool(draft.arguments) and (last is not None or len(draft.arguments) > 1)


def _groove(
    draft: Draft, last: Mapping[str, Any] | None, remarks: tuple[str, ...]
) -> MakeGroove:
    """A new style starts afresh; anything else changes the last groove."""
    arguments = dict(draft.arguments)
    if last is not None and arguments.get("style", last.get("style")) == last.get("style"):
        kept = {k: v for k, v in last.items() if v is not None and k != "title"}
        arguments = {**kept, **arguments}
    if "style" not in arguments:
        arguments["style"] = "warehouse"
        draft.understood.insert(0, "warehouse style, since none was named")
    return MakeGroove(arguments, tuple(draft.understood), remarks)
