"""Errors as clients of OpenAI expect them at each of its addresses."""

from __future__ import annotations

from typing import Final

from conduit.contracts.json import JsonObject
from conduit.contracts.outcome import ErrorInfo

_KINDS: Final = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def error_body(info: ErrorInfo, status: int) -> JsonObject:
    """An error that OpenAI's clients and ours both understand."""
    kind = "api_error" if status >= 500 else _KINDS.get(status, "invalid_request_error")
    return {
        "error": {
            "message": info.message,
            "type": kind,
            "param": None,
            "code": info.code,
            "hint": info.hint,
        }
    }
