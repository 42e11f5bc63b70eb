"""What a service of ours is: a table of methods, each from one message to one or to many."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from conduit.contracts.call import Principal


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a call is made, and the id under which the log has it."""

    principal: Principal
    correlation_id: str


Answer = Callable[[Any, Caller], Awaitable[Message]]
Tell = Callable[[Any, Caller], AsyncGenerator[Message, None]]


@dataclass(frozen=True, slots=True)
class Method:
    """``answer`` or ``tell`` gets a message of the class ``request``; both raise of the error tree
    and nothing else."""

    path: str
    request: type[Message]
    answer: Answer | None = None
    tell: Tell | None = None
