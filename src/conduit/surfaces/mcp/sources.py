"""Where resources come from: each source has addresses of its own.

``groove://ID`` is a rendered groove: its MIDI file, and the request that makes it again as JSON.
``conduit://files/ID`` is a file that a block wrote.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Sequence
from typing import Final, Protocol

import mcp_types as types

from conduit.blocks import dumps
from conduit.contracts.errors import NotFound, TooLarge
from conduit.contracts.files import FileStore
from conduit.surfaces.mcp.behalf import Behalf

Contents = types.TextResourceContents | types.BlobResourceContents

_GROOVE: Final = "groove://"
_FILE: Final = "conduit://files/"
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LARGEST: Final = 8 << 20
_JSON: Final = "application/json"
_MIDI: Final = "audio/midi"


class Source(Protocol):
    """Resources of one kind. All may raise what the gate raises."""

    @property
    def prefix(self) -> str:
        """What all its addresses begin with."""
        ...

    @property
    def templates(self) -> Sequence[types.ResourceTemplate]: ...

    async def page(
        self, behalf: Behalf, after: str, most: int
    ) -> tuple[Sequence[types.Resource], bool]:
        """Those that are listed, by name, after one; and whether there are more."""
        ...

    async def read(self, behalf: Behalf, uri: str) -> Sequence[Contents]:
        """Raises ``NotFound``."""
        ...

    async def begun(self, behalf: Behalf, start: str, most: int) -> Sequence[str]:
        """Values that the variable of the template may have, that begin so."""
        ...


class GrooveSource:
    """The grooves of the caller's organisation."""

    prefix = _GROOVE
    templates = (
        types.ResourceTemplate(
            name="groove",
            uri_template=_GROOVE + "{groove_id}",
            description="A rendered groove: its MIDI file, and the request that makes it",
            mime_type=_MIDI,
        ),
    )

    def __init__(self, files: FileStore) -> None:
        self._files = files

    async def page(
        self, behalf: Behalf, after: str, most: int
    ) -> tuple[Sequence[types.Resource], bool]:
        page = await behalf.call("groove.list", {"after": after, "most": most})
        listed = [
            types.Resource(
                name=each.groove_id,
                title=each.title,
                uri=f"{_GROOVE}{each.groove_id}",
                mime_type=_MIDI,
            )
            for each in page.grooves
        ]
        return listed, page.more

    async def read(self, behalf: Behalf, uri: str) -> Sequence[Contents]:
        groove = await behalf.call("groove.read", {"groove_id": _id_in(uri, _GROOVE)})
        midi = await _file(self._files, behalf, uri, groove.midi.id)
        request = dumps(groove.request).decode()
        return [midi, types.TextResourceContents(uri=uri, mime_type=_JSON, text=request)]

    async def begun(self, behalf: Behalf, start: str, most: int) -> Sequence[str]:
        page = await behalf.call("groove.list", {"after": start[:64], "most": most})
        return [each.groove_id for each in page.grooves if each.groove_id.startswith(start)]


class FileSource:
    """Files that blocks wrote. They are not listed: results link to them."""

    prefix = _FILE
    templates = (
        types.ResourceTemplate(
            name="file",
            uri_template=_FILE + "{file_id}",
            description="A file that a block wrote",
        ),
    )

    def __init__(self, files: FileStore) -> None:
        self._files = files

    async def page(
        self, behalf: Behalf, after: str, most: int
    ) -> tuple[Sequence[types.Resource], bool]:
        return (), False

    async def read(self, behalf: Behalf, uri: str) -> Sequence[Contents]:
        return [await _file(self._files, behalf, uri, _id_in(uri, _FILE))]

    async def begun(self, behalf: Behalf, start: str, most: int) -> Sequence[str]:
        return ()


def file_uri(file_id: str) -> str:
    return f"{_FILE}{file_id}"


async def _file(
    files: FileStore, behalf: Behalf, uri: str, file_id: str
) -> types.BlobResourceContents:
    file, data = await asyncio.to_thread(files.get, behalf.org_id, file_id)
    if len(data) > _LARGEST:
        raise TooLarge(
            f"the file has {len(data)} bytes, and {_LARGEST} can be told",
            where=file.name,
            hint=f"GET /files/{file.id} downloads it",
        )
    blob = base64.b64encode(data).decode()
    return types.BlobResourceContents(uri=uri, mime_type=file.media_type, blob=blob)


def _id_in(uri: str, prefix: str) -> str:
    """Raises ``NotFound`` for what can be no id."""
    rest = uri.removeprefix(prefix)
    if not _ID.fullmatch(rest):
        raise NotFound(f"there is no resource {uri[:200]!r}")
    return rest
