"""The error tree as HTTP: a status, and ``{"error": {"code", "message", "hint"}}``."""

from __future__ import annotations

import math
from dataclasses import replace

from starlette.responses import Response

from conduit.blocks import dumps
from conduit.contracts.errors import (
    AllProvidersFailed,
    ConduitError,
    InvalidInput,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    TypeMismatch,
    UnparsableOutput,
)
from conduit.contracts.outcome import ErrorInfo

_FIELDS = "GET /blocks has the fields of every input, their types and bounds"

_STATUS = {
    "invalid_input": 400,
    "malformed_json": 400,
    "type_mismatch": 400,
    "bad_config": 400,
    "bad_wiring": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "headers_too_large": 431,
    "conflict": 409,
    "too_large": 413,
    "rate_limited": 429,
    "provider_failed": 502,
    "provider_unreachable": 502,
    "provider_refused": 502,
    "provider_bad_reply": 502,
    "provider_busy": 429,
    "provider_unfit": 400,
    "stream_interrupted": 502,
    "all_providers_failed": 502,
    "unparsable_output": 502,
    "circuit_open": 503,
    "unavailable": 503,
    "missing_dependency": 503,
    "overloaded": 503,
    "timed_out": 504,
    "store_failed": 503,
    "provider_timeout": 504,
}

_THE_REQUESTS_OWN = frozenset({400, 404, 413, 422, 429})
"""Statuses of a provider that a client gets as they are."""


def status_of(error: ConduitError) -> int:
    """The HTTP status of an error. What a block returned wrongly is our fault, not the caller's."""
    if isinstance(error, TypeMismatch) and error.side == "output":
        return 500
    if isinstance(error, AllProvidersFailed) and error.failures:
        found = {_of_provider(failure) for failure in error.failures}
        return found.pop() if len(found) == 1 else 503 if found == {429, 503} else 502
    if isinstance(error, ProviderError):
        return _of_provider(error)
    return _STATUS.get(error.code, 500)


def retry_after(error: ConduitError) -> list[tuple[bytes, bytes]]:
    """The header that says when to try again, in whole seconds, where that is known."""
    wait: float | None = getattr(error, "retry_after_s", None)
    return [(b"retry-after", str(max(1, math.ceil(wait))).encode())] if wait is not None else []


def _of_provider(error: ProviderError) -> int:
    """What was the request's own fault is told as such; a bad key is the operator's, not the
    client's."""
    if isinstance(error, ProviderBusy) and error.queue_full:
        return 503
    if isinstance(error, ProviderRefused):
        if error.status in _THE_REQUESTS_OWN:
            return error.status
        return 503 if error.status in (503, 529) else 502
    return _STATUS.get(error.code, 502)


def described(error: ConduitError, fields: str = _FIELDS) -> ErrorInfo:
    """An error as data, with a hint in any case; ``fields`` says where inputs are described."""
    info = ErrorInfo.of(error)
    return info if info.hint else replace(info, hint=_usual_hint(error, fields))


def _usual_hint(error: ConduitError, fields: str) -> str:
    """What helps when whoever raised an error had nothing to add."""
    if isinstance(error, TypeMismatch) and error.side == "output":
        return "this is a bug in the block; its input was fine"
    if isinstance(error, UnparsableOutput):
        return "ask again, or choose a model that keeps to a schema"
    if isinstance(error, InvalidInput):
        return fields
    if isinstance(error, ProviderError):
        return "GET /providers shows who else could answer"
    return "`conduit doctor` says what works on this machine and what does not"


def error_body(error: ConduitError) -> bytes:
    return dumps({"error": described(error)})


def error_response(error: ConduitError) -> Response:
    response = Response(error_body(error), status_of(error), media_type="application/json")
    response.raw_headers.extend(retry_after(error))
    if response.status_code == 401:
        response.headers["www-authenticate"] = "Bearer"
    return response
