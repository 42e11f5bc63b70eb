"""Many packets at once, as columns of NumPy arrays.

Where a packet begins follows from the sizes of all before it, which looks like a loop over words.
It is none: a word either begins a packet or is one of the rest, with 0 to 3 to go, so the words are
walked in many blocks side by side, each from all four states, and the blocks are then joined by the
one that is true. After that each field of each message is one operation on a column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from conduit.contracts.errors import InvalidInput
from conduit.midi.ump.codec import encode
from conduit.midi.ump.layout import SIZES, Bits, Form, Layout, Message, Octets, Pieces, legal
from conduit.midi.ump.table import DISPATCH, LAYOUTS

Words = npt.NDArray[np.uint32]
Column = npt.NDArray[Any]

_SIZES: Final = np.array(SIZES, np.uint8)
_STATES: Final = 4

# What is left to go after a word, by what was left before it and the size it would have.
_AFTER: Final = np.array(
    [[max(size - 1, 0) if left == 0 else left - 1 for size in range(5)] for left in range(4)],
    np.uint8,
).reshape(-1)


@dataclass(frozen=True, slots=True, eq=False)
class Packets:
    """The packets of many words, in order.

    ``starts`` is ``(n,)``: where each begins; ``size`` ``(n,)``: its words; ``types`` ``(n,)``: its
    message type; ``rest``: words at the end that are no whole packet. ``words`` are all of them.
    """

    words: Words
    starts: npt.NDArray[np.int64]
    size: npt.NDArray[np.uint8]
    types: npt.NDArray[np.uint8]
    rest: Words

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def groups(self) -> npt.NDArray[np.uint8]:
        """``(n,)``: the group of each; of utility and stream messages, which have none, whatever
        stands in its place."""
        return (self.words[self.starts] >> 24 & 0xF).astype(np.uint8)

    def where(self, message: type[Message]) -> npt.NDArray[np.int64]:
        """Which packets are of a class, as indices into ``starts``. Raises ``InvalidInput`` for a
        class that has no table."""
        layout = _layout(message)
        kind = layout.fixed[0] >> 28
        dispatch = DISPATCH[kind]
        of_kind = np.flatnonzero(self.types == kind)
        status = self.words[self.starts[of_kind]] >> dispatch.shift & dispatch.mask
        if dispatch.other is layout:
            known = np.isin(status, np.array(list(dispatch.layouts), np.uint32))
            return of_kind[~known]
        mine = [key for key, each in dispatch.layouts.items() if each.message is message]
        chosen = of_kind[np.isin(status, np.array(mine, np.uint32))]
        counts = [f.place for f in layout.fields if isinstance(f.place, Octets) and f.place.count]
        for place in counts:
            many = _count(self._columns_of(chosen), place)
            chosen = chosen[(many >= 0) & (many <= place.most)]
        return chosen

    def columns(self, message: type[Message]) -> dict[str, Column]:
        """The fields of all packets of a class, each ``(m,)``: numbers as they are in messages,
        bytes as ``(m, most)`` with zeros behind, and their number as ``NAME_size``.

        A key signature in the form of two bytes is read as it stands: only single messages are
        looked at so closely.
        """
        layout = _layout(message)
        taken = self._columns_of(self.where(message))
        found: dict[str, Column] = {}
        for field in layout.fields:
            if isinstance(field.place, Octets):
                found[field.name] = _bytes(taken, field.place)
                if field.place.count is not None:
                    found[f"{field.name}_size"] = _count(taken, field.place)
            else:
                column = _number(taken, field.place)
                found[field.name] = column.astype(np.bool_) if field.kind is bool else column
        return found

    def _columns_of(self, chosen: npt.NDArray[np.int64]) -> Words:
        """``(size, m)``: the first words of some packets, the second words …"""
        if not len(chosen):
            return np.empty((_STATES, 0), np.uint32)
        starts = self.starts[chosen]
        return np.stack([self.words[starts + at] for at in range(int(self.size[chosen[0]]))])


def decode_array(words: npt.ArrayLike) -> Packets:
    """The packets of ``(n,)`` 32-bit words. Raises ``InvalidInput`` for an array of anything else.

    What the words say is never refused: packets of reserved types are in the result too.
    """
    given = np.asarray(words)
    if given.ndim != 1 or (given.dtype.kind not in "ui" and len(given)):
        raise InvalidInput(
            f"expected a one-dimensional array of words, got {given.ndim} dimension(s) of "
            f"{given.dtype}",
            where="words",
            hint="np.frombuffer(data, '>u4') makes one of big-endian bytes",
        )
    if given.dtype != np.uint32:
        if len(given) and (int(given.min()) < 0 or int(given.max()) > 0xFFFF_FFFF):
            raise InvalidInput("a word does not fit 32 bits", where="words", hint="use uint32")
        given = given.astype(np.uint32)
    types = (given >> 28).astype(np.uint8)
    starts = _starts(_SIZES[types])
    size = _SIZES[types[starts]]
    end = len(given)
    if len(starts) and int(starts[-1]) + int(size[-1]) > end:
        end = int(starts[-1])
        starts, size = starts[:-1], size[:-1]
    return Packets(given[:end], starts, size, types[starts], given[end:])


def _starts(sizes: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Where packets begin, from the size that each word would have if it began one."""
    many = len(sizes)
    if not many:
        return np.empty(0, np.int64)
    first = int(sizes[0])
    if (sizes[::first] == first).all():  # all of one size, as a stream of notes is
        return np.arange(0, many, first, dtype=np.int64)
    rows = max(1, int(many**0.5))  # steps, each of them for all blocks
    blocks = -(-many // rows)
    padded = np.ones(rows * blocks, np.uint8)
    padded[:many] = sizes
    steps = np.ascontiguousarray(padded.reshape(blocks, rows).T)
    left = np.repeat(np.arange(_STATES, dtype=np.uint8), blocks).reshape(_STATES, blocks)
    begins = np.empty((rows, _STATES, blocks), np.bool_)
    for row in range(rows):
        np.equal(left, 0, out=begins[row])
        left = _AFTER[left * 5 + steps[row]]
    state, chain = 0, []
    for after in left.T.tolist():
        chain.append(state)
        state = after[state]
    true = begins[:, np.array(chain), np.arange(blocks)]
    return np.flatnonzero(true.T.reshape(-1)[:many])


def encode_columns(message: type[Message], columns: Mapping[str, npt.ArrayLike]) -> Words:
    """The words of many messages of one class, ``(m * size,)``; a scalar stands for a column, and
    fields with a default may be left out.

    Raises ``InvalidInput`` for a value out of range, a field that is missing or unknown, and for
    classes with bytes, whose packets are written one by one.
    """
    layout = _layout(message)
    names = {field.name for field in layout.fields}
    if any(isinstance(field.place, Octets) for field in layout.fields) or columns.keys() - names:
        raise InvalidInput(
            f"{message.__name__} has no columns {sorted(columns.keys() - names)}",
            where=message.__name__,
            hint=f"fields are {', '.join(sorted(names))}; those of bytes are for encode()",
        )
    given = {name: np.asarray(column, np.int64) for name, column in columns.items()}
    sizes = {len(column) for column in given.values() if column.ndim}
    if len(sizes) > 1:
        raise InvalidInput("columns differ in length", where=message.__name__, hint=f"{sizes}")
    many = sizes.pop() if sizes else 1
    words = np.tile(np.array(_defaults(message, layout, given), np.int64), (many, 1))
    for field in layout.fields:
        if field.name not in given:
            continue
        column, place = given[field.name], field.place
        assert not isinstance(place, Octets)
        low = -(1 << place.width - 1) if isinstance(place, Bits) and place.signed else 0
        if column.size and not (low <= column.min() and column.max() < low + (1 << place.width)):
            raise InvalidInput(
                f"{field.name} goes from {column.min()} to {column.max()}",
                where=f"{message.__name__}.{field.name}",
                hint=f"legal is {legal(place)}",
            )
        for part in place.parts if isinstance(place, Pieces) else (place,):
            words[:, part.word] |= (column & part.mask) << part.shift
            column = column >> part.width
    return words.astype(np.uint32).reshape(-1)


def _defaults(
    message: type[Message], layout: Layout, given: Mapping[str, object]
) -> tuple[int, ...]:
    """The words of a message whose given fields are zero."""
    zero = {field.name: Form(0) if field.kind is Form else 0 for field in layout.fields}
    try:
        return encode(message(**{name: zero[name] for name in given}))
    except TypeError as fault:
        raise InvalidInput(
            f"{fault}", where=message.__name__, hint="give a column for each field without default"
        ) from None


def _layout(message: type[Message]) -> Layout:
    found = LAYOUTS.get(message)
    if found is None:
        raise InvalidInput(
            f"{getattr(message, '__name__', message)!r:.60} has no table",
            where="message",
            hint="use one of the classes in conduit.midi.ump.LAYOUTS",
        )
    return found


def _number(words: Words, place: Bits | Pieces) -> Column:
    value: Column
    if isinstance(place, Pieces):
        value, low = np.zeros(words.shape[1], np.uint32), 0
        for part in place.parts:
            value |= (words[part.word] >> part.shift & part.mask) << low
            low += part.width
        return value
    value = words[place.word] >> place.shift & place.mask
    if place.signed:
        half = 1 << place.width - 1
        value = (value.astype(np.int64) + half & place.mask) - half
    return value


def _count(words: Words, place: Octets) -> npt.NDArray[np.int64]:
    assert place.count is not None
    return _number(words, place.count).astype(np.int64) - place.beside


def _bytes(words: Words, place: Octets) -> npt.NDArray[np.uint8]:
    size, many = words.shape
    raw = np.ascontiguousarray(words.T).astype(">u4").view(np.uint8).reshape(many, 4 * size)
    taken = raw[:, place.offset : place.offset + place.most] & np.uint8(place.highest)
    if place.count is not None:
        taken = np.where(np.arange(place.most) < _count(words, place)[:, None], taken, 0)
    return taken.astype(np.uint8)
