"""The answer of a run, as whoever asked gets it."""

from __future__ import annotations

from dataclasses import replace

from conduit.agents.events import AskReply
from conduit.agents.fenced import json_blocks
from conduit.agents.live.answer import for_live
from conduit.agents.runs.session import Session
from conduit.agents.runs.state import RunState
from conduit.blocks import current_call


def reply_of(session: Session, seconds: float) -> AskReply:
    """The answer of a run that is over, or waits."""
    waiting = tuple(session.waiting)
    reply = reply_from(session.state, session.run.thread, seconds)
    return replace(
        reply,
        run_id=session.run.id,
        status="waiting" if waiting else reply.status,
        waiting_for=waiting,
        agreement=session.agreement,
    )


def reply_from(state: RunState, session: str, seconds: float) -> AskReply:
    """The answer of a run that nobody keeps."""
    ended = state.ended
    written = json_blocks(state.text)
    values = [each.value for each in written]
    cut = {at for at, each in enumerate(written) if not each.whole}
    live = for_live(state.tool_uses, values, cut)
    return AskReply(
        text=state.text,
        provider=state.provider,
        model=state.model,
        session=session,
        correlation_id=current_call().correlation_id,
        elapsed_ms=round(seconds * 1000, 3),
        json_blocks=values,
        tool_calls=tuple(state.tool_uses),
        failures=tuple(state.failures),
        usage=state.usage,
        status=ended.status if ended else "done",
        why=ended.why if ended else "",
        cost_micro=state.spent.cost_micro,
        dropped=state.dropped,
        blocks=live.blocks,
        refused_blocks=live.refused,
    )
