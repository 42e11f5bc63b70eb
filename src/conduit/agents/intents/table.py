"""The prompts that take several tools, and which: a row for each, the first that fits decides.

A row says which blocks are needed and in which order, which single block does all of it, and which
words of the prompt name a place. Whoever adds a block that needs another adds a row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

LONGEST: Final = 2000
"""Letters of a prompt that are looked at."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One row. ``phrases`` may name words ``place`` and ``start``; ``needs`` are blocks in order,
    ``whole`` the block that does all of it, or empty."""

    name: str
    phrases: tuple[re.Pattern[str], ...]
    needs: tuple[str, ...]
    whole: str = ""
    only_known: bool = False
    """Only where the words for a place are one: else people ask so about other things too."""


@dataclass(frozen=True, slots=True)
class Meant:
    """An intent in a prompt, with the words of the person that name a place."""

    intent: Intent
    place: str = ""
    start: str = ""


_PLACE = r"(?P<place>[^,.;:!?]{1,80}?)"
_START = r"(?P<start>[^,.;:!?]{1,80}?)"
_END = (
    r"(?=\s*(?:$|[,.;:!?]"
    r"|\b(?:by|at|before|until|in time|from|for|on foot|when|tomorrow|today|and|if)\b))"
)
_LEAVE = (
    r"(?:leave(?! (?:my|a|him|her|them|it|this|that|the (?!house|office|flat|building))\b)"
    r"|head (?:out|off|over)|set (?:off|out)|start driving|depart|get going|be on my way)"
)
_WHO = r"(?:i|we|one)"
_WHEN = r"(?:when|what time|how (?:soon|early|late))"
_SHALL = r"(?:should|shall|must|do|can|could|would|have to|need to)"
_TOOK = (
    r"(?:how long (?:does it take|will it take|is (?:it|the (?:way|commute|drive|ride|walk|trip)))"
    r"|how (?:far|long)|what(?:'s| is) (?:the|my) commute|commute(?: time)?|travel time)"
)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


INTENTS: Final = (
    Intent(
        "leave",
        (
            _pattern(rf"\b{_WHEN} {_SHALL} {_WHO}(?: have to| need to)? {_LEAVE}\b"
                     rf"(?: (?:for|to)(?: be at| get to| reach)? {_PLACE}{_END})?"),
            _pattern(rf"\b{_WHEN} (?:is it )?(?:time )?to {_LEAVE}\b"
                     rf"(?: (?:for|to) {_PLACE}{_END})?"),
        ),
        ("calendar.next", "commute.time"),
        "commute.leave",
    ),
    Intent(
        "meeting and commute",
        (
            _pattern(rf"\b(?:meeting|appointment|calendar|event)\b.{{0,120}}?\b{_TOOK}\b"
                     rf"(?:.{{0,40}}?\bto {_PLACE}{_END})?"),
            _pattern(rf"\b{_TOOK}\b(?: to {_PLACE}{_END})?"
                     r".{0,120}?\b(?:meeting|appointment|calendar)\b"),
        ),
        ("calendar.next", "commute.time"),
        "commute.leave",
    ),
    Intent(
        "commute",
        (
            _pattern(rf"\b{_TOOK}\b(?: to get| to go| for me)?(?: from {_START})?"
                     rf"(?: to| till) {_PLACE}{_END}"),
        ),
        ("commute.time",),
        only_known=True,
    ),
)  # fmt: skip


def meant_by(prompt: str) -> Meant | None:
    """What a prompt means, if it takes several tools."""
    text = " ".join(prompt[:LONGEST].split())
    for intent in INTENTS:
        for phrase in intent.phrases:
            if found := phrase.search(text):
                words = {name: (said or "").strip() for name, said in found.groupdict().items()}
                return Meant(intent, words.get("place", ""), words.get("start", ""))
    return None
