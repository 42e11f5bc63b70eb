"""The error tree as gRPC: a status code, a message, and details of ``google.rpc``.

``grpc-status-details-bin`` holds a ``google.rpc.Status``: always an ``ErrorInfo`` (``reason`` is
the error's code in capitals, its ``metadata`` has code, hint and where), and by the kind of error a
``BadRequest`` with the field, a ``QuotaFailure``, a ``RetryInfo``.
Sources: github.com/googleapis/googleapis, google/rpc/error_details.proto and code.proto.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, QuotaFailure, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode

from conduit.contracts.errors import (
    AllProvidersFailed,
    ConduitError,
    InvalidInput,
    Overloaded,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    RateLimited,
    TypeMismatch,
    UnparsableOutput,
)
from conduit.contracts.outcome import ErrorInfo as ErrorAsData

DETAILS = "grpc-status-details-bin"
DOMAIN = "conduit"
_LONGEST = 600
_LONGEST_HINT = 400
_LONGEST_WAIT_S = 315_576_000_000.0
"""What fits into a ``google.protobuf.Duration``: ten thousand years."""
_LONGEST_PLACE = 100
"""Bytes of UTF-8. All of it travels in trailers, of which clients take 8 KiB, and each byte that is
not ASCII takes three there."""

_CODES = {
    "invalid_input": StatusCode.INVALID_ARGUMENT,
    "malformed_json": StatusCode.INVALID_ARGUMENT,
    "malformed_message": StatusCode.INVALID_ARGUMENT,
    "type_mismatch": StatusCode.INVALID_ARGUMENT,
    "too_large": StatusCode.INVALID_ARGUMENT,
    "unparsable_output": StatusCode.UNAVAILABLE,
    "not_found": StatusCode.NOT_FOUND,
    "method_not_found": StatusCode.UNIMPLEMENTED,
    "conflict": StatusCode.ABORTED,
    "unauthenticated": StatusCode.UNAUTHENTICATED,
    "forbidden": StatusCode.PERMISSION_DENIED,
    "bad_config": StatusCode.FAILED_PRECONDITION,
    "bad_wiring": StatusCode.FAILED_PRECONDITION,
    "unavailable": StatusCode.UNAVAILABLE,
    "missing_dependency": StatusCode.FAILED_PRECONDITION,
    "overloaded": StatusCode.RESOURCE_EXHAUSTED,
    "rate_limited": StatusCode.RESOURCE_EXHAUSTED,
    "timed_out": StatusCode.DEADLINE_EXCEEDED,
    "request_timeout": StatusCode.DEADLINE_EXCEEDED,
    "store_failed": StatusCode.UNAVAILABLE,
    "provider_timeout": StatusCode.DEADLINE_EXCEEDED,
    "provider_busy": StatusCode.RESOURCE_EXHAUSTED,
    "provider_unfit": StatusCode.INVALID_ARGUMENT,
}
"""What is not here is ``INTERNAL``, or ``UNAVAILABLE`` where a provider failed."""

_REFUSED = {
    400: StatusCode.INVALID_ARGUMENT,
    404: StatusCode.NOT_FOUND,
    413: StatusCode.INVALID_ARGUMENT,
    422: StatusCode.INVALID_ARGUMENT,
    429: StatusCode.RESOURCE_EXHAUSTED,
}
"""Statuses of a provider that are about the request; a bad key is the operator's matter."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a call ends that failed."""

    code: StatusCode
    message: str
    details: bytes
    """A ``google.rpc.Status``."""


def refusal(error: ConduitError, correlation_id: str) -> Refusal:
    """An error as a client gets it."""
    code = code_of(error)
    info = ErrorAsData.of(error)
    hint = _cut(info.hint or _usual_hint(error), _LONGEST_HINT)
    message = f"{_cut(info.message, _LONGEST)}\nhint: {hint}"
    status = Status(code=code.value[0], message=message)
    told = {"code": info.code, "hint": hint, "correlation_id": correlation_id}
    if error.where:
        told["where"] = _cut(error.where, _LONGEST_PLACE)
    _add(status, ErrorInfo(reason=info.code.upper(), domain=DOMAIN, metadata=told))
    for detail in _by_kind(error, code):
        _add(status, detail)
    return Refusal(code, message, status.SerializeToString())


def code_of(error: ConduitError) -> StatusCode:
    """The status code. What a block returned wrongly is our fault, not the caller's."""
    if isinstance(error, TypeMismatch) and error.side == "output":
        return StatusCode.INTERNAL
    if isinstance(error, AllProvidersFailed) and error.failures:
        found = {code_of(failure) for failure in error.failures}
        return found.pop() if len(found) == 1 else StatusCode.UNAVAILABLE
    if isinstance(error, ProviderRefused):
        return _REFUSED.get(error.status, StatusCode.UNAVAILABLE)
    usual = StatusCode.UNAVAILABLE if isinstance(error, ProviderError) else StatusCode.INTERNAL
    return _CODES.get(error.code, usual)


def _by_kind(error: ConduitError, code: StatusCode) -> list[Message]:
    details: list[Message] = []
    if isinstance(error, TypeMismatch) and code is StatusCode.INVALID_ARGUMENT:
        said = _cut(f"expected {error.expected}, got {error.got}", _LONGEST_PLACE)
        field = BadRequest.FieldViolation(field=_cut(error.path, _LONGEST_PLACE), description=said)
        details.append(BadRequest(field_violations=[field]))
    elif isinstance(error, InvalidInput) and code is StatusCode.INVALID_ARGUMENT:
        details.append(BadRequest(field_violations=_fields_of(error)))
    if isinstance(error, RateLimited | Overloaded | ProviderBusy):
        violation = QuotaFailure.Violation(
            subject=_cut(error.where, _LONGEST_PLACE),
            description=_cut(error.message, _LONGEST_HINT),
        )
        details.append(QuotaFailure(violations=[violation]))
    wait: float | None = getattr(error, "retry_after_s", None)
    if wait is not None and math.isfinite(wait):
        nanos = round(min(max(0.0, wait), _LONGEST_WAIT_S) * 1e9)
        delay = Duration(seconds=nanos // 10**9, nanos=nanos % 10**9)
        details.append(RetryInfo(retry_delay=delay))
    return details


def _fields_of(error: InvalidInput) -> list[BadRequest.FieldViolation]:
    """The faults that ``decode`` lists as ``field: what is wrong``, one each."""
    violations = []
    for line in error.message.split("; ")[:8]:
        field, found, said = line.partition(": ")
        if not found or " " in field:
            field, said = "", line
        violations.append(
            BadRequest.FieldViolation(
                field=_cut(field, _LONGEST_PLACE), description=_cut(said, _LONGEST_PLACE)
            )
        )
    return violations


def _usual_hint(error: ConduitError) -> str:
    """What helps when whoever raised an error had nothing to add."""
    if isinstance(error, TypeMismatch) and error.side == "output":
        return "this is a bug in the block; its input was fine"
    if isinstance(error, UnparsableOutput):
        return "ask again, or choose a model that keeps to a schema"
    if isinstance(error, InvalidInput):
        return "conduit.v1.BlockService/List with schemas has every input, its types and bounds"
    if isinstance(error, ProviderError):
        return "the block providers.list shows who else could answer"
    return "`conduit doctor` says what works on this machine and what does not"


def _add(status: Status, detail: Message) -> None:
    status.details.add().Pack(detail)


def _cut(text: str, most: int) -> str:
    data = text.encode(errors="replace")
    return data.decode() if len(data) <= most else data[: most - 3].decode(errors="ignore") + "…"
