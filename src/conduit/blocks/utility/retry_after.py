"""``Retry-After`` as servers write it: seconds, or a date (RFC 9110, 10.2.3)."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Final

_LONGEST_S: Final = 86_400.0
_USUAL_S: Final = 60.0


def seconds_of(header: str, now: Callable[[], float] = time.time) -> float:
    """Seconds to wait, a day at most; a minute where the header says nothing usable. ``now`` is
    Unix seconds."""
    text = header.strip()[:64]
    if text.isascii() and text.isdigit():
        return min(float(text), _LONGEST_S)
    try:
        wait = parsedate_to_datetime(text).timestamp() - now()
    except (ValueError, OverflowError, TypeError):
        return _USUAL_S
    return min(max(wait, 0.0), _LONGEST_S)
