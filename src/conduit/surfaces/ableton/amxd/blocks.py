"""The blocks of this room: the device is built from its sources, and devices are taken apart.

What does either is loaded when it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from conduit.blocks import Block, Effects, Length, block, current_call
from conduit.contracts.errors import ConfigError, InvalidInput, StoreError, TooLarge
from conduit.contracts.files import FileRef, FileStore
from conduit.store.file_names import parts_of
from conduit.store.settings_file import parse_settings
from conduit.surfaces.ableton.amxd.layout import MAX_BYTES, MAX_ENTRIES, Frozen

if TYPE_CHECKING:
    from conduit.surfaces.ableton.amxd.patcher import Patcher

AMXD_TYPE: Final = "application/x-amxd"
SOURCE: Final = "patcher.yaml"
EPOCH: Final = "SOURCE_DATE_EPOCH"
_PIECE_TYPE: Final = "application/octet-stream"
_MOST_SCRIPT: Final = 1 << 20
_FileId = Annotated[str, Length(1, 64)]


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """Which device is wanted."""

    frozen: Annotated[
        bool, "one file with the scripts in it; else the scripts lie beside it, to be changed"
    ] = True


@dataclass(frozen=True, slots=True)
class BuiltDevice:
    """The device for Max for Live."""

    files: Annotated[tuple[FileRef, ...], "the .amxd first; then the scripts, where it is unfrozen"]
    contains: Annotated[tuple[str, ...], "files inside the .amxd"]


@dataclass(frozen=True, slots=True)
class UnpackRequest:
    """A stored .amxd."""

    file_id: Annotated[_FileId, "of a .amxd file"]


@dataclass(frozen=True, slots=True)
class DevicePiece:
    """A file of a device."""

    name: Annotated[str, Length(1, 120), "in the folder"]
    file_id: _FileId
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class UnpackedDevice:
    """A device as files of a folder; amxd.json says what the files do not."""

    kind: Annotated[str, "what it is to Live"]
    frozen: Annotated[bool, "whether it holds more than its patcher"]
    pieces: tuple[DevicePiece, ...]


@dataclass(frozen=True, slots=True)
class PackRequest:
    """The files that device.unpack made, changed or not."""

    pieces: Annotated[tuple[DevicePiece, ...], Length(1, MAX_ENTRIES + 1)]
    name: Annotated[str, Length(1, 120), "of the .amxd"] = "device.amxd"


def device_blocks(
    files: FileStore, folder: Path, epoch: str | None = None
) -> tuple[Block[Any, Any], ...]:
    """``device.build``, ``device.unpack`` and ``device.pack``. The sources lie in ``folder``;
    ``epoch`` is what the environment says in ``SOURCE_DATE_EPOCH``."""

    @block(
        "device.build",
        summary="Build the device for Max for Live (.amxd) from its sources",
        effects=Effects.READS | Effects.WRITES_FILES,
    )
    def build(request: BuildRequest) -> BuiltDevice:
        from conduit.surfaces.ableton.amxd.building import build_device

        patcher = described(folder)
        scripts = {each.name: _read(folder / each.name) for each in patcher.files}
        made = build_device(patcher, scripts, frozen=request.frozen, epoch=_seconds(epoch))
        org = current_call().principal.org_id
        inside = tuple(each.name for each in patcher.files) if request.frozen else ()
        return BuiltDevice(
            files=tuple(files.put(org, each.name, _type_of(each.name), each.data) for each in made),
            contains=(made[0].name, *inside),
        )

    @block(
        "device.unpack",
        summary="Take a Max for Live device (.amxd) apart into files that can be changed",
        effects=Effects.READS | Effects.WRITES_FILES,
    )
    def unpack(request: UnpackRequest) -> UnpackedDevice:
        from conduit.surfaces.ableton.amxd.folder import take_apart
        from conduit.surfaces.ableton.amxd.reading import read_device

        org = current_call().principal.org_id
        _, data = files.get(org, request.file_id)
        device = read_device(data)
        pieces = []
        for name, piece in take_apart(device).items():
            ref = files.put(org, name, _PIECE_TYPE, piece)
            pieces.append(DevicePiece(name, ref.id, ref.size))
        frozen = isinstance(device.content, Frozen)
        return UnpackedDevice(device.kind_words, frozen, tuple(pieces))

    @block(
        "device.pack",
        summary="Put a Max for Live device (.amxd) together again from its files",
        effects=Effects.READS | Effects.WRITES_FILES,
    )
    def pack(request: PackRequest) -> FileRef:
        from conduit.surfaces.ableton.amxd.folder import put_together
        from conduit.surfaces.ableton.amxd.writing import write_device

        org = current_call().principal.org_id
        if len(parts_of(request.name)) != 1 or not request.name.lower().endswith(".amxd"):
            raise InvalidInput(f"{request.name[:80]!a} is no name of a device", hint="NAME.amxd")
        pieces: dict[str, bytes] = {}
        size = 0
        for each in request.pieces:
            pieces[each.name] = files.get(org, each.file_id)[1]
            size += len(pieces[each.name])
            if size > 2 * MAX_BYTES:  # the manifest is among them
                raise TooLarge("too much for one device", hint=f"at most {MAX_BYTES} bytes")
        return files.put(org, request.name, AMXD_TYPE, write_device(put_together(pieces)))

    return build, unpack, pack


def described(folder: Path) -> Patcher:
    """The patcher that the sources describe. Raises ``ConfigError``, ``InvalidInput`` and
    ``StoreError``."""
    from conduit.surfaces.ableton.amxd.patcher import read_patcher

    path = folder / SOURCE
    return read_patcher(parse_settings(_read(path), SOURCE).values, SOURCE)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_SCRIPT + 1)
    except OSError as error:
        raise StoreError(
            f"a source of the device cannot be read: {error.strerror}",
            where=path.name,
            hint="the sources are in `device/`; install Conduit again where they are missing",
        ) from None
    if len(data) > _MOST_SCRIPT:
        raise ConfigError(f"a source of more than {_MOST_SCRIPT} bytes", where=path.name)
    return data


def _seconds(epoch: str | None) -> int | None:
    if not epoch:
        return None
    if not (epoch.isascii() and epoch.isdigit() and len(epoch) < 20):
        raise ConfigError(
            f"{epoch[:40]!a} is no time", where=EPOCH, hint="seconds since 1970, as `date +%s`"
        )
    return int(epoch)


def _type_of(name: str) -> str:
    return AMXD_TYPE if name.endswith(".amxd") else "text/javascript"
