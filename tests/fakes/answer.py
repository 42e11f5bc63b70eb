"""What a fake model says, before it is put into any dialect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ToolUse:
    """A tool call in an answer."""

    name: str
    arguments: dict[str, Any]
    id: str = "call_1"


@dataclass(frozen=True)
class Answer:
    """What the model says. Streams cut ``text`` and ``thinking`` after every space. ``finish`` is a
    reason in OpenAI's words: ``length``, ``content_filter``; empty: the usual one. ``sources`` are
    addresses and titles, ``cached`` tokens of the 7 that were read. Only the fakes of OpenAI's
    family think and name sources."""

    text: str = "Hello from the fake."
    tools: tuple[ToolUse, ...] = ()
    finish: str = ""
    thinking: str = ""
    sources: tuple[tuple[str, str], ...] = ()
    cached: int = 0


@dataclass(frozen=True)
class Reply:
    """A dialect's good reply: whole, and as the pieces of a stream, of which ``opening`` come
    before the first token. ``error`` is a failure in mid-stream, where it is no event of JSON."""

    body: dict[str, Any]
    pieces: list[bytes]
    opening: int
    stream_type: str
    error: bytes = b""


def words_of(text: str) -> list[str]:
    """``text`` cut after every space."""
    *whole, last = text.split(" ")
    return [word + " " for word in whole] + ([last] if last else [])


def logprobs_of(text: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Each word a token, with as many others as were asked for."""

    def one(token: str) -> dict[str, Any]:
        return {"token": token, "logprob": -0.5, "bytes": list(token.encode())}

    others = body.get("top_logprobs") or 0
    return [one(word) | {"top_logprobs": [one(word)] * others} for word in words_of(text)]
