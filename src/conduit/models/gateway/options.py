"""What a client may decide for one request, beside the request itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from conduit.blocks import Length, Range
from conduit.models.caching.rules import Mode
from conduit.models.routing.settings import Strategy


@dataclass(frozen=True, slots=True)
class CallOptions:
    """Over HTTP these are headers: ``x-conduit-deadline: 20``. None leaves it to the configuration.

    ``cache`` ``refresh`` asks anew and keeps the answer, ``only`` wants a kept one or none.
    ``conversation`` names a conversation for a sticky group; without it the beginning of the
    conversation is its name.
    """

    strategy: Strategy | None = None
    deadline_s: Annotated[float, Range(0.01, 3600)] | None = None
    retries: Annotated[int, Range(0, 10)] | None = None
    hedge_after_s: Annotated[float, Range(0, 600)] | None = None
    continue_streams: bool | None = None
    cache: Mode = "on"
    conversation: Annotated[str, Length(0, 200)] = ""
    traceparent: Annotated[str, Length(0, 200)] = ""


USUAL = CallOptions()
