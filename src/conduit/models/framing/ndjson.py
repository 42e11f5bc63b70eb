"""Newline-delimited JSON: every line that is not blank is an event."""

from __future__ import annotations

from conduit.models.exchange import Frame
from conduit.models.framing.lines import MAX_LINE, LineSplitter


class NdjsonParser:
    """Feed bytes, get lines. Raises ``NotTheProtocol`` above ``max_line``."""

    def __init__(self, max_line: int = MAX_LINE) -> None:
        self._lines = LineSplitter(max_line)

    def feed(self, data: bytes) -> list[Frame]:
        """The lines that ``data`` completes."""
        return _frames(self._lines.feed(data))

    def close(self) -> list[Frame]:
        """The last line, when the body ends without a line end."""
        return _frames(self._lines.close())


def _frames(lines: list[bytes]) -> list[Frame]:
    return [Frame("", line) for line in lines if line.strip()]
