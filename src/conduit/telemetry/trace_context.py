"""W3C Trace Context: which trace a request belongs to, read from its headers.

Source: www.w3.org/TR/trace-context, sections 3.2 (traceparent) and 3.3 (tracestate).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

_TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<more>-.*)?"
)
_LONGEST: Final = 512
"""Characters of either header that are looked at: what a tracestate may count on."""
_SAMPLED: Final = 1


@dataclass(frozen=True, slots=True)
class TraceContext:
    """The span that a request was made in: 128 and 64 bits, neither zero."""

    trace_id: int
    span_id: int
    sampled: bool
    state: str = ""
    """``tracestate``, as it came."""


def parse_traceparent(traceparent: str, tracestate: str = "") -> TraceContext | None:
    """The context that the headers carry; None when there is none, or it is not well-formed."""
    if len(traceparent) > _LONGEST:
        return None
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None or found["version"] == "ff":
        return None
    if found["version"] == "00" and found["more"]:
        return None
    trace_id, span_id = int(found["trace"], 16), int(found["parent"], 16)
    if not trace_id or not span_id:
        return None
    sampled = bool(int(found["flags"], 16) & _SAMPLED)
    return TraceContext(trace_id, span_id, sampled, tracestate[:_LONGEST])


def own_ids(record_id: str) -> tuple[int, int]:
    """The trace and span that a request without a parent is: made from the id of its usage record,
    so that whoever knows the one finds the other."""
    digest = blake2b(record_id.encode(errors="replace"), digest_size=24).digest()
    return int.from_bytes(digest[:16]) or 1, int.from_bytes(digest[16:]) or 1
