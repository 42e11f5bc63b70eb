"""``agent.handle``: the offline agent as a tool, for whoever wants files from a sentence.

What it renders is saved as MIDI and JSON, also where a conversation would only have shown it.
"""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from conduit.agents.runs.state import RunState
from conduit.agents.tool_loop import ToolLoop
from conduit.blocks import Block, Effects, Gate, Length, block, decode, dumps
from conduit.contracts.chat import Message
from conduit.rhythm.groove import GrooveRequest

_OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class HandleRequest:
    """A sentence for the offline agent."""

    prompt: Annotated[str, Length(1, 2000), "what to make, in plain words"]
    last: Annotated[GrooveRequest | None, "the groove that “more” and “less” refer to"] = None
    name: Annotated[str, Length(0, 400), "name of the files; empty: made from the groove"] = ""


@dataclass(frozen=True, slots=True)
class Handled:
    """What was done. ``groove`` is the last groove made, to be refined; ``saved`` are paths."""

    text: str
    blocks: Annotated[tuple[str, ...], "what was called, in order"]
    saved: tuple[str, ...]
    groove: GrooveRequest | None = None


def handle_block(gate: Gate, loop: ToolLoop) -> Block[Any, Any]:
    """``agent.handle``. Its calls are made as whoever calls it, with no more permissions."""

    @block(
        "agent.handle",
        summary="Do what a sentence says without a language model, saving MIDI and JSON",
        effects=Effects.WRITES_FILES | Effects.WRITES_STATE,
    )
    async def handle(request: HandleRequest) -> Handled:
        run = RunState()
        messages = (*_before(request.last), Message("user", request.prompt))
        async with contextlib.aclosing(loop.run(messages, run, only=_OFFLINE)) as events:
            async for _ in events:
                pass  # the whole of it is in `run`
        saved: list[str] = []
        groove: GrooveRequest | None = None
        for use in run.tool_uses:
            if use.ok and use.block == "groove.render":
                wish = {"groove": use.result["config"], "name": request.name}
                rendered = await gate.acall("groove.render_session", wish)
                saved += rendered.saved
                groove = decode(GrooveRequest, use.result["config"])
            else:
                saved += use.saved
        called = tuple(use.block for use in run.tool_uses)
        return Handled(run.text, called, tuple(dict.fromkeys(saved)), groove)

    return handle


def _before(last: GrooveRequest | None) -> tuple[Message, ...]:
    """The groove that there was, as a conversation would hold it."""
    if last is None:
        return ()
    told = {"groove_id": "last", "config": asdict(last)}
    return (Message("tool", dumps(told).decode(), tool_call_id="last"),)
