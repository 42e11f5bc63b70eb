"""``live.*``: what a device of Ableton Live tells, what it is given, and its schema."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Annotated, Any, Final

from conduit.agents.ears.blocks import Hearing, HearSound, SoundHeard
from conduit.agents.live.context import LiveContext, context_of, merged
from conduit.agents.live.note import noted, written
from conduit.agents.live.typed import MidiBlock, ParameterBlock
from conduit.blocks import (
    Block,
    Effects,
    Gate,
    Length,
    NoOp,
    Range,
    block,
    current_call,
    dumps,
    loads,
)
from conduit.blocks.schema import json_schema
from conduit.contracts.call import Principal
from conduit.contracts.chat import Message
from conduit.contracts.errors import Conflict, InvalidInput, NotFound, TooLarge
from conduit.contracts.json import Json
from conduit.store.live_contexts import LiveContexts, StoredContext

LARGEST_CONTEXT: Final = 1024 * 1024
"""Bytes of a context as JSON."""
FRESH_S: Final = 6 * 3600.0
"""Seconds for which a set counts that nobody told of again: its device may be gone."""

_TRIES: Final = 20
"""To write to a set that its device changes meanwhile."""
MOST_TEXTS: Final = 16
"""Sets that are kept as a model is shown them."""

Session = Annotated[str, Length(1, 200), "the conversation that the set belongs to"]


@dataclass(frozen=True, slots=True)
class ContextRequest:
    """A whole context, or differences to the version of it that is there (a JSON merge patch, RFC
    7396); with neither, only which one is asked for."""

    session: Session = "default"
    context: Annotated[Json, "a whole one: an object like LiveContext"] = None
    changes: Annotated[Json, "differences, an object; {} says that nothing changed"] = None
    version: Annotated[int, Range(0, 2**53), "what the differences are to"] = 0


@dataclass(frozen=True, slots=True)
class ContextReply:
    """``version`` is what the next differences are to; 0 where there is no context."""

    session: str
    version: int
    context: LiveContext | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HearForLive(HearSound):
    """A sound for a set: a stored file (``file_id``), or one of an allowed folder."""


@dataclass(frozen=True, slots=True)
class HeardForLive:
    """What was heard. ``version`` is that of the set it was noted in; 0 where nobody told of any:
    the conversation knows of it all the same."""

    session: str
    version: int
    sound: SoundHeard


@dataclass(frozen=True, slots=True)
class ContextSession:
    """Which conversation."""

    session: Session = "default"


@dataclass(frozen=True, slots=True)
class LiveSchema:
    """JSON Schemas of what travels."""

    context: Json
    midi: Json
    parameters: Json


class LiveSets:
    """The sets that devices told of."""

    def __init__(self, stored: LiveContexts, now: Callable[[], float] = time.time) -> None:
        self._stored = stored
        self._now = now
        self._texts: OrderedDict[str, str] = OrderedDict()
        """What a model is shown, by the context as it is kept: to read one again takes 15 ms."""

    async def noted(
        self, person: Principal, session: str, messages: Sequence[Message]
    ) -> tuple[Message, ...]:
        """Messages with the set of a conversation, where there is one, before the prompt."""
        found = await asyncio.to_thread(self._stored.get, person.org_id, session)
        if found is None or self._now() - found.updated_ms / 1000 > FRESH_S:
            return tuple(messages)
        return noted(self._text_of(found.body), messages)

    def _text_of(self, body: str) -> str:
        return self._texts.get(body) or self._shown(body, context_of(loads(body)))

    def _shown(self, body: str, context: LiveContext) -> str:
        text = self._texts[body] = written(context)
        while len(self._texts) > MOST_TEXTS:
            self._texts.popitem(last=False)
        return text

    def _checked(self, told: Json) -> str:
        """A context as it is kept: read, and without what is not known."""
        context = context_of(_object(told, "context"))
        body = dumps(context).decode()
        if len(body.encode()) > LARGEST_CONTEXT:
            raise TooLarge(
                f"the context is larger than {LARGEST_CONTEXT >> 20} MiB",
                where="context",
                hint="tell of fewer notes and parameters: those of what is selected are enough",
            )
        self._shown(body, context)
        return body

    def blocks(self, gate: Gate) -> tuple[Block[Any, Any], ...]:
        """``live.context``, ``live.seen``, ``live.hear``, ``live.forget`` and ``live.schema``."""

        @block(
            "live.context",
            summary="Tell what a set of Ableton Live looks like, or what changed in it",
            by_hand=True,
            effects=Effects.WRITES_STATE,
        )
        def context(request: ContextRequest) -> ContextReply:
            org = current_call().principal.org_id
            if (request.context is None) == (request.changes is None):
                raise InvalidInput(
                    "either a whole context or differences are needed, and not both",
                    where="context",
                    hint='send {"context": {…}} first, then {"changes": {…}, "version": N}',
                )
            if request.changes is None:
                whole = self._with_heard(request.session, _object(request.context, "context"))
                kept = self._stored.put(org, request.session, self._checked(whole))
            else:
                changes = _object(request.changes, "changes")

                def changed(body: str) -> str:
                    return self._checked(merged(loads(body), changes))

                kept = self._stored.change(org, request.session, request.version, changed)
            return ContextReply(request.session, kept.version)

        @block(
            "live.hear",
            summary="Listen to a sound, and keep what it is like with a set of Live",
            effects=Effects.READS | Effects.WRITES_STATE,
        )
        async def hear(request: HearForLive) -> HeardForLive:
            heard: Hearing = await gate.acall("ears.hear", HearSound(**_fields_of(request)))
            org, session = current_call().principal.org_id, request.session
            version = await asyncio.to_thread(self._heard, org, session, heard.sound.said)
            return HeardForLive(request.session, version, heard.sound)

        @block("live.seen", summary="Show what is known of a set of Live", effects=Effects.READS)
        def seen(request: ContextSession) -> ContextReply:
            found = self._found(request.session)
            return ContextReply(request.session, found.version, context_of(loads(found.body)))

        @block(
            "live.forget",
            summary="Forget what a set of Live looks like",
            by_hand=True,
            effects=Effects.WRITES_STATE,
        )
        def forget(request: ContextSession) -> ContextReply:
            org = current_call().principal.org_id
            if not self._stored.remove(org, request.session):
                raise _unknown(request.session)
            return ContextReply(request.session, 0)

        @block("live.schema", summary="The JSON Schemas of what travels to and from Live")
        def schema(_: NoOp) -> LiveSchema:
            return LiveSchema(
                json_schema(LiveContext), json_schema(MidiBlock), json_schema(ParameterBlock)
            )

        return context, hear, seen, forget, schema

    def _with_heard(self, session: str, told: dict[str, Json]) -> dict[str, Json]:
        """A whole context with what was heard before: devices do not know of it."""
        before = self._stored.get(current_call().principal.org_id, session)
        heard = context_of(loads(before.body)).heard if before is not None else ""
        return {"heard": heard, **told} if heard else told

    def _heard(self, org: str, session: str, said: str) -> int:
        """Note what was heard in a set, where there is one; its version, or 0. A device that tells
        of something at the same moment goes first."""

        def changed(body: str) -> str:
            return self._checked(merged(loads(body), {"heard": said}))

        for _ in range(_TRIES):
            if (found := self._stored.get(org, session)) is None:
                return 0
            with suppress(Conflict):
                return self._stored.change(org, session, found.version, changed).version
        raise Conflict(
            "the set changes faster than it can be written to",
            where=session[:80],
            hint="the sound is kept with the conversation; tell of the set less often",
        )

    def _found(self, session: str) -> StoredContext:
        found = self._stored.get(current_call().principal.org_id, session)
        if found is None:
            raise _unknown(session)
        return found


def _fields_of(request: HearForLive) -> dict[str, Any]:
    return {each.name: getattr(request, each.name) for each in fields(request)}


def _object(told: Json, where: str) -> dict[str, Json]:
    if not isinstance(told, dict):
        raise InvalidInput("expected an object", where=where, hint="GET /live/schema describes it")
    return told


def _unknown(session: str) -> NotFound:
    return NotFound(
        f"nobody told of a set of Live in the conversation {session[:80]!r}",
        hint="put the device into the set, or send PUT /live/context",
    )
