"""The error tree as HTTP: a status, and ``{"error": {"code", "message", "hint"}}``."""

from __future__ import annotations

from conduit.blocks import dumps
from conduit.contracts.errors import (
    AllProvidersFailed,
    ConduitError,
    ProviderTimeout,
    TypeMismatch,
)
from conduit.contracts.outcome import ErrorInfo
from starlette.responses import Response

_STATUS = {
    "invalid_input": 400,
    "malformed_json": 400,
    "type_mismatch": 400,
    "bad_config": 400,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "conflict": 409,
    "too_large": 413,
    "provider_failed": 502,
    "provider_unreachable": 502,
    "provider_refused": 502,
    "provider_bad_reply": 502,
    "stream_interrupted": 502,
    "all_providers_failed": 502,
    "circuit_open": 503,
    "unavailable": 503,
    "missing_dependency": 503,
    "store_failed": 503,
    "provider_timeout": 504,
}


def status_of(error: ConduitError) -> int:
    """The HTTP status of an error. What a block returned wrongly is our fault, not the caller's."""
    if isinstance(error, TypeMismatch) and error.side == "output":
        return 500
    if isinstance(error, AllProvidersFailed) and error.failures:
        only_silence = all(isinstance(f, ProviderTimeout) for f in error.failures)
        return 504 if only_silence else 502
    return _STATUS.get(error.code, 500)


def error_body(error: ConduitError) -> bytes:
    return dumps({"error": ErrorInfo.of(error)})


def error_response(error: ConduitError) -> Response:
    return Response(error_body(error), status_of(error), media_type="application/json")
