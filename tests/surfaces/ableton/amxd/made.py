"""Devices made here, byte by byte, from the published facts about the layout and not with the code
that is tested; and a second reader, in the manner of Ableton's ``maxdiff``."""

from __future__ import annotations

import struct
from dataclasses import dataclass

PATCHER = b'{\n\t"patcher" : {\n\t\t"boxes" : [],\n\t\t"lines" : []\n\t}\n}\n'


@dataclass(frozen=True)
class File:
    name: bytes
    kind: bytes
    data: bytes
    flag: int = 0
    mdat: int = 3_850_000_000
    offset: int | None = None
    """Instead of where it lies."""
    size: int | None = None
    """Instead of how long it is."""


def outer(tag: bytes, data: bytes) -> bytes:
    return tag + struct.pack("<I", len(data)) + data


def inner(tag: bytes, data: bytes) -> bytes:
    return tag + struct.pack(">I", 8 + len(data)) + data


def meta(data: bytes | None) -> bytes:
    return b"" if data is None else outer(b"meta", data)


def unfrozen(
    kind: bytes = b"mmmm", about: bytes | None = b"\1\0\0\0", text: bytes = PATCHER + b"\0"
) -> bytes:
    return outer(b"ampf", kind) + meta(about) + outer(b"ptch", text)


def frozen(
    *files: File, kind: bytes = b"mmmm", about: bytes | None = b"\7\0\0\0", gap: bytes = b""
) -> bytes:
    """``gap`` lies before the second file and after the last one."""
    data, entries, at = b"", b"", 16
    for number, file in enumerate(files):
        space = gap if number == 1 else b""
        at += len(space)
        name = file.name + b"\0"
        fields = (
            inner(b"type", file.kind),
            inner(b"fnam", name + b"\0" * (-len(name) % 4)),
            inner(b"sz32", struct.pack(">I", len(file.data) if file.size is None else file.size)),
            inner(b"of32", struct.pack(">I", at if file.offset is None else file.offset)),
            inner(b"vers", struct.pack(">I", 0)),
            inner(b"flag", struct.pack(">I", file.flag)),
            inner(b"mdat", struct.pack(">I", file.mdat)),
        )
        entries += inner(b"dire", b"".join(fields))
        data += space + file.data
        at += len(file.data)
    data += gap
    payload = b"mx@c" + struct.pack(">IQ", 16, 16 + len(data)) + data + inner(b"dlst", entries)
    return outer(b"ampf", kind) + meta(about) + outer(b"ptch", payload)


def own(name: bytes = b"Test.amxd", after: bytes = b"\0") -> File:
    """The device's own patcher."""
    return File(name, b"JSON", PATCHER + after, flag=17)


def listed(device: bytes) -> tuple[bytes, list[dict[str, bytes | int]]]:
    """The payload of a frozen device, and its files by their fields, believed as they stand."""
    at, payload = 0, b""
    while at < len(device):
        tag, size = device[at : at + 4], struct.unpack_from("<I", device, at + 4)[0]
        payload = device[at + 8 : at + 8 + size]
        at += 8 + size
        assert tag in (b"ampf", b"meta", b"ptch")
    assert at == len(device)
    footer = payload[struct.unpack_from(">Q", payload, 8)[0] :]
    assert footer[:4] == b"dlst"
    assert struct.unpack_from(">I", footer, 4)[0] == len(footer)
    found, at = [], 8
    while at < len(footer):
        assert footer[at : at + 4] == b"dire"
        end = at + struct.unpack_from(">I", footer, at + 4)[0]
        at += 8
        fields: dict[str, bytes | int] = {}
        while at < end:
            tag, size = footer[at : at + 4].decode(), struct.unpack_from(">I", footer, at + 4)[0]
            value = footer[at + 8 : at + size]
            is_text = tag in ("type", "fnam")
            fields[tag] = value.rstrip(b"\0") if is_text else int.from_bytes(value, "big")
            at += size
        assert at == end
        found.append(fields)
    return payload, found
