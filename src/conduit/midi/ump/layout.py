"""How a message lies in its words: the vocabulary of the tables, and the code that follows.

A message is a frozen dataclass whose fields say where they are:

    velocity: Annotated[int, Bits(1, 16, 16)]

is sixteen bits of word 1, the lowest of them bit 16. From that alone come reading, writing, the
check of a value's range, the bits that must be zero, and the columns of ``ump.columns``. Words are
32 bits, counted from 0; the bytes of a word are counted from its most significant, as on the wire.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args, get_type_hints

from conduit.contracts.errors import InvalidInput

SIZES: Final = (1, 1, 1, 2, 2, 4, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4)
"""Words of a packet by its message type, the top four bits: reserved types have sizes too, so that
what is not known can be passed over."""


class Message:
    """One Universal MIDI Packet."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Reserved(Message):
    """A packet that no published table gives a meaning, or whose fields contradict each other. Its
    words are kept, so that it can be passed on as it came."""

    words: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Truncated(Message):
    """The beginning of a packet whose other words never came."""

    words: tuple[int, ...]


class Form(enum.IntEnum):
    """Which part of a longer message a packet is."""

    COMPLETE = 0
    START = 1
    CONTINUE = 2
    END = 3


@dataclass(frozen=True, slots=True)
class Bits:
    """``width`` bits of a word, the lowest at ``shift``. Signed ones are two's complement."""

    word: int
    shift: int
    width: int
    signed: bool = False

    @property
    def mask(self) -> int:
        return (1 << self.width) - 1


@dataclass(frozen=True, slots=True)
class Pieces:
    """A number in pieces, the least significant first: seven bits here, seven there."""

    parts: tuple[Bits, ...]

    @property
    def width(self) -> int:
        return sum(part.width for part in self.parts)


@dataclass(frozen=True, slots=True)
class Octets:
    """Bytes from ``offset`` on, at most ``most``, none above ``highest``.

    Without a ``count`` they are always ``most``; with one, the message says how many there are, and
    ``beside`` is how many others it counts.
    """

    offset: int
    most: int
    count: Bits | None = None
    beside: int = 0
    highest: int = 0xFF


Place = Bits | Pieces | Octets


@dataclass(frozen=True, slots=True)
class Field:
    """A row of the table: what it is called, where it lies, what Python makes of it."""

    name: str
    place: Place
    kind: type


