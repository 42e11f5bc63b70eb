"""What a ``.amxd`` file is made of, as far as it was learned from files that Max wrote.

Outside are chunks: a tag of four letters, a little-endian u32 that counts the data, the data.
``ampf`` says what kind of device it is, ``meta`` may follow, ``ptch`` holds the rest of the file.
An unfrozen device has plain JSON and a zero in it. A frozen one has ``mx@c``, where every number
is big-endian: the size of its header (16) as u32, where its list begins as u64, the files one
after the other, and the list (``dlst``) with a ``dire`` for each file. Sizes in the list count
their own eight bytes of head.

Whatever was read is kept as it was written, so that writing gives the same bytes. There is no
published specification: the layout is that of the devices in Ableton's ``maxdevtools`` and of
others, and their reader, ``maxdiff``, says the same of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from conduit.contracts.errors import InvalidInput

MAX_BYTES: Final = 128 * 1024 * 1024
"""The largest device that is read or written."""
MAX_ENTRIES: Final = 4_096
"""Files in one device."""
MAX_CHUNKS: Final = 16
MAX_NAME: Final = 255
"""Bytes of a name."""

HEADER: Final = 16
"""Bytes of ``mx@c`` before the first file."""
SINCE_1904: Final = 2_082_844_800
"""Seconds from 1904-01-01, from where Max counts, to 1970-01-01."""

DEVICE: Final = 17
"""The flag of the device's own patcher."""
IN_MEMORY: Final = 0
"""The flag of files that Max reads from inside the device: ``[js]``, pictures, gen."""
ON_DISK: Final = 8
"""The flag of files that Max lays on disk first: those of ``node.script``, and audio."""

_DIRE_ORDER: Final = (b"type", b"fnam", b"sz32", b"of32", b"vers", b"flag", b"mdat")


class DeviceKind(StrEnum):
    """What a device is to Live; the value is its tag in the file."""

    AUDIO_EFFECT = "aaaa"
    MIDI_EFFECT = "mmmm"
    INSTRUMENT = "iiii"
    MIDI_GENERATOR = "nagg"
    MIDI_TRANSFORMATION = "natt"

    @property
    def words(self) -> str:
        return self.name.lower().replace("_", " ").replace("midi", "MIDI")

    @property
    def number(self) -> int:
        """As the patcher's ``amxdtype`` says it: the tag as a big-endian number."""
        return int.from_bytes(self.value.encode(), "big")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A tag of four bytes and what it holds."""

    tag: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """A file inside a frozen device. ``fields`` is its ``dire``, in the order it was written."""

    fields: tuple[Chunk, ...]
    data: bytes = field(repr=False)
    before: bytes = b""
    """What lies between the file before it and this one, and belongs to neither."""

    @classmethod
    def of(cls, name: str, kind: str, data: bytes, *, flag: int, modified: int) -> Self:
        """As Max would write it. ``kind`` is four letters, like ``TEXT``; ``modified`` is in
        seconds since 1970. Raises ``InvalidInput``."""
        return cls(
            fields_of(name, kind, flag=flag, version=0, since_1904=modified + SINCE_1904), data
        )

    @property
    def name(self) -> str:
        return _text(self._field(b"fnam"))

    @property
    def kind(self) -> str:
        return _text(self._field(b"type"))

    @property
    def flag(self) -> int:
        return int.from_bytes(self._field(b"flag"), "big")

    @property
    def version(self) -> int:
        return int.from_bytes(self._field(b"vers"), "big")

    @property
    def since_1904(self) -> int:
        """When it was changed, in seconds since 1904-01-01 UTC."""
        return int.from_bytes(self._field(b"mdat"), "big")

    def _field(self, tag: bytes) -> bytes:
        return next((each.data for each in self.fields if each.tag == tag), b"")


@dataclass(frozen=True, slots=True)
class Frozen:
    """Patcher and files together, the device's own patcher first."""

    entries: tuple[Entry, ...]
    rest: bytes = b""
    """What lies between the last file and the list."""


@dataclass(frozen=True, slots=True)
class Device:
    """A whole ``.amxd``."""

    kind: str
    """Four letters, those of ``DeviceKind`` in every file that was seen."""
    chunks: tuple[Chunk, ...]
    """Between ``ampf`` and ``ptch``: nothing, or ``meta``."""
    content: Frozen | bytes = field(repr=False)
    """Bytes are those of an unfrozen patcher, its zero included."""

    @property
    def kind_words(self) -> str:
        known = {each.value: each.words for each in DeviceKind}
        return known.get(self.kind, f"{self.kind!r}, a kind that is not known here")


def meta(value: int) -> Chunk:
    """The chunk that Max writes before the patcher: 1 in unfrozen devices, 7 in frozen ones."""
    return Chunk(b"meta", value.to_bytes(4, "little"))


def fields_of(
    name: str, kind: str, *, flag: int, version: int, since_1904: int
) -> tuple[Chunk, ...]:
    """A ``dire`` as Max writes it; size and place are put in when the device is written."""
    spelled = name.encode("utf-8", "surrogateescape")
    if not 0 < len(spelled) <= MAX_NAME or b"\0" in spelled:
        raise InvalidInput(
            f"{name[:80]!a} cannot be the name of a file in a device",
            hint=f"1 to {MAX_NAME} bytes, without zeros",
        )
    numbers = {"flag": flag, "version": version, "time": since_1904}
    if wrong := [what for what, number in numbers.items() if not 0 <= number < 1 << 32]:
        raise InvalidInput(
            f"the {wrong[0]} {numbers[wrong[0]]} does not fit in 32 bits", where=name[:80]
        )
    try:
        tag = kind.encode("latin-1")
    except UnicodeEncodeError:
        tag = b""
    if len(tag) != 4 or not kind.isprintable():
        raise InvalidInput(
            f"{kind[:80]!a} is no type of a file", where=name[:80], hint="four letters"
        )
    values = {
        b"type": tag,
        b"fnam": spelled + bytes(4 - len(spelled) % 4),
        b"sz32": bytes(4),
        b"of32": bytes(4),
        b"vers": version.to_bytes(4, "big"),
        b"flag": flag.to_bytes(4, "big"),
        b"mdat": since_1904.to_bytes(4, "big"),
    }
    return tuple(Chunk(tag, values[tag]) for tag in _DIRE_ORDER)


def _text(data: bytes) -> str:
    """Names are UTF-8, and come back as the same bytes where they are not."""
    return data.rstrip(b"\0").decode("utf-8", "surrogateescape")
