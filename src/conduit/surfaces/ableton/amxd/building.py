"""The device from its sources: the described patcher and the scripts beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from conduit.contracts.errors import InvalidInput, NotFound
from conduit.surfaces.ableton.amxd.layout import (
    DEVICE,
    IN_MEMORY,
    ON_DISK,
    SINCE_1904,
    Device,
    Entry,
    Frozen,
    meta,
)
from conduit.surfaces.ableton.amxd.maxpat import maxpat
from conduit.surfaces.ableton.amxd.patcher import Patcher
from conduit.surfaces.ableton.amxd.writing import write_device

_UNFROZEN, _FROZEN = 1, 7
"""What Max writes into ``meta``."""
_MOST_SECONDS: Final = (1 << 32) - 1 - SINCE_1904


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """A file of the result."""

    name: str
    data: bytes


def build_device(
    patcher: Patcher, scripts: Mapping[str, bytes], *, frozen: bool, epoch: int | None = None
) -> tuple[BuiltFile, ...]:
    """The ``.amxd``, and when it is not frozen the scripts that must lie beside it.

    ``epoch`` is a time in seconds since 1970 to date everything with (``SOURCE_DATE_EPOCH``),
    instead of the day in the description. Raises ``NotFound`` for a script that is missing, and
    ``InvalidInput``.
    """
    time = written_at(patcher) if epoch is None else epoch
    if not 0 <= time <= _MOST_SECONDS:
        raise InvalidInput(
            f"{time} is no time that a device can hold", hint="seconds since 1970, before 2040"
        )
    text = maxpat(patcher, time + SINCE_1904) + b"\0"
    loose = tuple(BuiltFile(file.name, _script(scripts, file.name)) for file in patcher.files)
    name, kind = f"{patcher.name}.amxd", patcher.kind.device.value
    if not frozen:
        plain = Device(kind, (meta(_UNFROZEN),), text)
        return (BuiltFile(name, write_device(plain)), *loose)
    entries = [Entry.of(name, "JSON", text, flag=DEVICE, modified=time)]
    for file, script in zip(patcher.files, loose, strict=True):
        flag = ON_DISK if file.on_disk else IN_MEMORY
        entries.append(Entry.of(file.name, "TEXT", script.data, flag=flag, modified=time))
    device = Device(kind, (meta(_FROZEN),), Frozen(tuple(entries)))
    return (BuiltFile(name, write_device(device)),)


def written_at(patcher: Patcher) -> int:
    """The day in the description, in seconds since 1970. Raises ``InvalidInput``."""
    try:
        day = datetime.strptime(patcher.written, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidInput(
            f"{patcher.written[:40]!a} is no day", where="written", hint="write it as 2026-11-30"
        ) from None
    return int(day.timestamp())


def _script(scripts: Mapping[str, bytes], name: str) -> bytes:
    if name not in scripts:
        raise NotFound(f"there is no script {name!r} beside the patcher", hint="it is in `device/`")
    return scripts[name]
