"""The byte stream of MIDI 1.0, as a cable carries it, as messages and back."""

from __future__ import annotations

from typing import Final

from conduit.contracts.errors import InvalidInput
from conduit.midi.ump.codec import decode, encode
from conduit.midi.ump.data import SysEx7
from conduit.midi.ump.layout import Form, Message, Reserved
from conduit.midi.ump.table import LAYOUTS
from conduit.midi.ump.translate import to_midi1

_SYSTEM: Final = 1
_VOICE: Final = 2
"""Message types."""

_SYSEX: Final = 0xF0
_END: Final = 0xF7
_FIRST_REAL_TIME: Final = 0xF8
_LENGTHS: Final = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0}
_SHORT: Final = frozenset({0xC, 0xD})
"""Channel voice messages with one byte of data; the others have two."""
_PACKET: Final = 6


class ByteStream:
    """Bytes in any portions in; messages of one group out: system, MIDI 1.0 channel voice, SysEx7.

    Running status is understood, and real time messages inside others. A System Exclusive message
    that another status byte breaks off is ended there. It keeps a packet's worth of bytes at most;
    ``ignored`` counts those that belonged to nothing.
    """

    def __init__(self, *, group: int = 0) -> None:
        if not 0 <= group <= 15:
            raise InvalidInput(f"group is {group}", where="group", hint="legal is 0 to 15")
        self.ignored = 0
        self._group = group
        self._status = 0
        self._data: list[int] = []
        self._sysex: bytearray | None = None
        self._begun = False

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are whole now, with long System Exclusive ones packet by packet."""
        found: list[Message] = []
        for byte in data:
            if byte >= _FIRST_REAL_TIME:
                found += self._short(byte)
            elif byte & 0x80:
                self._begin(byte, found)
            elif self._sysex is not None:
                if len(self._sysex) == _PACKET:
                    found.append(self._packet(last=False))
                self._sysex.append(byte)
            elif self._status:
                self._data.append(byte)
                self._complete(found)
            else:
                self.ignored += 1
        return found

    def _begin(self, status: int, found: list[Message]) -> None:
        self.ignored += len(self._data) + (status == _END and self._sysex is None)
        self._data = []
        if self._sysex is not None:
            found.append(self._packet(last=True))
            self._sysex = None
        self._status = 0
        if status == _SYSEX:
            self._sysex, self._begun = bytearray(), False
        elif status < _SYSEX or status in _LENGTHS:
            self._status = status
            self._complete(found)
        elif status != _END:
            self.ignored += 1

    def _complete(self, found: list[Message]) -> None:
        status = self._status
        voice = status < _SYSEX
        wanted = 2 - (status >> 4 in _SHORT) if voice else _LENGTHS[status]
        if len(self._data) < wanted:
            return
        found += self._short(status, *self._data)
        self._data = []
        self._status = status if voice else 0  # running status is for channels only

    def _short(self, status: int, first: int = 0, second: int = 0) -> list[Message]:
        kind = _SYSTEM if status >= _SYSEX else _VOICE
        word = kind << 28 | self._group << 24 | status << 16 | first << 8 | second
        (message,) = decode([word])
        if isinstance(message, Reserved):  # F9 and FD have no meaning
            self.ignored += 1
            return []
        return [message]

    def _packet(self, *, last: bool) -> SysEx7:
        assert self._sysex is not None
        form = Form.END if last else Form.CONTINUE
        if not self._begun:
            form = Form.COMPLETE if last else Form.START
        self._begun = True
        packet = SysEx7(self._group, form, bytes(self._sysex))
        self._sysex.clear()
        return packet


def stream_bytes(message: Message) -> bytes:
    """A message as bytes of MIDI 1.0, with those of MIDI 2.0 translated; nothing for what a cable
    cannot carry. Raises ``InvalidInput`` for values out of range."""
    return b"".join(_bytes(each) for each in to_midi1(message))


def _bytes(message: Message) -> bytes:
    layout = LAYOUTS.get(type(message))
    kind = layout.fixed[0] >> 28 if layout else 0
    if isinstance(message, SysEx7):
        encode(message)  # which looks at the range of each byte
        begins = message.form in (Form.COMPLETE, Form.START)
        ends = message.form in (Form.COMPLETE, Form.END)
        return b"\xf0" * begins + message.data + b"\xf7" * ends
    if kind not in (_SYSTEM, _VOICE):
        return b""
    word = encode(message)[0]
    status = word >> 16 & 0xFF
    many = _LENGTHS.get(status, 0) if kind == _SYSTEM else 2 - (status >> 4 in _SHORT)
    return bytes((status, word >> 8 & 0x7F, word & 0x7F)[: 1 + many])
