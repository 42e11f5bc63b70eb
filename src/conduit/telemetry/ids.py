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
        self._prefix = ""
        self._tails: list[str] = []

    def __call__(self) -> str:
        with self._lock:
            now = self._now_ms()
            if now <= self._last_ms:
                now = self._last_ms
                self._counter += 1
                if self._counter > 0xFFF:
                    now += 1
            if now != self._last_ms:
                self._last_ms, self._counter = now, 0
                text = f"{now:012x}"
                self._prefix = f"{text[:8]}-{text[8:]}-7"
            if not self._tails:
                self._tails = _tails(self._entropy(_POOL))
            return f"{self._prefix}{self._counter:03x}-{self._tails.pop()}"

    def forget(self) -> None:
        """Draw anew: in a forked process, which would otherwise go on with its parent's chance."""
        self._lock = threading.Lock()
        self._tails = []


def _tails(entropy: bytes) -> list[str]:
    """Ends of identifiers, variant and random bits, from so many calls of the system at once."""
    made = []
    for at in range(0, len(entropy), 8):
        tail = int.from_bytes(entropy[at : at + 8], "big") & _TAIL | 0b10 << 62
        text = f"{tail:016x}"
        made.append(f"{text[:4]}-{text[4:]}")
    return made


new_id = IdMaker()
os.register_at_fork(after_in_child=new_id.forget)
