"""A conversation as Markdown, to be read by people. Pure.

What was said came from models, pages and tools. So it stands in fences that are longer than any it
holds: no HTML, no picture that tells a server who reads it, no heading that plays somebody else.
What could move a cursor or turn the direction of writing is taken out.
"""

from __future__ import annotations

import re
from typing import Final

from conduit.agents.memory.document import ConversationDocument, Said, SaidTurn

_UNSEEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_TICKS: Final = re.compile("`+")
_MEANING: Final = re.compile(r"([\\`*_\[\]<>&!|~#$@]|:(?=//))")
"""What means something in the middle of a line."""
_MEAN_TO_READ: Final = {"user": "User", "assistant": "Assistant", "tool": "Tool"}


def markdown_of(document: ConversationDocument, title: str) -> str:
    """The whole of it, under a title."""
    count = sum(len(turn.messages) for turn in document.turns)
    parts = [
        f"# {line(title)}",
        f"Conversation {line(document.session)}, {count} messages, "
        f"{_minute(document.turns[0].at)} to {_minute(document.turns[-1].at)} (UTC).",
    ]
    if document.pins:
        parts.append("## Pinned")
        parts.append("\n".join(f"- {line(each.role)}: {line(each.text)}" for each in document.pins))
    if document.summary is not None:
        by = document.summary.made_by
        how = f"by {line(by)}" if by else "extracted, by no model"
        parts.append(f"## Summary of the first {document.summary.messages} messages ({how})")
        parts.append(fenced(document.summary.text))
    for number, turn in enumerate(document.turns, 1):
        parts += _turn(number, turn)
    return "\n\n".join(parts) + "\n"


def line(text: str) -> str:
    """A text as one line that means nothing but itself."""
    return _MEANING.sub(r"\\\1", _UNSEEN.sub("", " ".join(text.split())))


def fenced(text: str, language: str = "text") -> str:
    """A text in a fence that it cannot end."""
    text = _UNSEEN.sub("", text.replace("\r\n", "\n"))
    longest = max((len(found) for found in _TICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _turn(number: int, turn: SaidTurn) -> list[str]:
    parts = [f"## {number}. {_minute(turn.at)}"]
    for said in turn.messages:
        parts += _message(said)
    return parts


def _message(said: Said) -> list[str]:
    parts = [f"### {_MEAN_TO_READ[said.role]}"]
    if said.content:
        parts.append(fenced(said.content))
    for call in said.tool_calls:
        parts += [f"calls {line(call.name)}", fenced(call.arguments, "json")]
    return parts


def _minute(at: str) -> str:
    return at[:16].replace("T", " ")
