"""From a ``Device`` to the bytes of a ``.amxd``: what was read is written as it was."""

from __future__ import annotations

from dataclasses import replace

from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.surfaces.ableton.amxd.layout import (
    HEADER,
    MAX_BYTES,
    MAX_ENTRIES,
    Chunk,
    Device,
    Entry,
    Frozen,
)


def write_device(device: Device) -> bytes:
    """The file. Sizes and places of the files inside are computed, whatever their fields say.

    Raises ``InvalidInput`` for a device without files, and ``TooLarge``.
    """
    tag = device.kind.encode("latin-1", "replace")
    if len(tag) != 4:
        raise InvalidInput(f"{device.kind[:80]!a} is no kind of device", hint="four letters")
    content = device.content
    payload = _payload(content) if isinstance(content, Frozen) else content
    outer = (Chunk(b"ampf", tag), *device.chunks, Chunk(b"ptch", payload))
    size = sum(8 + len(each.data) for each in outer)
    if size > MAX_BYTES:
        raise TooLarge(f"a device of {size} bytes", hint=f"at most {MAX_BYTES} are written")
    return b"".join(
        part
        for each in outer
        for part in (each.tag, len(each.data).to_bytes(4, "little"), each.data)
    )


def _payload(frozen: Frozen) -> bytes:
    if not 0 < len(frozen.entries) <= MAX_ENTRIES:
        raise InvalidInput(
            f"a frozen device of {len(frozen.entries)} files",
            hint=f"1 to {MAX_ENTRIES}, its own patcher first",
        )
    parts: list[bytes] = []
    listed: list[bytes] = []
    at = HEADER
    for entry in frozen.entries:
        at += len(entry.before)
        parts += (entry.before, entry.data)
        listed.append(_inclusive(b"dire", b"".join(map(_field, _placed(entry, at)))))
        at += len(entry.data)
    parts.append(frozen.rest)
    at += len(frozen.rest)
    if at > MAX_BYTES:
        raise TooLarge(f"files of {at} bytes in one device", hint=f"at most {MAX_BYTES}")
    head = b"mx@c" + HEADER.to_bytes(4, "big") + at.to_bytes(8, "big")
    return b"".join((head, *parts, _inclusive(b"dlst", b"".join(listed))))


def _placed(entry: Entry, at: int) -> tuple[Chunk, ...]:
    known = {b"sz32": len(entry.data), b"of32": at}
    return tuple(
        replace(each, data=known[each.tag].to_bytes(4, "big")) if each.tag in known else each
        for each in entry.fields
    )


def _field(chunk: Chunk) -> bytes:
    return _inclusive(chunk.tag, chunk.data)


def _inclusive(tag: bytes, data: bytes) -> bytes:
    """A chunk whose size counts its own head."""
    return tag + (8 + len(data)).to_bytes(4, "big") + data
