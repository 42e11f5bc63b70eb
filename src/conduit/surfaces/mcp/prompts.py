"""System prompts as prompts: a client that has no instructions of its own may take ours.

Where a prompt says ``{{name}}``, that is an argument. An argument that is the address of a resource
brings the resource with it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

import mcp_types as types
from mcp.server.context import ServerRequestContext

from conduit.blocks import Gate
from conduit.contracts.errors import ConduitError, InvalidInput, NotFound, TooLarge
from conduit.surfaces.mcp.behalf import Behalf, behalf_of, refused
from conduit.surfaces.mcp.caller import WhoCalls
from conduit.surfaces.mcp.content import embedded
from conduit.surfaces.mcp.pages import page_of
from conduit.surfaces.mcp.resources import Resources

Context = ServerRequestContext[Any, Any]

REQUEST: Final = "request"
_PAGE: Final = 50
_LONGEST_ARGUMENT: Final = 100_000
_MOST_EMBEDDED: Final = 5
_LARGEST_EMBEDDED: Final = 1 << 20
_PLACE: Final = re.compile(r"\{\{([A-Za-z][A-Za-z0-9_]{0,39})\}\}")


class PromptTexts(Protocol):
    """Who knows system prompts by name."""

    def text(self, name: str) -> str:
        """Raises ``NotFound`` and ``ConfigError``."""
        ...


class Prompts:
    """Runs ``prompts/list`` and ``prompts/get``."""

    def __init__(
        self, gate: Gate, prompts: PromptTexts, who: WhoCalls, resources: Resources
    ) -> None:
        self._gate = gate
        self._prompts = prompts
        self._who = who
        self._resources = resources

    async def listed(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListPromptsResult:
        behalf = behalf_of(self._gate, self._who, context)
        try:
            names = await self.names(behalf)
        except ConduitError as error:
            raise refused(error) from error
        page, after = page_of(names, str, params.cursor if params else None, _PAGE)
        described = await asyncio.to_thread(lambda: [self._described(each) for each in page])
        return types.ListPromptsResult(prompts=described, next_cursor=after)

    async def get(
        self, context: Context, params: types.GetPromptRequestParams
    ) -> types.GetPromptResult:
        behalf = behalf_of(self._gate, self._who, context)
        given = params.arguments or {}
        try:
            text = await self._text(behalf, params.name)
            _require(text, given)
            found: list[types.ContentBlock] = []
            for name in (*_places(text), REQUEST):  # what is not its argument is nothing to it
                if len(found) < _MOST_EMBEDDED:
                    found += await self._found(behalf, given.get(name, ""))
        except ConduitError as error:
            raise refused(error) from error
        texts = (_PLACE.sub(lambda place: given[place[1]], text), given.get(REQUEST, ""))
        content = [*found, *(types.TextContent(text=each) for each in texts if each)]
        return types.GetPromptResult(
            messages=[types.PromptMessage(role="user", content=each) for each in content]
        )

    async def names(self, behalf: Behalf) -> list[str]:
        """Through the gate, which says whether this caller may see them."""
        names: list[str] = (await behalf.call("prompts.list", {})).names
        return names

    async def arguments(self, behalf: Behalf, name: str) -> list[str]:
        """Raises ``NotFound``, and what the gate raises."""
        return [*_places(await self._text(behalf, name)), REQUEST]

    async def _text(self, behalf: Behalf, name: str) -> str:
        if name not in await self.names(behalf):
            raise NotFound(f"there is no system prompt {name[:80]!r}")
        return await asyncio.to_thread(self._prompts.text, name)

    def _described(self, name: str) -> types.Prompt:
        try:
            places = _places(self._prompts.text(name))
        except ConduitError:  # asking for it says what is wrong with it
            places = []
        request = types.PromptArgument(name=REQUEST, description="what is asked for")
        return types.Prompt(
            name=name,
            description=f"Conduit's system prompt {name!r}, before what is asked for",
            arguments=[
                *(types.PromptArgument(name=each, required=True) for each in places),
                *([request] if REQUEST not in places else []),
            ],
        )

    async def _found(self, behalf: Behalf, value: str) -> Iterable[types.ContentBlock]:
        """The resource that an argument is the address of, where it is one."""
        if self._resources.source_of(value) is None:
            return ()
        contents = (await self._resources.contents(behalf, value))[:_MOST_EMBEDDED]
        for each in contents:
            size = len(each.text if isinstance(each, types.TextResourceContents) else each.blob)
            if size > _LARGEST_EMBEDDED:
                raise TooLarge(f"{value[:200]} is too large for a prompt", hint="read it instead")
        return map(embedded, contents)


def _places(text: str) -> list[str]:
    return list(dict.fromkeys(_PLACE.findall(text)))


def _require(text: str, given: Mapping[str, str]) -> None:
    """Raise ``InvalidInput`` for what is missing or too long."""
    for name, value in given.items():
        if len(value) > _LONGEST_ARGUMENT:
            raise InvalidInput(f"{name[:80]}: {_LONGEST_ARGUMENT} characters at most")
    if missing := [each for each in _places(text) if each not in given]:
        raise InvalidInput(
            f"missing: {', '.join(missing)}", hint="prompts/list has the arguments of each"
        )
