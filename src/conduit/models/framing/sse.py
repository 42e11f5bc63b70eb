"""Server-sent events, incrementally.

Follows the event stream interpretation of the HTML Living Standard (section 9.2), except that an
event whose closing blank line is missing at the end of the body still counts: some servers close
right after their last line.
"""

from __future__ import annotations

from conduit.models.exchange import Frame, NotTheProtocol
from conduit.models.framing.lines import MAX_LINE, LineSplitter

MAX_EVENT = 4 << 20
"""Bytes of data in one event."""
_BOM = b"\xef\xbb\xbf"


class SseParser:
    """Feed bytes, get events. Raises ``NotTheProtocol`` above ``max_line`` or ``max_event``."""

    def __init__(self, max_line: int = MAX_LINE, max_event: int = MAX_EVENT) -> None:
        self._lines = LineSplitter(max_line)
        self._max_event = max_event
        self._event = ""
        self._data: list[bytes] = []
        self._size = 0
        self._at_start = True
        self._between = False
        """Nothing is open: the next byte begins an event."""
        self._longest = min(max_line, max_event)

    def feed(self, data: bytes) -> list[Frame]:
        """The events that ``data`` completes."""
        if self.between(data):
            whole = self._whole(data)
            if whole is not None:
                return whole
        frames: list[Frame] = []
        for line in self._lines.feed(data):
            self._take(line, frames)
        self._between = not (self._at_start or self._event or self._data or self._lines.open)
        return frames

    def between(self, data: bytes) -> bool:
        """Whether ``data`` begins and ends between two events."""
        return self._between and data.endswith(b"\n\n") and b"\r" not in data

    def _whole(self, data: bytes) -> list[Frame] | None:
        """Whole events of one line of data each, with or without a name, as nearly all are, in a
        fraction of the time; None where one of them is anything else, and nothing has been read."""
        frames = []
        longest = self._longest
        for event in data[:-2].split(b"\n\n"):
            name = ""
            if event.startswith(b"event: "):
                first, _, event = event.partition(b"\n")
                name = first[7:].decode(errors="replace")
            if not event.startswith(b"data: ") or b"\n" in event or len(event) > longest:
                return None
            frames.append(Frame(name, event[6:]))
        return frames

    def close(self) -> list[Frame]:
        """The event that the end of the body completes, if one was open."""
        frames: list[Frame] = []
        for line in [*self._lines.close(), b""]:
            self._take(line, frames)
        return frames

    def _take(self, line: bytes, frames: list[Frame]) -> None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        if not line:
            if self._data:
                frames.append(Frame(self._event, b"\n".join(self._data)))
            self._event, self._data, self._size = "", [], 0
            return
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._size += len(value) + 1
            if self._size > self._max_event:
                raise NotTheProtocol(f"an event of the stream exceeds {self._max_event} bytes")
            self._data.append(value)
        elif field == b"event":
            self._event = value.decode(errors="replace")
