"""Splitting bytes into lines as they arrive, in time linear in their number."""

from __future__ import annotations

from conduit.models.exchange import NotTheProtocol

MAX_LINE = 1 << 20
"""Bytes. A longer line is no event of a chat."""


class LineSplitter:
    """Lines end in LF, CR or CRLF (the three that server-sent events allow), which may be cut
    anywhere between two feeds. Raises ``NotTheProtocol`` when a line exceeds ``max_line`` bytes."""

    def __init__(self, max_line: int = MAX_LINE) -> None:
        self._max = max_line
        self._open = bytearray()
        self._skip_lf = False

    @property
    def open(self) -> bool:
        """A line has begun, or the second half of a line end may be yet to come."""
        return bool(self._open) or self._skip_lf

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that ``data`` completes, without their ends."""
        if self._skip_lf and data:
            self._skip_lf = False
            if data[0] == 0x0A:
                data = data[1:]
        if b"\n" not in data and b"\r" not in data:
            self._open += data
            self._check(len(self._open))
            return []
        text = bytes(self._open) + data
        self._open.clear()
        lines = text.splitlines()
        if text[-1] == 0x0D:
            self._skip_lf = True
        elif text[-1] != 0x0A:
            self._open += lines.pop()
        self._check(max(map(len, lines), default=0))
        self._check(len(self._open))
        return lines

    def close(self) -> list[bytes]:
        """What is left when the body ends without a line end."""
        rest = bytes(self._open)
        self._open.clear()
        return [rest] if rest else []

    def _check(self, length: int) -> None:
        if length > self._max:
            raise NotTheProtocol(f"a line of the stream exceeds {self._max} bytes")
