"""Grooves and files as resources.

``groove://ID`` is a rendered groove: its MIDI file, and the request that makes it again as JSON.
``conduit://files/ID`` is a file that a block wrote.
"""

from __future__ import annotations

import base64
import re
from typing import Any, Final

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

from conduit.blocks import Gate, dumps
from conduit.contracts.errors import ConduitError, NotFound, TooLarge
from conduit.contracts.files import FileStore
from conduit.surfaces.mcp.caller import WhoCalls
from conduit.surfaces.mcp.pages import cursor_after, name_before

Context = ServerRequestContext[Any, Any]

_GROOVE: Final = "groove://"
_FILE: Final = "conduit://files/"
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PAGE: Final = 50
_LARGEST: Final = 16 << 20
_JSON: Final = "application/json"
_MIDI: Final = "audio/midi"


def file_uri(file_id: str) -> str:
    return f"{_FILE}{file_id}"


class Resources:
    """Runs ``resources/list``, ``resources/templates/list`` and ``resources/read``."""

    def __init__(self, gate: Gate, files: FileStore, who: WhoCalls) -> None:
        self._gate = gate
        self._files = files
        self._who = who

    async def listed(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        """The grooves of the caller's organisation, by their ids."""
        after = name_before(params.cursor if params else None)
        page = await self._call(context, "groove.list", {"after": after, "most": _PAGE})
        return types.ListResourcesResult(
            resources=[
                types.Resource(
                    name=each.groove_id,
                    title=each.title,
                    uri=f"{_GROOVE}{each.groove_id}",
                    mime_type=_MIDI,
                )
                for each in page.grooves
            ],
            next_cursor=cursor_after(page.grooves[-1].groove_id) if page.more else None,
        )

    async def templates(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        name_before(params.cursor if params else None)
        return types.ListResourceTemplatesResult(
            resource_templates=[
                types.ResourceTemplate(
                    name="groove",
                    uri_template=_GROOVE + "{groove_id}",
                    description="A rendered groove: its MIDI file, and the request that makes it",
                    mime_type=_MIDI,
                ),
                types.ResourceTemplate(
                    name="file",
                    uri_template=_FILE + "{file_id}",
                    description="A file that a block wrote",
                ),
            ]
        )

    async def read(
        self, context: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        uri = str(params.uri)
        try:
            if name := _id_in(uri, _GROOVE):
                return types.ReadResourceResult(contents=await self._groove(context, uri, name))
            if name := _id_in(uri, _FILE):
                return types.ReadResourceResult(contents=[self._file(context, uri, name)])
            raise NotFound(f"there is no resource {uri[:200]!r}")
        except NotFound as error:
            # Both revisions name a code for it; clients of the newer one take this for it too.
            newer = context.protocol_version >= "2026"
            code = types.INVALID_PARAMS if newer else _RESOURCE_NOT_FOUND
            raise MCPError(code, f"Resource not found: {error.message}", {"uri": uri}) from error
        except ConduitError as error:
            raise refused(error) from error

    async def _groove(
        self, context: Context, uri: str, name: str
    ) -> list[types.TextResourceContents | types.BlobResourceContents]:
        groove = await self._call(context, "groove.read", {"groove_id": name})
        midi = self._file(context, uri, groove.midi.id)
        request = types.TextResourceContents(
            uri=uri, mime_type=_JSON, text=dumps(groove.request).decode()
        )
        return [midi, request]

    def _file(self, context: Context, uri: str, file_id: str) -> types.BlobResourceContents:
        file, data = self._files.get(self._who(context).principal.org_id, file_id)
        if len(data) > _LARGEST:
            raise TooLarge(f"the file has {len(data)} bytes", where=file.name)
        blob = base64.b64encode(data).decode()
        return types.BlobResourceContents(uri=uri, mime_type=file.media_type, blob=blob)

    async def _call(self, context: Context, block: str, data: object) -> Any:
        caller = self._who(context)
        try:
            return await self._gate.acall(
                block, data, caller.principal, correlation_id=caller.correlation_id
            )
        except NotFound:
            raise
        except ConduitError as error:
            raise refused(error) from error


_RESOURCE_NOT_FOUND: Final = -32002


def refused(error: ConduitError) -> MCPError:
    """An error where there is no result that could carry it."""
    message = f"{error.message} (hint: {error.hint})" if error.hint else error.message
    return MCPError(types.INVALID_PARAMS, message, {"code": error.code})


def _id_in(uri: str, prefix: str) -> str:
    """The id in an address of one kind; empty where it is of another, or no id."""
    rest = uri.removeprefix(prefix) if uri.startswith(prefix) else ""
    return rest if _ID.fullmatch(rest) else ""
