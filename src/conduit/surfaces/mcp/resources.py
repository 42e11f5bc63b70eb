"""``resources/*``: lists, templates and what is at an address, from several sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

from conduit.blocks import Gate
from conduit.contracts.errors import ConduitError, NotFound
from conduit.surfaces.mcp.behalf import Behalf, behalf_of, refused
from conduit.surfaces.mcp.caller import WhoCalls
from conduit.surfaces.mcp.pages import cursor_after, name_before
from conduit.surfaces.mcp.sources import Contents, Source

Context = ServerRequestContext[Any, Any]

_PAGE: Final = 50
_RESOURCE_NOT_FOUND: Final = -32002


class Resources:
    """Runs ``resources/list``, ``resources/templates/list`` and ``resources/read``."""

    def __init__(self, gate: Gate, who: WhoCalls, sources: Sequence[Source]) -> None:
        self._gate = gate
        self._who = who
        self.sources = tuple(sources)

    async def listed(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        """One source after the other. A cursor says which one, and the last name of it."""
        behalf = behalf_of(self._gate, self._who, context)
        at, after = self._place(params.cursor if params else None)
        found: list[types.Resource] = []
        try:
            while at < len(self.sources) and len(found) < _PAGE:
                page, more = await self.sources[at].page(behalf, after, _PAGE - len(found))
                found += page
                at, after = (at, page[-1].name) if more and page else (at + 1, "")
        except ConduitError as error:
            raise refused(error) from error
        rest = cursor_after(f"{at} {after}") if at < len(self.sources) else None
        return types.ListResourcesResult(resources=found, next_cursor=rest)

    async def templates(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        name_before(params.cursor if params else None)
        return types.ListResourceTemplatesResult(
            resource_templates=[each for source in self.sources for each in source.templates]
        )

    async def read(
        self, context: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        behalf = behalf_of(self._gate, self._who, context)
        uri = str(params.uri)
        try:
            return types.ReadResourceResult(contents=list(await self.contents(behalf, uri)))
        except NotFound as error:
            # Both revisions name a code for it; clients of the newer one take this for it too.
            newer = context.protocol_version >= "2026"
            code = types.INVALID_PARAMS if newer else _RESOURCE_NOT_FOUND
            raise MCPError(code, f"Resource not found: {error.message}", {"uri": uri}) from error
        except ConduitError as error:
            raise refused(error) from error

    async def contents(self, behalf: Behalf, uri: str) -> Sequence[Contents]:
        """What is at an address. Raises ``NotFound``, and what the gate raises."""
        source = self.source_of(uri)
        if source is None:
            raise NotFound(f"there is no resource {uri[:200]!r}")
        return await source.read(behalf, uri)

    def source_of(self, uri: str) -> Source | None:
        return next((each for each in self.sources if uri.startswith(each.prefix)), None)

    def _place(self, cursor: str | None) -> tuple[int, str]:
        number, _, after = (name_before(cursor) or "0 ").partition(" ")
        if not number.isascii() or not number.isdigit() or len(number) > 3:
            raise MCPError(types.INVALID_PARAMS, "Unknown cursor: begin again without one")
        return int(number), after
