"""UUIDv7: identifiers that sort by the time they were made (RFC 9562, section 5.7)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

_POOL = 8 * 64
_TAIL = (1 << 62) - 1


class IdMaker:
    """Makes UUIDv7 strings that strictly increase within a process.

    Layout: 48 bits Unix milliseconds, 4 bits version, 12 bits counter, 2 bits variant, 62 random
    bits. The counter restarts with each millisecond; when it is full the next millisecond is used.
    """

    def __init__(
        self,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._now_ms = now_ms
        self._entropy = entropy
        self._lock = threading.Lock()
        self._last_ms = 0
        self._counter = 0
        self._pool = b""
        self._used = 0

    def __call__(self) -> str:
        with self._lock:
            now = self._now_ms()
            if now > self._last_ms:
                self._last_ms, self._counter = now, 0
            elif self._counter < 0xFFF:
                self._counter += 1
            else:
                self._last_ms, self._counter = self._last_ms + 1, 0
            stamp, counter = self._last_ms, self._counter
            at = self._used
            if at >= len(self._pool):  # one call of the system for many identifiers
                self._pool, at = self._entropy(_POOL), 0
            self._used = at + 8
            tail = int.from_bytes(self._pool[at : at + 8], "big") & _TAIL
        text = f"{stamp << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | tail:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def forget(self) -> None:
        """Draw anew: in a forked process, which would otherwise go on with its parent's chance."""
        self._lock = threading.Lock()
        self._pool = b""


new_id = IdMaker()
os.register_at_fork(after_in_child=new_id.forget)
