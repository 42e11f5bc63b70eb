"""Any message, made from the same tables that read and write it."""

from __future__ import annotations

import enum

from hypothesis import strategies as st

from conduit.midi.ump import LAYOUTS, FlexPacket, Message, Reserved
from conduit.midi.ump.layout import SIZES, Bits, Field, Octets

WORD = st.builds(
    lambda kind, rest: kind << 28 | rest, st.integers(0, 15), st.integers(0, 0xFFF_FFFF)
)
"""Any word, each message type as often as the others: most numbers that are drawn are small."""

RESERVED_TYPES = (0x6, 0x7, 0x8, 0x9, 0xA, 0xB, 0xC, 0xE)


def _values(field: Field) -> st.SearchStrategy[object]:
    place = field.place
    if isinstance(place, Octets):
        least = 0 if place.count else place.most
        return st.lists(st.integers(0, place.highest), min_size=least, max_size=place.most).map(
            bytes
        )
    if field.kind is bool:
        return st.booleans()
    if issubclass(field.kind, enum.IntEnum):
        return st.sampled_from(list(field.kind))
    if field.name == "address":
        return st.just(0)
    if isinstance(place, Bits) and place.signed:
        return st.integers(-(1 << place.width - 1), (1 << place.width - 1) - 1)
    return st.integers(0, (1 << place.width) - 1)


def of(message: type[Message]) -> st.SearchStrategy[Message]:
    fields = LAYOUTS[message].fields
    return st.builds(message, **{field.name: _values(field) for field in fields})


def _reserved(kind: int) -> st.SearchStrategy[Message]:
    word = st.integers(0, 0xFFFF_FFFF)
    rest = st.lists(word, min_size=SIZES[kind] - 1, max_size=SIZES[kind] - 1)
    return st.builds(
        lambda first, more: Reserved((kind << 28 | first, *more)), st.integers(0, 0xFFF_FFFF), rest
    )


def _is_free(message: Message) -> bool:
    """A flex packet whose numbers are not those of a class of its own."""
    return not isinstance(message, FlexPacket) or message.bank != 0 or message.form != 0


ANY = st.one_of(
    *[of(message).filter(_is_free) for message in LAYOUTS],
    *[_reserved(kind) for kind in RESERVED_TYPES],
)
