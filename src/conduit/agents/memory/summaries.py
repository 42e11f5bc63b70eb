"""Keeping the summaries of conversations up to date, beside the turns and never in their way.

The older messages of a conversation are summarised in batches: the summary so far and some new
turns make a new summary, by whichever model answers the conversation. Where none does, or it fails
for so long that messages would drop out of view, the summary is extracted (``extract``). Nothing is
shown to anybody before it is stored, with the message that it reaches to.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from conduit.agents.memory.extract import extracted
from conduit.agents.memory.minutes import request_of, size_told, taken
from conduit.agents.memory.turns import AFTER, LARGEST, VIEW, Turn, older, turns_of
from conduit.blocks import Gate
from conduit.contracts.call import Principal
from conduit.contracts.errors import (
    ConduitError,
    NotFound,
    ProviderBadReply,
    ProviderError,
    TimedOut,
)
from conduit.models.blocks import ChatCall
from conduit.store.conversation_notes import ConversationNotes, StoredSummary

log = logging.getLogger("conduit.agents.memory")

_READ: Final = 2 * VIEW
"""Messages that are read at once."""
_BATCH: Final = 24_000
"""Characters of turns that a model is told at once."""
_BY_MODEL: Final = 4
"""Batches that a model is asked for at once; the rest waits for the next turn."""
_EXTRACTS: Final = 200
_AT_ONCE: Final = 4
_MOST: Final = 200
"""Conversations that may wait; a further one is done after its next turn."""
_PATIENCE_S: Final = 120.0
_FIRST_PAUSE_S: Final = 60.0
_LONGEST_PAUSE_S: Final = 3600.0
_REMEMBERED: Final = 1000


@dataclass(frozen=True, slots=True)
class Asking:
    """On whose behalf a conversation is summarised, and who is asked: nobody who is not asked for
    its answers. Empty names leave it to the chain."""

    person: Principal
    session: str
    provider: str = ""
    model: str = ""

    @property
    def place(self) -> tuple[str, str]:
        return self.person.org_id, self.session


@dataclass(frozen=True, slots=True)
class _Batch:
    """Turns that are to be summarised next. ``upto`` is the id of their last message, ``count`` how
    many messages they have; ``pressing``: without a summary some would not be in view."""

    turns: tuple[Turn, ...]
    upto: str
    count: int
    pressing: bool


class Summaries:
    """Makes summaries. For one event loop."""

    def __init__(
        self,
        notes: ConversationNotes,
        gate: Gate,
        is_model: Callable[[str], bool],
        clock: Callable[[], float],
        *,
        grace_s: float = 2.0,
    ) -> None:
        """``is_model`` says whether a provider is a language model; ``clock`` is Unix time in
        seconds; for ``grace_s`` a process that ends waits for what is being summarised."""
        self._notes = notes
        self._gate = gate
        self._is_model = is_model
        self._clock = clock
        self._grace_s = grace_s
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._working: dict[tuple[str, str], tuple[Asking, asyncio.Task[None]]] = {}
        self._failed: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def look_after(self, asking: Asking, messages: int, size: int) -> None:
        """Summarise a conversation that has so many messages without a summary, of ``size``
        characters together, if that is needed: soon, and beside everything else."""
        if messages <= AFTER and size <= LARGEST:
            return
        if asking.place in self._working or len(self._working) >= _MOST:
            return
        task = asyncio.ensure_future(self._beside(asking))
        self._working[asking.place] = asking, task
        task.add_done_callback(lambda _: self._working.pop(asking.place, None))

    async def bring_up(self, asking: Asking, *, again: bool = False) -> StoredSummary | None:
        """Summarise now what is to be, and return the summary; None where there is none. Where a
        model failed lately, it is not asked, unless ``again``.

        Raises ``StoreError``, and what asking a model raises.
        """
        if again:
            self._failed.pop(asking.place, None)
        summary = await asyncio.to_thread(self._notes.summary, *asking.place)
        by_model, done = True, 0
        while done < (_BY_MODEL if by_model else _EXTRACTS):
            batch = await asyncio.to_thread(self._next, asking, summary)
            made = await self._made(asking, summary, batch, by_model) if batch else None
            if batch is None or made is None:
                break
            by_model, done = bool(made.made_by), done + 1
            put = self._notes.put_summary
            if not await asyncio.to_thread(put, *asking.place, summary, made):
                # Another process was faster, or the conversation is gone.
                return await asyncio.to_thread(self._notes.summary, *asking.place)
            summary = made
        return summary

    async def settled(self, timeout_s: float | None = None) -> None:
        """Wait for what is being summarised."""
        if tasks := [task for _, task in self._working.values()]:
            await asyncio.wait(tasks, timeout=timeout_s)

    async def close(self) -> None:
        """Wait a moment for what is being summarised, and leave the rest for another time: but for
        what would drop out of view, which is extracted."""
        left = list(self._working.values())
        await self.settled(self._grace_s)
        until = self._clock() + self._grace_s
        late = [(asking, task) for asking, task in left if not task.done()]
        for _, task in late:
            task.cancel()
        await asyncio.gather(*(task for _, task in late), return_exceptions=True)
        for asking, _ in late:
            if self._clock() > until:
                break
            try:
                await asyncio.to_thread(self._extract, asking)
            except ConduitError as error:
                log.warning("a conversation was not summarised: %s", error.message)

    async def _beside(self, asking: Asking) -> None:
        """What goes wrong here is nobody's error: it is logged, and tried again later."""
        async with self._room:
            try:
                await self.bring_up(asking)
            except ConduitError as error:
                log.warning(
                    "the conversation %r was not summarised, which is tried again later: %s",
                    asking.session,
                    error.message,
                )
            except Exception:
                log.exception("the conversation %r was not summarised", asking.session)

    async def _made(
        self, asking: Asking, summary: StoredSummary | None, batch: _Batch, by_model: bool
    ) -> StoredSummary | None:
        """A new summary; None where it is better left for later."""
        before = summary.text if summary is not None else ""
        if by_model and not self._pausing(asking):
            try:
                text, made_by = await self._asked(asking, before, batch)
            except ConduitError as error:
                self._pause(asking)
                if not batch.pressing:
                    raise
                log.warning("%r is summarised without a model: %s", asking.session, error.message)
            else:
                self._failed.pop(asking.place, None)
                if text:
                    return self._summary(summary, batch, text, made_by)
        elif by_model and not batch.pressing:
            return None
        text = await asyncio.to_thread(extracted, before, batch.turns)
        return self._summary(summary, batch, text, "")

    async def _asked(self, asking: Asking, before: str, batch: _Batch) -> tuple[str, str]:
        """What a model says; empty where none is there. Raises what asking it raises."""
        call = ChatCall(request_of(before, batch.turns, asking.model), only=asking.provider)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                said = await self._gate.acall("models.complete", call, asking.person)
        except TimeoutError:
            raise TimedOut("no summary came in time", where=asking.session) from None
        if not self._is_model(said.provider):
            if said.failures:  # there is a model, which may answer another time
                failed = said.failures[-1]
                raise ProviderError(failed.message, provider=failed.provider)
            return "", ""
        text = taken(said.text)
        if not text:
            raise ProviderBadReply("it wrote no summary", provider=said.provider)
        return text, f"{said.provider}/{said.model}"

    def _next(self, asking: Asking, summary: StoredSummary | None) -> _Batch | None:
        """The oldest turns that are to be summarised, as many as make a batch."""
        found = self._notes.unsummarised(*asking.place, summary, _READ)
        turns = turns_of(found)
        if len(found) < _READ:
            due = older(turns, lambda tool: self._makes(asking.person.org_id, tool))
            turns, pressing = turns[:due], len(found) > VIEW
        else:
            turns, pressing = turns[: max(1, len(turns) - 1)], True
        taken_in: list[Turn] = []
        size = messages = 0
        for turn in turns:
            size, messages = size + size_told(turn), messages + len(turn.messages)
            if taken_in and (size > _BATCH or messages > VIEW):
                break
            taken_in.append(turn)
        if not taken_in:
            return None
        end, count = self._notes.end_of(*asking.place, taken_in[-1].id)
        if end is None:  # the conversation was deleted just now
            return None
        whole = sum(len(each.messages) for each in taken_in[:-1]) + count
        if end.id != taken_in[-1].messages[-1].id:  # a turn that is longer than what is read
            taken_in[-1] = Turn((*taken_in[-1].messages[:VIEW], end))
        return _Batch(tuple(taken_in), end.id, whole, pressing)

    def _summary(
        self, before: StoredSummary | None, batch: _Batch, text: str, made_by: str
    ) -> StoredSummary:
        return StoredSummary(
            text,
            made_by,
            batch.upto,
            batch.turns[-1].id,
            (before.messages if before is not None else 0) + batch.count,
            datetime.fromtimestamp(self._clock(), UTC),
        )

    def _extract(self, asking: Asking) -> None:
        """What would drop out of view, without asking anybody."""
        summary = self._notes.summary(*asking.place)
        for _ in range(_EXTRACTS):
            batch = self._next(asking, summary)
            if batch is None or not batch.pressing:
                return
            text = extracted(summary.text if summary is not None else "", batch.turns)
            made = self._summary(summary, batch, text, "")
            if not self._notes.put_summary(*asking.place, summary, made):
                return
            summary = made

    def _makes(self, org_id: str, tool: str) -> bool:
        catalog = self._gate.catalog.of(org_id)
        try:
            return not catalog.get(catalog.block_of_tool(tool)).effects.repeatable
        except NotFound:  # it is there no more, or never was
            return False

    def _pausing(self, asking: Asking) -> bool:
        until, _ = self._failed.get(asking.place, (0.0, 0.0))
        return self._clock() < until

    def _pause(self, asking: Asking) -> None:
        """Ask again after a while, which is longer each time."""
        _, before = self._failed.pop(asking.place, (0.0, 0.0))
        pause = min(_LONGEST_PAUSE_S, 2 * before) if before else _FIRST_PAUSE_S
        self._failed[asking.place] = self._clock() + pause, pause
        if len(self._failed) > _REMEMBERED:
            self._failed.popitem(last=False)
