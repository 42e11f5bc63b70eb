"""One small table of what can go wrong, as a device is told it, and the way back.

The numbers are those of MIDI-CI Property Exchange where it has one (which took them from HTTP).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from conduit.contracts.errors import (
    ConduitError,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    Overloaded,
    RateLimited,
    TimedOut,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from conduit.contracts.outcome import ErrorInfo


@dataclass(frozen=True, slots=True)
class Code:
    """``name`` is what a device shows, ``status`` its number, ``error`` the class it stands for,
    ``codes`` those of our error tree that are told as this one, ``statuses`` those of HTTP."""

    name: str
    status: int
    error: type[ConduitError]
    codes: tuple[str, ...]
    statuses: tuple[int, ...] = ()


CODES: Final = (
    Code("malformed", 400, InvalidInput, ("invalid_input", "malformed_json", "type_mismatch"),
         (400, 415, 422)),
    Code("unauthenticated", 401, Unauthenticated, ("unauthenticated",), (401,)),
    Code("forbidden", 403, Forbidden, ("forbidden",), (403,)),
    Code("unknown", 404, NotFound, ("not_found", "method_not_found"), (404, 405)),
    Code("timed_out", 408, TimedOut, ("timed_out", "request_timeout", "provider_timeout"),
         (408, 504)),
    Code("conflict", 409, Conflict, ("conflict",), (409,)),
    Code("too_large", 413, TooLarge, ("too_large",), (413,)),
    Code("too_many", 429, RateLimited, ("rate_limited",), (429,)),
    Code("failed", 500, ConduitError, ("internal",)),
    Code("busy", 503, Overloaded, ("overloaded", "provider_busy"), (503,)),
    Code("unavailable", 502, Unavailable,
         ("unavailable", "missing_dependency", "store_failed", "circuit_open", "stream_interrupted",
          "provider_failed", "provider_unreachable", "provider_bad_reply", "all_providers_failed",
          "unparsable_output"), (502,)),
)  # fmt: skip
FAILED: Final = next(each for each in CODES if each.name == "failed")
_BY_NAME: Final = {each.name: each for each in CODES}
_BY_CODE: Final = {code: each for each in CODES for code in each.codes}
_BY_STATUS: Final = {status: each for each in CODES for status in each.statuses}


@dataclass(frozen=True, slots=True)
class Trouble:
    """The body of an ``error``. ``retry_ms`` says when it is worth another try; 0: not known."""

    code: str
    status: int
    message: str
    hint: str = ""
    retry_ms: int = 0


def code_of(error: ConduitError) -> Code:
    """The row that an error is told as."""
    return _BY_CODE.get(error.code, FAILED)


def code_for(status: int, code: str = "") -> Code:
    """The row for an answer over HTTP: by our own code where it shows one, else by its status."""
    return _BY_CODE.get(code) or _BY_STATUS.get(status, FAILED)


def trouble(error: ConduitError, most: int = 500) -> Trouble:
    """An error as a device is told it: no more than ``most`` characters of message and of hint."""
    row = code_of(error)
    info = ErrorInfo.of(error)
    wait = error.retry_after_s if isinstance(error, RateLimited | Overloaded) else 0.0
    return Trouble(
        row.name,
        row.status,
        _cut(info.message, most),
        _cut(info.hint, most),
        max(0, min(round((wait or 0.0) * 1000), 3_600_000)),
    )


def raised(told: Trouble) -> ConduitError:
    """The way back: what a device that was told this would raise."""
    row = _BY_NAME.get(told.code, FAILED)
    if row.error is RateLimited:
        return RateLimited(told.message, retry_after_s=told.retry_ms / 1000, hint=told.hint)
    return row.error(told.message, hint=told.hint)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