Reader = Callable[[Sequence[int]], Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """One kind of message: ``fixed`` is its words with every field zero, ``used`` the bits that
    mean something."""

    message: type[Message]
    size: int
    fixed: tuple[int, ...]
    used: tuple[int, ...]
    fields: tuple[Field, ...]
    readers: tuple[Reader, ...]
    plain: tuple[tuple[int, int, int], ...] | None
    """Word, shift and mask of each field, when they are all unsigned numbers: the fast way."""

    def decode(self, words: Sequence[int]) -> Message:
        """Raises ``ValueError`` for counts that cannot be."""
        if self.plain is not None:
            return self.message(*[words[at] >> shift & mask for at, shift, mask in self.plain])
        return self.message(*[read(words) for read in self.readers])

    def encode(self, message: Message) -> tuple[int, ...]:
        """Raises ``InvalidInput`` for a value that has no place."""
        words = list(self.fixed)
        for field in self.fields:
            value = getattr(message, field.name)
            try:
                _put(words, field.place, value)
            except (TypeError, ValueError) as fault:
                raise InvalidInput(
                    f"{field.name} cannot be {value!r:.60}: {fault}",
                    where=f"{self.message.__name__}.{field.name}",
                    hint=f"legal is {legal(field.place)}",
                ) from None
        return tuple(words)

    def stray(self, words: Sequence[int]) -> tuple[int, ...]:
        """The bits of each word that are set although they mean nothing."""
        return tuple(word & ~used for word, used in zip(words, self.used, strict=True))


def layout_of(message: type[Message], size: int, fixed: int, fixed_mask: int) -> Layout:
    """The table of a message class, compiled. ``fixed`` is what tells it from others, in word 0."""
    hints = get_type_hints(message, include_extras=True)
    fields = []
    for each in dataclasses.fields(message):  # type: ignore[arg-type]  # each of them is one
        kind, place = get_args(hints[each.name])
        fields.append(Field(each.name, place, kind))
    used = [0] * size
    used[0] = fixed_mask
    for field in fields:
        for word, bits in _bits_of(field.place):
            used[word] |= bits
    return Layout(
        message,
        size,
        (fixed, *[0] * (size - 1)),
        tuple(used),
        tuple(fields),
        tuple(_reader(field) for field in fields),
        _plain(fields),
    )


def legal(place: Place) -> str:
    """What a field may hold, for people."""
    if isinstance(place, Octets):
        exact = "" if place.count else "exactly "
        top = "" if place.highest == 0xFF else f", each at most {place.highest:#x}"
        return f"{exact}{'0 to ' if place.count else ''}{place.most} bytes{top}"
    if isinstance(place, Bits) and place.signed:
        half = 1 << place.width - 1
        return f"{-half} to {half - 1}"
    return f"0 to {(1 << place.width) - 1:,}"


def _plain(fields: Sequence[Field]) -> tuple[tuple[int, int, int], ...] | None:
    places = [field.place for field in fields if field.kind is int]
    simple = [(p.word, p.shift, p.mask) for p in places if isinstance(p, Bits) and not p.signed]
    return tuple(simple) if len(simple) == len(fields) else None


def _bits_of(place: Place) -> list[tuple[int, int]]:
    """Word and bits, for each that a field takes."""
    if isinstance(place, Bits):
        return [(place.word, place.mask << place.shift)]
    if isinstance(place, Pieces):
        return [pair for part in place.parts for pair in _bits_of(part)]
    octets = range(place.offset, place.offset + place.most)
    taken = [(at // 4, place.highest << 24 - 8 * (at % 4)) for at in octets]
    return taken + (_bits_of(place.count) if place.count else [])


def _reader(field: Field) -> Reader:
    place, kind = field.place, field.kind
    if isinstance(place, Octets):
        return lambda words: _octets(words, place)
    if isinstance(place, Pieces):
        return lambda words: _joined(words, place)
    at, shift, mask = place.word, place.shift, place.mask
    if kind is bool:
        return lambda words: bool(words[at] >> shift & mask)
    if issubclass(kind, enum.IntEnum):
        members = tuple(kind(number) for number in range(mask + 1))
        return lambda words: members[words[at] >> shift & mask]
    if place.signed:
        half, whole = 1 << place.width - 1, 1 << place.width
        return lambda words: ((words[at] >> shift & mask) + half) % whole - half
    return lambda words: words[at] >> shift & mask


def _joined(words: Sequence[int], place: Pieces) -> int:
    value = low = 0
    for part in place.parts:
        value |= (words[part.word] >> part.shift & part.mask) << low
        low += part.width
    return value


def _octets(words: Sequence[int], place: Octets) -> bytes:
    raw = b"".join([word.to_bytes(4, "big") for word in words])
    many = place.most
    if place.count is not None:
        count = place.count
        many = (words[count.word] >> count.shift & count.mask) - place.beside
        if not 0 <= many <= place.most:
            raise ValueError(f"a count of {many} bytes, where 0 to {place.most} have room")
    found = raw[place.offset : place.offset + many]
    return found if place.highest == 0xFF else bytes(byte & place.highest for byte in found)


def _put(words: list[int], place: Place, value: Any) -> None:
    if isinstance(place, Bits):
        lowest = -(1 << place.width - 1) if place.signed else 0
        if not lowest <= value <= lowest + place.mask:
            raise ValueError("out of range")
        words[place.word] |= (value & place.mask) << place.shift
    elif isinstance(place, Pieces):
        if not 0 <= value < 1 << place.width:
            raise ValueError("out of range")
        for part in place.parts:
            words[part.word] |= (value & part.mask) << part.shift
            value >>= part.width
    else:
        if len(value) > place.most or (place.count is None and len(value) < place.most):
            raise ValueError(f"{len(value)} bytes")
        for at, byte in enumerate(bytes(value), place.offset):
            if byte > place.highest:
                raise ValueError(f"byte {byte:#x}")
            words[at // 4] |= byte << 24 - 8 * (at % 4)
        if place.count is not None:
            _put(words, place.count, len(value) + place.beside)
