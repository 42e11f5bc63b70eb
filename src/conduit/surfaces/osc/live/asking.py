"""A prompt, with the set that is open, to Conduit; and what comes of it, into the set."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from conduit.agents.live.typed import LiveBlock, MidiBlock, ParameterBlock
from conduit.blocks import decode, dumps, loads
from conduit.contracts.errors import InvalidInput
from conduit.contracts.json import Json
from conduit.intents.service import Progress, Service
from conduit.surfaces.osc.live.clips import ClipApplied, apply_clip
from conduit.surfaces.osc.live.context import read_context
from conduit.surfaces.osc.live.parameters import ParameterApplied, apply_parameters
from conduit.surfaces.osc.live.wire import LiveWire

_KINDS: dict[str, type[Any]] = {"midi": MidiBlock, "parameters": ParameterBlock}


@dataclass(frozen=True, slots=True)
class Said:
    """What was answered, before anything of it is done."""

    text: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What was said, and what was done in the set, in the order of the answer."""

    text: str
    applied: tuple[ClipApplied | ParameterApplied, ...]


async def ask_live(
    wire: LiveWire, service: Service, prompt: str, *, session: str, once: str
) -> AsyncGenerator[Progress | Said | Answered, None]:
    """What happens, what is said, and at the end one ``Answered``. ``once`` tells this prompt from
    any other.

    Raises the error tree. Each block of the answer is applied whole or not at all; those before
    one that fails stay.
    """
    context = await read_context(wire)
    told = {"session": session, "context": loads(dumps(context))}
    async with aclosing(service.call("live.context", told, f"{once}-set")) as items:
        async for _ in items:
            pass
    answer: Json = None
    asked = {"prompt": prompt, "session": session}
    async with aclosing(service.call("agent.ask", asked, once)) as items:
        async for item in items:
            if isinstance(item, Progress):
                yield item
            else:
                answer = item.value
    fields = answer if isinstance(answer, dict) else {}
    text = str(fields.get("text", ""))
    yield Said(text)
    applied: list[ClipApplied | ParameterApplied] = []
    blocks = fields.get("blocks")
    for block in [_block(each) for each in (blocks if isinstance(blocks, list) else ())]:
        if isinstance(block, MidiBlock):
            applied.append(await apply_clip(wire, block))
        else:
            applied += await apply_parameters(wire, block)
    yield Answered(text, tuple(applied))


def _block(told: Json) -> LiveBlock:
    kind = told.get("type") if isinstance(told, dict) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        raise InvalidInput("the answer has a block of no known kind", hint="update Conduit")
    block: LiveBlock = decode(_KINDS[kind], told, where="block")
    return block
