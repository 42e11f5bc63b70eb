"""Protocols that say in the path what others say in the body: the model, and whether to stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.fakes.answer import Answer, Reply


@dataclass(frozen=True)
class Request:
    """A request as it came, ``target`` with its query and ``body`` as JSON."""

    method: str
    target: str
    headers: dict[str, str]
    raw: bytes
    body: dict[str, Any]


@dataclass(frozen=True)
class Place:
    """What a path leads to. ``asked`` puts a request into OpenAI's words, for whoever thinks of an
    answer; ``refuse`` says with which status (0: none) and why the provider would refuse it."""

    model: str
    stream: bool
    make: Callable[[Answer, dict[str, Any]], Reply]
    asked: Callable[[dict[str, Any]], dict[str, Any]]
    refuse: Callable[[Request], tuple[int, str]]
