"""Long messages out of packets, within bounds of size and time.

The formats say how a message is cut, but not how long it may be, nor what to do when its end never
comes. So that a sender who is broken or hostile costs a bounded amount of memory, an open message
has a time and a size, and all open ones together have a size.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from conduit.contracts.errors import ConfigError
from conduit.midi.ump.layout import Form

MOST_BYTES: Final = 64 * 1024
MOST_OPEN_BYTES: Final = 1024 * 1024
PATIENCE_S: Final = 10.0
_MOST_FAULTS: Final = 256
_COST: Final = 64
"""Bytes that an open message is counted as beside its own: empty ones are not free either."""

K = TypeVar("K", bound=Hashable)
Clock = Callable[[], float]
"""Seconds, never going back."""


class Wrong(enum.Enum):
    """What can be wrong with a message in parts."""

    ORPHAN = "a part without a beginning"
    RESTARTED = "a beginning while the message before had no end"
    INTERRUPTED = "a whole message while another had no end"
    INTERLEAVED = "parts of two messages were mixed"
    TIMED_OUT = "its end never came"
    TOO_LARGE = "longer than is allowed"
    CROWDED_OUT = "too much was open at once"
    NOT_UTF8 = "its bytes are not UTF-8"
    CHUNKS = "its chunks do not follow each other"


@dataclass(frozen=True, slots=True)
class Fault(Generic[K]):
    """A message that was given up: where, why, and how many bytes of it had come."""

    key: K
    wrong: Wrong
    size: int

    def __str__(self) -> str:
        return f"{self.wrong.value} ({self.size} bytes had come)"


@dataclass(frozen=True, slots=True)
class Limits:
    """``message_bytes`` one message may have, ``open_bytes`` all unfinished ones together;
    ``patience_s`` is how long the next part may take."""

    message_bytes: int = MOST_BYTES
    open_bytes: int = MOST_OPEN_BYTES
    patience_s: float = PATIENCE_S

    def __post_init__(self) -> None:
        if min(self.message_bytes, self.open_bytes) < 1 or not self.patience_s > 0:
            raise ConfigError(f"{self} admits nothing", where="limits", hint="use numbers above 0")


DEFAULT_LIMITS: Final = Limits()


@dataclass(slots=True)
class _Open:
    label: Hashable
    data: bytearray
    until: float


class Reassembly(Generic[K]):
    """Messages in parts, several at once, one for each key.

    ``label`` is what must stay the same from part to part, such as the status of a text. Without a
    ``clock`` nothing ever times out. What went wrong is told by :meth:`take_faults`, the last 256.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS, clock: Clock | None = None) -> None:
        self._limits = limits
        self._clock = clock
        self._open: dict[K, _Open] = {}  # in the order of their last part
        self._size = 0
        self._faults: deque[Fault[K]] = deque(maxlen=_MOST_FAULTS)

    @property
    def open_bytes(self) -> int:
        """What the unfinished messages hold."""
        return self._size

    def is_open(self, key: K) -> bool:
        return key in self._open

    def admits(self, key: K, size: int) -> bool:
        """Whether a message that is whole already need not be added: nothing is open there, and it
        is not too large."""
        return key not in self._open and size <= self._limits.message_bytes

    def add(self, key: K, form: Form, data: bytes, label: Hashable = None) -> bytes | None:
        """One part; the whole message when that was the last."""
        if self._clock is not None and self._open:
            self.expire()
        if form is Form.COMPLETE or form is Form.START:
            if key in self._open:
                alone = form is Form.COMPLETE
                self.give_up(key, Wrong.INTERRUPTED if alone else Wrong.RESTARTED)
            if form is Form.COMPLETE:
                if len(data) <= self._limits.message_bytes:
                    return data
                self.fault(key, Wrong.TOO_LARGE, len(data))
                return None
            self._open[key] = _Open(label, bytearray(), 0.0)
            self._size += _COST
        found = self._open.get(key)
        if found is None:
            self.fault(key, Wrong.ORPHAN, len(data))
            return None
        if found.label != label:
            self.give_up(key, Wrong.INTERLEAVED)
            return None
        found.data += data
        self._size += len(data)
        if len(found.data) > self._limits.message_bytes:
            self.give_up(key, Wrong.TOO_LARGE)
            return None
        if form is Form.END:
            self._drop(key)
            return bytes(found.data)
        if self._clock is not None:
            found.until = self._clock() + self._limits.patience_s
        self._open[key] = self._open.pop(key)
        while self._size > self._limits.open_bytes + _COST:
            self.give_up(next(iter(self._open)), Wrong.CROWDED_OUT)
        return None

    def expire(self) -> None:
        """Give up what has waited too long. :meth:`add` does so too; call it when nothing comes."""
        if self._clock is None:
            return
        now = self._clock()
        while self._open:
            key = next(iter(self._open))
            if self._open[key].until > now:
                return
            self.give_up(key, Wrong.TIMED_OUT)

    def give_up(self, key: K, wrong: Wrong) -> None:
        """Forget an open message, and say why."""
        self.fault(key, wrong, len(self._open[key].data))
        self._drop(key)

    def fault(self, key: K, wrong: Wrong, size: int) -> None:
        self._faults.append(Fault(key, wrong, size))

    def take_faults(self) -> list[Fault[K]]:
        """What went wrong since the last call."""
        taken = list(self._faults)
        self._faults.clear()
        return taken

    def _drop(self, key: K) -> None:
        self._size -= len(self._open.pop(key).data) + _COST
