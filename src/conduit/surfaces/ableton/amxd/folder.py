"""A device as files in a folder, for people to look at and to change, and back.

``amxd.json`` says what cannot be said by the files themselves. Names come from a stranger: what
they are in the folder is decided here, in one flat folder, and the names of the device are kept
beside them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from typing import Final

from conduit.blocks import decode, dumps, loads
from conduit.contracts.errors import InvalidInput, NotFound, TooLarge
from conduit.store.file_names import parts_of
from conduit.surfaces.ableton.amxd.layout import (
    MAX_BYTES,
    MAX_ENTRIES,
    Chunk,
    Device,
    Entry,
    Frozen,
    fields_of,
)

MANIFEST: Final = "amxd.json"
PATCHER: Final = "patcher.maxpat"
"""What the patcher of an unfrozen device is called in the folder."""

_BEGINNING: Final = datetime(1904, 1, 1, tzinfo=UTC)
_KIND: Final = re.compile(r"\\x([0-9a-f]{2})")
_MOST_MANIFEST: Final = 1 << 24
_MOST_BETWEEN: Final = 1 << 20
"""Bytes of no file that a manifest holds. Max writes a zero after each patcher, and old versions
wrote garbage there."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A chunk that is not as Max writes it today; both in hexadecimal."""

    tag: str
    data: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of the device."""

    file: str
    """Its name in the folder."""
    name: str
    """Its name in the device."""
    type: str = "JSON"
    flag: int = 0
    version: int = 0
    modified: str = ""
    after: str = ""
    """Bytes that follow the file's text in the device, in hexadecimal."""
    before: str = ""
    """Bytes between the file before it and this one."""
    fields: tuple[Raw, ...] = ()
    """Instead of name, type, flag, version and time, where those do not say it all."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """``amxd.json``."""

    kind: str
    frozen: bool
    files: tuple[Piece, ...]
    chunks: tuple[Raw, ...] = ()
    rest: str = ""


def take_apart(device: Device) -> dict[str, bytes]:
    """The files of a folder by name, the manifest first. Together they are hardly larger than the
    device, and ``put_together`` makes the same device of them. Raises ``TooLarge`` for one that
    holds a lot which is no file."""
    frozen = device.content if isinstance(device.content, Frozen) else None
    left = _MOST_BETWEEN - len(frozen.rest if frozen else b"")
    pieces: list[Piece] = []
    files: dict[str, bytes] = {}
    for entry, name in zip(_entries(device), _names(device), strict=True):
        left -= len(entry.before)
        text, after = _split(entry, left)
        left -= len(after)
        files[name] = text
        pieces.append(_described(entry, name, after))
        if left < 0:
            raise TooLarge(
                f"a device with more than {_MOST_BETWEEN} bytes between its files",
                where="amxd",
                hint="Max leaves none; save it again in Max",
            )
    manifest = Manifest(
        kind=_shown(device.kind.replace("\\", "\\x5c")),
        frozen=frozen is not None,
        files=tuple(pieces),
        chunks=_raw(device.chunks),
        rest=frozen.rest.hex() if frozen else "",
    )
    written = json.dumps(loads(dumps(manifest)), indent=2, ensure_ascii=False)
    return {MANIFEST: f"{written}\n".encode(), **files}


def put_together(files: Mapping[str, bytes]) -> Device:
    """The device that a folder describes. Raises ``NotFound`` for a file that is missing, and
    ``InvalidInput`` for a manifest that cannot be used."""
    text = _file(files, MANIFEST)
    if len(text) > _MOST_MANIFEST:
        raise TooLarge(f"a manifest of {len(text)} bytes", hint=f"at most {_MOST_MANIFEST}")
    manifest = decode(Manifest, loads(text), where=MANIFEST)
    if len(manifest.files) > MAX_ENTRIES:
        raise TooLarge(f"a device of {len(manifest.files)} files", hint=f"at most {MAX_ENTRIES}")
    if sum(len(_file(files, piece.file)) for piece in manifest.files) > MAX_BYTES:
        raise TooLarge("the files are too much for one device", hint=f"at most {MAX_BYTES} bytes")
    entries = tuple(_entry(piece, _file(files, piece.file)) for piece in manifest.files)
    chunks = tuple(_chunk(each) for each in manifest.chunks)
    kind = _KIND.sub(lambda found: chr(int(found[1], 16)), manifest.kind)
    if manifest.frozen:
        return Device(kind, chunks, Frozen(entries, _bytes(manifest.rest, "rest")))
    if len(entries) != 1:
        raise InvalidInput(
            f"an unfrozen device of {len(entries)} files",
            where=MANIFEST,
            hint="it is one patcher; say `frozen: true` to put files into it",
        )
    return Device(kind, chunks, entries[0].data)


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise NotFound(
            f"there is no file {name[:80]!a} in the folder",
            where=MANIFEST,
            hint="`conduit device unpack` makes a folder that can be packed",
        )
    return files[name]


def _entries(device: Device) -> tuple[Entry, ...]:
    if isinstance(device.content, Frozen):
        return device.content.entries
    fields = fields_of(PATCHER, "JSON", flag=0, version=0, since_1904=0)
    return (Entry(fields, device.content),)


def _names(device: Device) -> Iterator[str]:
    """What the files are called in the folder: as in the device where that hurts nobody. Names that
    differ only in their case are one name on many machines."""
    taken = {MANIFEST}
    for at, entry in enumerate(_entries(device)):
        name = _harmless(entry.name)
        if entry.kind == "JSON" and name.lower().endswith(".amxd"):
            name = f"{name[:-5]}.maxpat"  # it is text, not a device
        others = (f"{at}-{number}-{name}"[:100] for number in count(1))
        name = next(each for each in chain([name], others) if each.casefold() not in taken)
        taken.add(name.casefold())
        yield name


def _harmless(name: str) -> str:
    plain = "".join(c if c.isalnum() or c in "_-." else "_" for c in name).lstrip("._-")
    for each in (name, plain[:80]):
        try:
            (only,) = parts_of(each)
        except (InvalidInput, ValueError):
            continue
        return only
    return "file"


def _split(entry: Entry, most: int) -> tuple[bytes, bytes]:
    """A patcher's text, and what Max wrote after it, where it is not too much."""
    end = entry.data.find(b"\0") if entry.kind == "JSON" else -1
    if end < 0 or len(entry.data) - end > most:
        return entry.data, b""
    return entry.data[:end], entry.data[end:]


