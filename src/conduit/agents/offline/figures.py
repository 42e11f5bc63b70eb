"""Reading "how fast is this loop?" and "what did you hear?", where something was heard."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from conduit.agents.ears.note import Sound
from conduit.agents.offline.sitting import SOUND, calls_of

_THIS = rf"(?:this|that|the|my)\s+{SOUND}"
_ASKED: Final = re.compile(
    rf"^\W*(?:(?:please|now|and|so|hey|ok)[, ]+)*(?:"
    rf"what\s+(?:did|do|have|can)\s+you\s+(?:just\s+)?hear(?:d)?"
    rf"|(?:what(?:'s| is)|describe|analy[sz]e|listen to|tell me about)\s+(?:in\s+)?{_THIS}"
    r"(?:\s+like)?"
    rf"|(?:how\s+(?:fast|loud|long|swung|bright)|(?:what|which)\s+(?:bpm|tempo|key|swing|length))"
    rf"\s+(?:is|has|does)\s+{_THIS}(?:\s+(?:in|have|at))?"
    rf"|what(?:'s| is)\s+the\s+(?:bpm|tempo|key|swing|loudness|length)\s+of\s+{_THIS}"
    r")\W*$"
)


def told_figures(text: str, sounds: Sequence[Sound]) -> str:
    """What is known of what was heard, the newest first; empty where nobody asks, or nothing was.
    ``text`` is in small letters, with single spaces."""
    named, text = _by_name(text, sounds)
    if named is not None:
        sounds = (named, *(each for each in sounds if each != named))
    if not sounds or not _ASKED.match(text):
        return ""
    newest, *others = sounds
    said = f"**{newest.name}**: {newest.said}."
    if others:
        before = ", ".join(f"“{each.name}”" for each in others)
        said += f" {'Also' if named else 'Before it'}: {before}."
    return f"{said}\n\nNext: “make the hats sit like this loop”."


def _by_name(text: str, sounds: Sequence[Sound]) -> tuple[Sound | None, str]:
    """The sound that is asked for by its name, and the question with “this loop” for it."""
    for sound in sounds:
        for word in calls_of(sound.name):
            said = re.search(rf"(?<!\w)(?:(?:the|my) )?{re.escape(word)}(?!\w)", text)
            if said and not re.fullmatch(SOUND, word):
                return sound, f"{text[: said.start()]}this loop{text[said.end() :]}"
    return None, text
