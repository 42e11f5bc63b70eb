"""Packets in a stream of bytes: SLIP (RFC 1055), with an END before and after as OSC 1.1 has it, or
each behind its size in four bytes, as OSC 1.0 has it.

Which of the two a stream is, its first byte says: END, or the 0 of a size below 16 MiB. Any other
first byte is refused. That leaves out streams of SLIP that begin with a packet, which OSC 1.1 does
not allow either, and keeps out what a web page can make a browser send, which begins with a letter.
"""

from __future__ import annotations

from typing import Final

from conduit.contracts.errors import InvalidInput, TooLarge

END: Final = b"\xc0"
_ESC: Final = b"\xdb"
_ESC_END: Final = b"\xdb\xdc"
_ESC_ESC: Final = b"\xdb\xdd"


def as_slip(packet: bytes) -> bytes:
    """One frame."""
    return END + packet.replace(_ESC, _ESC_ESC).replace(END, _ESC_END) + END


def with_size(packet: bytes) -> bytes:
    """The packet behind its size."""
    return len(packet).to_bytes(4, "big") + packet


class FrameReader:
    """Packets out of pieces of a stream. ``most`` is the longest packet, in bytes; what is kept is
    no longer than twice that and one piece."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept = bytearray()
        self._by_size: bool | None = None

    def feed(self, piece: bytes) -> list[bytes]:
        """The packets that this completes.

        Raises ``InvalidInput`` for a stream that is neither, and ``TooLarge``; then the stream is
        not to be read on.
        """
        if not piece:
            return []
        if self._by_size is None:
            if piece[:1] not in (END, b"\0"):
                raise InvalidInput(
                    "this is no stream of OSC",
                    where="byte 0",
                    hint="frame packets with SLIP, an END before and after each",
                )
            self._by_size = piece[:1] == b"\0"
        return self._sized(piece) if self._by_size else self._slipped(piece)

    def framed(self, packet: bytes) -> bytes:
        """A packet as the other end frames its own."""
        return with_size(packet) if self._by_size else as_slip(packet)

    def _slipped(self, piece: bytes) -> list[bytes]:
        *ended, rest = piece.split(END)
        found: list[bytes] = []
        for end in ended:
            self._kept += end
            frame = bytes(self._kept).replace(_ESC_END, END).replace(_ESC_ESC, _ESC)
            self._kept.clear()
            if len(frame) > self._most:
                raise self._too_large()
            if frame:
                found.append(frame)
        self._kept += rest
        if len(self._kept) > 2 * self._most:  # every byte may have been written as two
            raise self._too_large()
        return found

    def _sized(self, piece: bytes) -> list[bytes]:
        self._kept += piece
        found: list[bytes] = []
        at = 0
        while len(self._kept) - at >= 4:
            size = int.from_bytes(self._kept[at : at + 4], "big")
            if size > self._most:
                raise self._too_large()
            if len(self._kept) - at - 4 < size:
                break
            if size:
                found.append(bytes(self._kept[at + 4 : at + 4 + size]))
            at += 4 + size
        del self._kept[:at]
        return found

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"a packet of more than {self._most:,} bytes", hint="send what it says in several"
        )
