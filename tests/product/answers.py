"""What an answer over HTTP has to look like."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The error of an answer, which has to say what happened and what to do."""
    assert response.status_code == status, response.text[:500]
    return error_in(response.json(), code)


def error_in(body: Any, code: str) -> dict[str, Any]:
    """The same for a body that came some other way."""
    assert list(body) == ["error"], body
    error = body["error"]
    assert isinstance(error, dict)
    assert error["code"] == code, error
    assert error["message"], error
    assert error["hint"], error
    assert "Traceback" not in error["message"]
    return error


@dataclass(frozen=True)
class Event:
    """One Server-Sent Event with JSON in it."""

    name: str
    data: Any


def events(lines: Iterator[str]) -> Iterator[Event]:
    """Server-Sent Events, comments left out; ``[DONE]`` of OpenAI's dialect comes as that text."""
    name, data = "message", ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            data = line.removeprefix("data: ")
        elif not line and data:
            yield Event(name, data if data == "[DONE]" else json.loads(data))
            name, data = "message", ""
