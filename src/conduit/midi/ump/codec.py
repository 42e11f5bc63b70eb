"""Words to messages and back, one message at a time.

Reading is tolerant: what the tables do not know is kept as ``Reserved``, bits that mean nothing are
passed over, and a packet that breaks off is ``Truncated``. ``strict`` refuses all three. Writing is
always strict.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Final

from conduit.contracts.errors import InvalidInput
from conduit.midi.ump.flex_data import ADDRESS_CHANNEL, ADDRESS_GROUP, FlexPacket, SetKeySignature
from conduit.midi.ump.layout import SIZES, Layout, Message, Reserved, Truncated
from conduit.midi.ump.table import DISPATCH, LAYOUTS

_KNOWN_TEXT_STATUSES: Final = {1: 0x0D, 2: 0x04}
"""The highest status of each bank of texts."""

_FLEX: Final = 0xD


def decode(words: Iterable[int], *, strict: bool = False) -> list[Message]:
    """The messages that a whole sequence of 32-bit words holds.

    Never raises for what the words say, unless ``strict``: then ``InvalidInput`` for a reserved or
    contradictory packet, stray bits and a packet that breaks off. Raises ``InvalidInput`` for what
    is no word. Linear in the number of words.
    """
    given = checked_words(words)
    found, end = _decoded(given, strict)
    if end < len(given):
        if strict:
            raise InvalidInput(
                f"a packet of {SIZES[given[end] >> 28]} words breaks off after {len(given) - end}",
                where=f"words[{end}]",
                hint="send whole packets, or read a stream with conduit.midi.ump.Decoder",
            )
        found.append(Truncated(tuple(given[end:])))
    return found


class Decoder:
    """The same for a stream: words may come in any portions.

    It keeps at most three words, the beginning of a packet.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict
        self._rest: list[int] = []

    @property
    def pending(self) -> tuple[int, ...]:
        """The beginning of a packet, until the rest comes."""
        return tuple(self._rest)

    def feed(self, words: Iterable[int]) -> list[Message]:
        """The messages that are whole now. Raises as :func:`decode` does; the words are gone then,
        and the next are the beginning of a packet."""
        given, self._rest = [*self._rest, *checked_words(words)], []
        found, end = _decoded(given, self._strict)
        self._rest = given[end:]
        return found

    def finish(self) -> Truncated | None:
        """At the end of the stream: what never became a packet. Begins anew."""
        rest, self._rest = tuple(self._rest), []
        return Truncated(rest) if rest else None


def encode(message: Message) -> tuple[int, ...]:
    """The words of one message: one to four.

    Raises ``InvalidInput`` for values out of range, for ``Truncated``, and for what the format has
    no place for.
    """
    layout = LAYOUTS.get(type(message))
    if layout is None:
        return _kept(message)
    words = layout.encode(message)
    fault = _contradiction(message)
    if isinstance(message, FlexPacket) and words[0] & 0xC0_FFFF in DISPATCH[_FLEX].layouts:
        fault = "a message that has a class of its own"
    if fault:
        raise InvalidInput(
            fault,
            where=type(message).__name__,
            hint="use SetTempo and its like, and channel 0 for a group",
        )
    return words


def encode_all(messages: Iterable[Message]) -> list[int]:
    """The words of many messages, one after the other."""
    words: list[int] = []
    for message in messages:
        words.extend(encode(message))
    return words


def checked_words(words: Iterable[int]) -> list[int]:
    """The words as a list. Raises ``InvalidInput`` for what is no unsigned 32-bit number."""
    given = list(words)
    try:
        return array("I", given).tolist()
    except (OverflowError, TypeError):
        at, word = next((at, each) for at, each in enumerate(given) if not _is_word(each))
        raise InvalidInput(
            f"{word!r:.40} is not an unsigned 32-bit number",
            where=f"words[{at}]",
            hint="words_of(data, order) makes words of bytes",
        ) from None


def _is_word(value: object) -> bool:
    try:
        array("I").extend([value])  # type: ignore[list-item]  # whether it is one is the question
    except (OverflowError, TypeError):
        return False
    return True


def _decoded(words: list[int], strict: bool) -> tuple[list[Message], int]:
    """The messages, and where the last whole one ends."""
    found: list[Message] = []
    at, end = 0, len(words)
    while at < end:
        first = words[at]
        kind = first >> 28
        after = at + SIZES[kind]
        if after > end:
            break
        dispatch = DISPATCH[kind]
        layout = dispatch.layouts.get(first >> dispatch.shift & dispatch.mask, dispatch.other)
        packet = words[at:after]
        message: Message
        if layout is None:
            message = Reserved(tuple(packet))
        else:
            try:
                message = layout.decode(packet)
            except ValueError:
                message = Reserved(tuple(packet))
            if kind == _FLEX and layout.message is SetKeySignature:
                message = _two_byte_key(packet, message)
        if strict:
            _refuse(layout, packet, message, at)
        found.append(message)
        at = after
    return found, at


def _refuse(layout: Layout | None, packet: Sequence[int], message: Message, at: int) -> None:
    said = ""
    if layout is None:
        said = f"message type {packet[0] >> 28:X} has no such status"
    elif isinstance(message, Reserved):
        said = f"a {layout.message.__name__} whose count of bytes is impossible"
    elif isinstance(message, FlexPacket) and not _is_known_text(message):
        said = f"bank {message.bank:#04x} status {message.status:#04x} is reserved"
    elif any(stray := layout.stray(packet)):
        bits = " ".join(f"{word:08x}" for word in stray)
        said = f"a {layout.message.__name__} has bits set that mean nothing: {bits}"
    else:
        said = _contradiction(message)
    if said:
        raise InvalidInput(
            f"{said} ({' '.join(f'{word:08x}' for word in packet)})",
            where=f"words[{at}]",
            hint="without strict, it is kept as far as it can be read",
        )


def _is_known_text(message: FlexPacket) -> bool:
    return message.status <= _KNOWN_TEXT_STATUSES.get(message.bank, -1)


def _contradiction(message: Message) -> str:
    """What the fields of Flex Data say against each other."""
    address = getattr(message, "address", ADDRESS_CHANNEL)
    if address > ADDRESS_GROUP:
        return f"address {address} is reserved"
    if address == ADDRESS_GROUP and getattr(message, "channel", 0):
        return "a message to a group names a channel"
    return ""


def _kept(message: Message) -> tuple[int, ...]:
    if isinstance(message, Reserved):
        words = tuple(checked_words(message.words))
        if words and len(words) == SIZES[words[0] >> 28]:
            return words
        said = f"{len(words)} words, which is not the size of a packet of this type"
    else:
        said = "that is no whole packet"
    raise InvalidInput(
        said, where=type(message).__name__, hint="send one of the messages of conduit.midi.ump"
    )


def _two_byte_key(packet: Sequence[int], message: Message) -> Message:
    """AM_MIDI2.0Lib and cmidi2 write a key signature as two bytes where all others write two
    halves of one. A second byte tells, since it would mean nothing otherwise."""
    first, second = packet[1] >> 24, packet[1] >> 16 & 0xFF
    if not 1 <= second <= 7 or 7 < first < 0xF8:
        return message
    assert isinstance(message, SetKeySignature)
    sharps = first - 0x100 if first > 7 else first
    return SetKeySignature(message.group, sharps, second, message.address, message.channel)


assert array("I").itemsize == 4  # what checked_words rests on
