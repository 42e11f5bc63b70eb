"""``completion/complete``: what a variable of a template, or an argument of a prompt, may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import mcp_types as types
from mcp.server.context import ServerRequestContext

from conduit.blocks import Gate
from conduit.contracts.errors import ConduitError, NotFound
from conduit.surfaces.mcp.behalf import Behalf, behalf_of, refused
from conduit.surfaces.mcp.caller import WhoCalls
from conduit.surfaces.mcp.prompts import Prompts
from conduit.surfaces.mcp.resources import Resources
from conduit.surfaces.mcp.sources import Source

_MOST: Final = 100
"""The protocol allows no more."""


class Completions:
    """Runs ``completion/complete``."""

    def __init__(self, gate: Gate, who: WhoCalls, resources: Resources, prompts: Prompts) -> None:
        self._gate = gate
        self._who = who
        self._resources = resources
        self._prompts = prompts

    async def __call__(
        self, context: ServerRequestContext[Any, Any], params: types.CompleteRequestParams
    ) -> types.CompleteResult:
        behalf = behalf_of(self._gate, self._who, context)
        start = params.argument.value
        try:
            if isinstance(params.ref, types.PromptReference):
                values = await self._of_prompt(behalf, params.ref.name, params.argument.name, start)
            else:
                source = self._source(str(params.ref.uri))
                values = await source.begun(behalf, start, _MOST + 1)
        except ConduitError as error:
            raise refused(error) from error
        return types.CompleteResult(
            completion=types.Completion(values=list(values[:_MOST]), has_more=len(values) > _MOST)
        )

    async def _of_prompt(
        self, behalf: Behalf, prompt: str, argument: str, start: str
    ) -> Sequence[str]:
        """An argument may be anything; one that begins like a resource is completed as one."""
        if argument not in await self._prompts.arguments(behalf, prompt):
            raise NotFound(f"the prompt {prompt[:80]!r} has no argument {argument[:80]!r}")
        source = self._resources.source_of(start)
        if source is None:
            prefixes = (each.prefix for each in self._resources.sources)
            return [each for each in prefixes if start and each.startswith(start)]
        found = await source.begun(behalf, start.removeprefix(source.prefix), _MOST + 1)
        return [f"{source.prefix}{each}" for each in found]

    def _source(self, template: str) -> Source:
        for source in self._resources.sources:
            if any(each.uri_template == template for each in source.templates):
                return source
        raise NotFound(f"there is no resource template {template[:200]!r}")
