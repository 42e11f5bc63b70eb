"""Reading "render this to wav" and "8 bars of dub as audio": a groove is to become sound."""

from __future__ import annotations

import re
from typing import Final

_IT = (
    r"(?:it|this|that|them|(?:the|this|that|my)\s+(?:last\s+|current\s+|whole\s+)?"
    r"(?:grooves?|beats?|loops?|patterns?|one|result))"
)
_WAV = (
    r"(?:(?:an?|the)\s+)?(?:wavs?|wave[- ]files?|audio)(?:[- ](?:files?|format))?\b"
    r"(?!\s*(?:loop|engine))"
)
_VERB = r"(?:re-?render|render|export|bounce|convert|turn|save|write|print|record)"
_MAKE = r"(?:make|create|give me|get me|do|render|export|save|write|want|need)"
_LEAD = (
    r"(?:^\W*|\s*[,;.]?\s*\b(?:and\s+then|and|then)\s+|\s*[,;.]\s+)"
    r"(?:(?:please|now|also|me|i)\s+)*(?:(?:can|could|would|will) (?:you|i|we)\s+(?:please\s+)?)?"
)
_REQUESTS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_LEAD}{_VERB}\s+(?:{_IT}\s+)?(?:down\s+|out\s+)?(?:to|as|into|in)\s+{_WAV}",
        rf"{_LEAD}{_MAKE}\s+{_WAV}(?:\s+(?:of|from|out of)\s+{_IT})?",
        rf"{_LEAD}bounce(?:\s+{_IT})?(?:\s+down|\s+out)?(?=\W*$)",
        rf"\s+(?:as|to|into|in)\s+{_WAV}(?=\W*$)",
        rf"^\W*{_WAV}(?:\s+(?:of|from)\s+{_IT})?(?:\W+please)?(?=\W*$)",
    )
)

NOTHING_TO_HEAR: Final = "There is no groove to hear yet. Ask for one first: “8 bars of dub”."


def without_sound(text: str) -> str | None:
    """The rest of a sentence that wants sound, empty where it wants nothing else; None for one that
    does not want it. ``text`` is in small letters, with single spaces."""
    for each in _REQUESTS:
        if found := each.search(text):
            rest = f"{text[: found.start()]} {text[found.end() :]}"
            return " ".join(re.sub(r"^\W+|\W*(?:\bplease\b)?\W*$", "", rest).split())
    return None
