"""How hard is this request? A number that anybody can check, and a kind of model for it.

The score is a weighted sum of signs that are visible in the request, at most 1. Below ``LOCAL`` a
small local model will do; below ``SEARCH`` a model that searches; from there on the strongest. What
asks for something new gets enough weight to leave the local model, because that one cannot know.

It is a rule, not a judgement: it reads no meaning, knows only the words of ``lexicon``, and can be
led astray by anybody who uses them. ``explain`` returns every term, so that a person can see why.

Looked at are the last message of the user (of a long one, beginning and end), the number of turns,
the tools offered and the pictures. Text that is added on lines of its own to a message that stays
below ``READ`` characters never lowers the score; nor do more tools, pictures or turns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from conduit.contracts.chat import ChatRequest, Image, Message
from conduit.models.routing.lexicon import PHRASES, WORDS, Sign
from conduit.models.routing.settings import Tier

LOCAL = 0.3
SEARCH = 0.7
READ = 4000
"""Characters of a message that are looked at, half of them at its end."""

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_ITEM = re.compile(r"^[ \t]{0,8}(?:[-*•]|\d{1,3}[.)])[ \t]", re.MULTILINE)
# Each begins with one character out of a set: the engine finds that many times faster than a word.
_CODE = re.compile(
    r"[`=\-:({;!&|<#](?:(?<=`)``|(?<=[=\-])>|(?<=:):|(?<=\()\)|(?<=[{;])$|"
    r"(?<=[=!])=|(?<=&)&|(?<=\|)\||(?<=<)/|(?<=#)include)",
    re.MULTILINE,
)
_CODE_WORDS = ("def ", "import ", "return ")
_MATHS = re.compile(
    r"[∑∫∂√≤≥≠∞∀∃∈π^*/=\\](?:(?<=[∑∫∂√≤≥≠∞∀∃∈π])|(?<=[*/=]) ?\d|(?<=\^)\w|"
    r"(?<=\\)(?:frac|sum|int|sqrt))"
)
_QUESTION = re.compile(r"[?\uff1f\u061f]")
_URL = re.compile(r"https?://")


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a score: ``contribution`` is ``value`` (0 to 1) times ``weight``; ``why`` is what
    was seen."""

    name: str
    value: float
    weight: float
    contribution: float
    why: str


@dataclass(frozen=True, slots=True)
class Complexity:
    """``score`` is the sum of the contributions of ``terms``, at most 1."""

    score: float
    tier: Tier
    terms: tuple[Term, ...]


def explain(request: ChatRequest, *, local: float = LOCAL, search: float = SEARCH) -> Complexity:
    """The score of a request, its tier, and why.

    >>> explain(ChatRequest((Message("user", "hello"),))).tier
    'local'
    >>> explain(ChatRequest((Message("user", "What is the latest news today?"),))).tier
    'search'
    """
    terms = _terms(request)
    score = min(1.0, sum(term.contribution for term in terms))
    return Complexity(score, tier_of(score, local=local, search=search), terms)


def tier_of(score: float, *, local: float = LOCAL, search: float = SEARCH) -> Tier:
    """The kind of model for a score."""
    if score < local:
        return "local"
    return "search" if score < search else "strongest"


def _terms(request: ChatRequest) -> tuple[Term, ...]:
    asked = _asked(request)
    text = asked.content if asked is not None else ""
    read = _read(text).lower()
    seen = _signs(read)
    questions = len(_QUESTION.findall(read))
    items = len(_ITEM.findall(read))
    marks = len(_CODE.findall(read)) + sum(read.count(word) for word in _CODE_WORDS)
    code = marks + 2 * len(seen["code"])
    maths = 2 * len(_MATHS.findall(read)) + 2 * len(seen["maths"])
    sources = len(seen["sources"]) + 2 * len(_URL.findall(read))
    turns = sum(1 for message in request.messages if message.role == "user")
    pictures = sum(
        1 for message in request.messages for part in message.parts if isinstance(part, Image)
    )
    return (
        _term("length", len(text), 4000, 0.25, f"{len(text)} characters"),
        _term(
            "tasks", max(0, questions + items - 1), 4, 0.2, f"{questions} questions, {items} items"
        ),
        _term("reasoning", len(seen["reasoning"]), 4, 0.6, _named(seen["reasoning"])),
        _term("steps", len(seen["steps"]), 3, 0.15, _named(seen["steps"])),
        _term("code", code, 6, 0.3, _named(seen["code"]) or f"{marks} marks of code"),
        _term("maths", maths, 6, 0.3, _named(seen["maths"]) or f"{maths} marks of maths"),
        _term("fresh", len(seen["fresh"]), 1, 0.35, _named(seen["fresh"])),
        _term("sources", sources, 2, 0.3, _named(seen["sources"]) or "an address"),
        _term("tools", len(request.tools), 8, 0.2, f"{len(request.tools)} tools"),
        _term("pictures", pictures, 2, 0.2, f"{pictures} pictures"),
        _term("turns", max(0, turns - 1), 20, 0.15, f"{turns} turns of the user"),
    )


def _term(name: str, amount: int, enough: int, weight: float, why: str) -> Term:
    value = min(1.0, amount / enough)
    return Term(name, value, weight, value * weight, why if amount else "")


def _asked(request: ChatRequest) -> Message | None:
    """What the user said last; results of tools may have come after it."""
    for message in reversed(request.messages):
        if message.role == "user":
            return message
    return None


def _read(text: str) -> str:
    """A long text states its task at one of its ends."""
    return text if len(text) <= READ else f"{text[: READ // 2]}\n{text[-READ // 2 :]}"


def _signs(text: str) -> dict[Sign, list[str]]:
    """The different words of each kind, in the order of their first use."""
    seen: dict[Sign, list[str]] = {
        "reasoning": [],
        "steps": [],
        "maths": [],
        "code": [],
        "fresh": [],
        "sources": [],
    }
    for word in dict.fromkeys(_WORD.findall(text)):
        for sign in WORDS.get(word, ()):
            seen[sign].append(word)
    for phrase, sign in PHRASES:
        if phrase in text:
            seen[sign].append(phrase.strip())
    return seen


def _named(words: list[str]) -> str:
    return ", ".join(words[:5])
