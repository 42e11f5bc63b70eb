"""From the bytes of a ``.amxd`` to a ``Device``: pure, and in linear time.

No number of the file is believed before it was held against what is really there. Files lie inside
the payload, one after the other, and none has a byte in common with another: what is taken out of
a device is never larger than the device.
"""

from __future__ import annotations

from typing import Final

from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.surfaces.ableton.amxd.layout import (
    HEADER,
    MAX_BYTES,
    MAX_CHUNKS,
    MAX_ENTRIES,
    MAX_NAME,
    Chunk,
    Device,
    Entry,
    Frozen,
)

_HEAD: Final = 8
"""Bytes of a tag and a size."""
_MOST_CHUNK: Final = 65_536
_MOST_ABOUT: Final = 1_024
"""Bytes that a list says about one file. Max needs 92 and the name."""
_NUMBERS: Final = (b"sz32", b"of32", b"vers", b"flag", b"mdat")


def read_device(data: bytes) -> Device:
    """Read a device, frozen or not.

    Raises ``InvalidInput`` for what is no device, is cut off, or is encrypted, and ``TooLarge``.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge(f"a device of {len(data)} bytes", hint=f"at most {MAX_BYTES} are read")
    if data[:4] != b"ampf":
        raise _fault("it does not begin with 'ampf'", "is it a .amxd file?")
    tag, kind, at = _outer(data, 0)
    if len(kind) != 4:
        raise _fault(f"'ampf' holds {len(kind)} bytes, not 4", "is it a .amxd file?")
    chunks: list[Chunk] = []
    while True:
        tag, held, at = _outer(data, at)
        if tag == b"ciph":
            raise InvalidInput(
                "the device is encrypted: its patcher cannot be read",
                where="amxd",
                hint="only its author has it in plain; ask for an unlocked one",
            )
        if tag == b"ptch":
            break
        chunks.append(Chunk(tag, held))
        if len(chunks) > MAX_CHUNKS or len(held) > _MOST_CHUNK:
            raise _fault("too much comes before the patcher", "it is damaged")
    if at != len(data):
        raise _fault(f"{len(data) - at} bytes follow the patcher", "it is damaged")
    content = _frozen(held) if held.startswith(b"mx@c") else held
    return Device(kind.decode("latin-1"), tuple(chunks), content)


def _outer(data: bytes, at: int) -> tuple[bytes, bytes, int]:
    """The chunk that begins at ``at``, and where the next one would."""
    head = data[at : at + _HEAD]
    if len(head) < _HEAD:
        raise _fault(f"it ends after {len(data)} bytes, without a patcher", "it was cut off")
    end = at + _HEAD + int.from_bytes(head[4:], "little")
    if end > len(data):
        raise _fault(
            f"{head[:4]!r} claims {end - at - _HEAD} bytes, and {len(data) - at - _HEAD} are there",
            "it was cut off, or is damaged",
        )
    return head[:4], data[at + _HEAD : end], end


def _frozen(payload: bytes) -> Frozen:
    if len(payload) < HEADER or int.from_bytes(payload[4:8], "big") != HEADER:
        raise _fault(f"'mx@c' does not have a header of {HEADER} bytes", "it is damaged")
    lists = int.from_bytes(payload[8:HEADER], "big")
    if not HEADER <= lists <= len(payload) - _HEAD or payload[lists : lists + 4] != b"dlst":
        raise _fault(f"there is no list of files at byte {lists}", "it was cut off, or is damaged")
    size = int.from_bytes(payload[lists + 4 : lists + _HEAD], "big")
    if size != len(payload) - lists:
        raise _fault(
            f"the list of files claims {size} bytes, and {len(payload) - lists} are there",
            "it was cut off, or is damaged",
        )
    entries: list[Entry] = []
    at, done = lists + _HEAD, HEADER
    while at < len(payload):
        tag, inside, at = _inner(payload, at, len(payload))
        if tag != b"dire":
            raise _fault(f"{tag!r} in the list of files, not 'dire'", "it is damaged")
        if len(entries) == MAX_ENTRIES:
            raise TooLarge(
                f"a device with more than {MAX_ENTRIES} files",
                where="amxd",
                hint="take it apart in Max",
            )
        if at - inside > _MOST_ABOUT:
            raise _fault(f"{at - inside} bytes say what one file is", "it is damaged")
        fields = _fields(payload[inside:at])
        entry, done = _placed(fields, payload, done, lists)
        entries.append(entry)
    if not entries:
        raise _fault("the list of files is empty", "a frozen device has its own patcher in it")
    return Frozen(tuple(entries), payload[done:lists])


def _inner(data: bytes, at: int, limit: int) -> tuple[bytes, int, int]:
    """A chunk whose size counts its own head: its tag, where its data begins, where it ends."""
    size = int.from_bytes(data[at + 4 : at + _HEAD], "big")
    if size < _HEAD or at + size > limit:
        raise _fault(
            f"{data[at : at + 4]!r} claims {size} bytes, and {limit - at} are there",
            "it is damaged",
        )
    return data[at : at + 4], at + _HEAD, at + size


def _fields(data: bytes) -> tuple[Chunk, ...]:
    found: dict[bytes, Chunk] = {}
    at = 0
    while at < len(data):
        tag, inside, at = _inner(data, at, len(data))
        if tag in found:
            raise _fault(f"{tag!r} once too often about one file", "it is damaged")
        found[tag] = Chunk(tag, data[inside:at])
    for tag in (b"type", b"fnam", *_NUMBERS):
        if tag not in found:
            raise _fault(f"a file without {tag.decode()!r}", "it is damaged")
    for tag in _NUMBERS:
        if len(found[tag].data) != 4:
            raise _fault(
                f"{tag.decode()!r} has {len(found[tag].data)} bytes, not 4", "it is damaged"
            )
    if len(found[b"type"].data) != 4 or not 0 < len(found[b"fnam"].data) <= MAX_NAME + 4:
        raise _fault("a file whose type or name has no sensible length", "it is damaged")
    return tuple(found.values())


def _placed(fields: tuple[Chunk, ...], payload: bytes, done: int, limit: int) -> tuple[Entry, int]:
    """A file with its bytes, which must lie between ``done`` and ``limit``; and where it ends."""
    numbers = {
        each.tag: int.from_bytes(each.data, "big") for each in fields if each.tag in _NUMBERS
    }
    start, size = numbers[b"of32"], numbers[b"sz32"]
    name = Entry(fields, b"").name[:80]
    if start + size > limit or start < HEADER:
        raise _fault(
            f"{name!a} should lie at byte {start} with {size} bytes, outside the files",
            "it was cut off, or is damaged",
        )
    if start < done:
        raise _fault(
            f"{name!a} begins at byte {start}, in the middle of the file before it",
            "it is damaged, or was made to hurt",
        )
    return Entry(fields, payload[start : start + size], payload[done:start]), start + size


def _fault(message: str, hint: str) -> InvalidInput:
    return InvalidInput(
        f"this is not a device that can be read: {message}", where="amxd", hint=hint
    )
