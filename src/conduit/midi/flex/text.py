"""Texts in Flex Data: cut into packets of twelve bytes, and put together again.

The format has no length and no checksum: a text is what lies between a start and an end with the
same group, address and channel. How implementations differ about padding, NUL and forms, and what
is done here about each, is in ``docs/decisions/0031``.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from conduit.contracts.errors import InvalidInput
from conduit.midi.flex.names import (
    BANK_METADATA,
    BANK_PERFORMANCE,
    LYRICS,
    RUBY,
    TEXT_NAMES,
)
from conduit.midi.ump.codec import checked_words
from conduit.midi.ump.layout import SIZES, Form
from conduit.midi.ump.reassembly import (
    DEFAULT_LIMITS,
    Clock,
    Fault,
    Limits,
    Reassembly,
    Wrong,
)

PACKET_BYTES: Final = 12
_FLEX: Final = 0xD
_HOLDS_MELISMAS: Final = frozenset({(BANK_PERFORMANCE, LYRICS), (BANK_PERFORMANCE, RUBY)})
_NOTHING: Final = bytes(PACKET_BYTES)
_LITTLE: Final = sys.byteorder == "little"
_FORMS: Final = tuple(Form)
_PLACE: Final = 0x0F3F_0000
_FORM: Final = 0x00C0_0000
_STARTS: Final = 0x0040_0000


@dataclass(frozen=True, slots=True)
class Place:
    """Whom a text is for; of each there is at most one text at a time. ``channel`` is None for the
    whole group."""

    group: int
    address: int
    channel: int | None


@dataclass(frozen=True, slots=True)
class FlexText:
    """A whole text. ``channel`` is None when it is for the whole group.

    ``melismas`` counts the parts of lyrics or ruby that said nothing: the syllable before goes on.
    """

    group: int
    channel: int | None
    bank: int
    status: int
    text: str
    melismas: int = 0

    @property
    def name(self) -> str:
        """What such a text is called: ``lyrics``, ``clip name`` …"""
        return TEXT_NAMES.get((self.bank, self.status), "reserved text")


def text_packets(
    text: str, *, group: int = 0, channel: int | None = None, bank: int, status: int
) -> list[int]:
    """The words of a text, four a packet of twelve bytes of UTF-8; an empty text is one packet.

    Without a ``channel`` it is for the whole group. Raises ``InvalidInput`` for a number out of
    range, for a NUL, which readers take for padding, and for half of a surrogate pair.
    """
    for name, value, most in (
        ("group", group, 15),
        ("channel", channel or 0, 15),
        ("bank", bank, 0xFF),
        ("status", status, 0xFF),
    ):
        if not 0 <= value <= most:
            raise InvalidInput(f"{name} is {value}", where=name, hint=f"legal is 0 to {most}")
    data = _utf8(text)
    address = 1 if channel is None else 0
    head = _FLEX << 28 | group << 24 | address << 20 | (channel or 0) << 16 | bank << 8 | status
    many = max(1, -(-len(data) // PACKET_BYTES))
    body = array("I", data.ljust(many * PACKET_BYTES, b"\0"))
    if _LITTLE:
        body.byteswap()
    words = [0] * (4 * many)
    words[::4] = [head | Form.CONTINUE << 22] * many
    words[0] = head | (Form.START if many > 1 else Form.COMPLETE) << 22
    if many > 1:
        words[-4] = head | Form.END << 22
    for at in range(3):
        words[at + 1 :: 4] = body[at::3]
    return words


def _utf8(text: str) -> bytes:
    if (nul := text.find("\0")) >= 0:
        raise InvalidInput(
            "a text in Flex Data cannot hold NUL, which readers take for padding",
            where=f"character {nul}",
            hint="as JSON it would be written \\u0000",
        )
    try:
        return text.encode()
    except UnicodeEncodeError as fault:
        raise InvalidInput(
            f"{text[fault.start]!r} is half of a character",
            where=f"character {fault.start}",
            hint="send whole characters",
        ) from None


class TextAssembler:
    """Whole texts out of a stream of words; other messages are passed over.

    ``clock`` is monotonic, in seconds; without one, nothing times out. Memory is bounded by
    ``limits`` whatever comes. A text that cannot be had is told by :meth:`take_faults`. ``strict``
    raises instead, at the first packet that a strict sender would not have sent.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        limits: Limits = DEFAULT_LIMITS,
        strict: bool = False,
    ) -> None:
        self._parts: Reassembly[Place] = Reassembly(limits, clock)
        self._strict = strict
        self._rest: list[int] = []
        self._melismas: dict[Place, int] = {}
        self._places: dict[int, Place] = {}

    @property
    def open_bytes(self) -> int:
        """What the unfinished texts hold."""
        return self._parts.open_bytes

    def feed(self, words: Iterable[int]) -> list[FlexText]:
        """The texts that are whole now. Words may come in any portions.

        Raises ``InvalidInput`` for what is no word, and for much more when ``strict``.
        """
        given = [*self._rest, *checked_words(words)] if self._rest else checked_words(words)
        self._rest = []
        packed = array("I", given)
        if _LITTLE:
            packed.byteswap()
        raw = packed.tobytes()
        found: list[FlexText] = []
        at, end = 0, len(given)
        while at < end:
            head = given[at]
            kind = head >> 28
            after = at + SIZES[kind]
            if after > end:
                self._rest = given[at:]
                break
            if kind == _FLEX and BANK_METADATA <= (head >> 8 & 0xFF) <= BANK_PERFORMANCE:
                text = None
                if head & _FORM == _STARTS and not self._strict:
                    last = _end_of(given, at, head)
                    if last and (text := self._whole(head, raw[4 * at : 4 * last])):
                        after = last
                text = text or self._packet(head, raw[4 * at + 4 : 4 * at + 16])
                if text is not None:
                    found.append(text)
            at = after
        return found

    def expire(self) -> None:
        """Give up texts whose end never came. ``feed`` does so too; call it when nothing comes."""
        self._parts.expire()

    def take_faults(self) -> list[Fault[Place]]:
        """What went wrong since the last call, at most the last 256."""
        return self._parts.take_faults()

    def _whole(self, head: int, packets: bytes) -> FlexText | None:
        """The short way for a text that came in one piece, as most do; None when it is not plain,
        and the long way has to see to it."""
        place = self._places.get(head & _PLACE) or self._place(head)
        body = array("I", packets)
        del body[::4]
        data = body.tobytes().rstrip(b"\0")
        if 0 in data or not self._parts.admits(place, len(data)):
            return None
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return None
        return FlexText(place.group, place.channel, head >> 8 & 0xFF, head & 0xFF, text)

    def _packet(self, head: int, data: bytes) -> FlexText | None:
        place = self._places.get(head & _PLACE) or self._place(head)
        form, label = _FORMS[head >> 22 & 3], head & 0xFFFF
        if self._strict:
            _refuse(head, form, data)
        if form is Form.START or form is Form.COMPLETE:
            self._melismas.pop(place, None)
        if not data[-1] or 0 in data:
            if form is Form.CONTINUE and data == _NOTHING:
                self._melismas[place] = self._melismas.get(place, 0) + 1
            data = data.replace(b"\0", b"")
        whole = self._parts.add(place, form, data, label)
        if whole is None:
            if self._strict and (faults := self._parts.take_faults()):
                raise InvalidInput(f"{faults[0]}", where=f"{faults[0].key}", hint="send it again")
            return None
        bank, status = label >> 8, label & 0xFF
        melismas = self._melismas.pop(place, 0) if self._melismas else 0
        try:
            text = whole.decode()
        except UnicodeDecodeError:
            self._parts.fault(place, Wrong.NOT_UTF8, len(whole))
            if self._strict:
                raise InvalidInput(
                    "a text is not UTF-8", where=f"{place}", hint="send UTF-8"
                ) from None
            return None
        if (bank, status) not in _HOLDS_MELISMAS:
            melismas = 0
        return FlexText(place.group, place.channel, bank, status, text, melismas)

    def _place(self, head: int) -> Place:
        """Read once for each: 1,024 at most."""
        address = head >> 20 & 3
        channel = None if address == 1 else head >> 16 & 0xF
        place = Place(head >> 24 & 0xF, address, channel)
        self._places[head & _PLACE] = place
        return place


def _end_of(words: list[int], at: int, head: int) -> int:
    """Where the text that starts here ends, if all of it follows; else 0."""
    goes_on, end = head ^ _FORM, head | _FORM
    at += 4
    last = len(words) - 4
    while at <= last and words[at] == goes_on:
        at += 4
    return at + 4 if at <= last and words[at] == end else 0


def _refuse(head: int, form: Form, data: bytes) -> None:
    """What only a strict reader minds."""
    bank, status = head >> 8 & 0xFF, head & 0xFF
    said = ""
    if head >> 20 & 3 > 1:
        said = "a reserved address"
    elif head >> 20 & 3 == 1 and head >> 16 & 0xF:
        said = "a text for a group names a channel"
    elif (bank, status) not in TEXT_NAMES:
        said = "a reserved status"
    elif form in (Form.START, Form.CONTINUE):
        melisma = data == _NOTHING and form is Form.CONTINUE and (bank, status) in _HOLDS_MELISMAS
        if 0 in data and not melisma:
            said = "padding before the last packet"
    elif 0 in data.rstrip(b"\0"):
        said = "a NUL inside a text"
    if said:
        raise InvalidInput(
            said, where=f"packet {head:08x}", hint="without strict, it is read as well as can be"
        )