def _described(entry: Entry, file: str, after: bytes) -> Piece:
    said = Piece(
        file=file,
        name=_shown(entry.name),
        type=_shown(entry.kind),
        flag=entry.flag,
        version=entry.version,
        modified=_spelled(entry.since_1904),
        after=after.hex(),
        before=entry.before.hex(),
    )
    try:
        whole = _unplaced(_told(said)) == _unplaced(entry.fields)
    except InvalidInput:
        whole = False
    if whole:
        return said
    return Piece(file, said.name, after=said.after, before=said.before, fields=_raw(entry.fields))


def _entry(piece: Piece, data: bytes) -> Entry:
    fields = tuple(_chunk(each) for each in piece.fields) or _told(piece)
    after, before = _bytes(piece.after, piece.file), _bytes(piece.before, piece.file)
    return Entry(fields, data + after, before)


def _told(piece: Piece) -> tuple[Chunk, ...]:
    return fields_of(
        piece.name,
        piece.type,
        flag=piece.flag,
        version=piece.version,
        since_1904=_seconds(piece.modified, piece.file),
    )


def _unplaced(fields: tuple[Chunk, ...]) -> list[Chunk]:
    """Without size and place, which are computed."""
    return [Chunk(f.tag, b"" if f.tag in (b"sz32", b"of32") else f.data) for f in fields]


def _shown(text: str) -> str:
    """As it can be looked at: a terminal obeys no name of a file."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _spelled(since_1904: int) -> str:
    if not since_1904:
        return ""
    return (_BEGINNING + timedelta(seconds=since_1904)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(text: str, where: str) -> int:
    if not text:
        return 0
    try:
        time = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidInput(
            f"{text[:40]!a} is no time", where=where, hint="write it as 2026-11-30T12:00:00Z"
        ) from None
    return int((time - _BEGINNING).total_seconds())


def _raw(chunks: tuple[Chunk, ...]) -> tuple[Raw, ...]:
    return tuple(Raw(each.tag.hex(), each.data.hex()) for each in chunks)


def _chunk(raw: Raw) -> Chunk:
    tag = _bytes(raw.tag, MANIFEST)
    if len(tag) != 4:
        raise InvalidInput(f"{raw.tag[:20]!a} is no tag", where=MANIFEST, hint="eight digits")
    return Chunk(tag, _bytes(raw.data, MANIFEST))


def _bytes(text: str, where: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise InvalidInput(
            f"{text[:40]!a} is not hexadecimal", where=where, hint="two digits a byte"
        ) from None
