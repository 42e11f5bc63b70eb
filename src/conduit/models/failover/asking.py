"""The candidates of a plan in turn, until one answers."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from conduit.contracts.chat import EmbeddingRequest
from conduit.contracts.errors import (
    AllProvidersFailed,
    NotFound,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
)
from conduit.models.asked import Asked
from conduit.models.failover.attempt import Embedded, Whole, ask, embed_once, open_live
from conduit.models.failover.live import Live
from conduit.models.failover.opened import Opened
from conduit.models.failover.plan import Candidate, Notes, Plan
from conduit.models.http_provider import HttpProvider
from conduit.models.routing.hedge import race
from conduit.models.routing.retry import next_wait, worth_retrying
from conduit.models.routing.window import is_overflow

T = TypeVar("T")


async def answer(plan: Plan, asked: Asked, notes: Notes) -> Whole:
    """A whole answer of the first candidate that gives one.

    Raises ``AllProvidersFailed``, or, of a strict plan, that provider's own error, and
    ``InvalidInput`` for what cannot be sent.
    """

    if plan.simple:  # the usual case, without the machinery
        try:
            return await ask(plan.candidates[0], asked, relay=plan.relay)
        except ProviderError as error:
            notes.failures.append(error)
            raise

    async def attempt(candidate: Candidate) -> Whole:
        return await ask(candidate, asked, relay=plan.relay)

    return await _first(plan, attempt, notes)


async def open_stream(plan: Plan, asked: Asked, notes: Notes) -> Opened:
    """A stream of the first candidate whose first token or tool call is there. Raises as
    ``answer`` does. It must be read to its end, or closed."""
    return Opened(plan, asked, notes, await _open_first(plan, asked, notes), _open_first)


async def _open_first(plan: Plan, asked: Asked, notes: Notes) -> Live:
    relay = plan.relay and not plan.continue_streams

    async def attempt(candidate: Candidate) -> Live:
        return await open_live(candidate, asked, relay=relay)

    return await _first(plan, attempt, notes, abandon=Live.aclose)


async def embed(plan: Plan, asked: Asked, request: EmbeddingRequest, notes: Notes) -> Embedded:
    """Vectors of the first candidate that gives them; ``asked`` is what the limits count by. Raises
    as ``answer`` does, and ``NotFound`` where none of the candidates has embeddings."""
    able = tuple(
        each
        for each in plan.candidates
        if isinstance(each.entry.provider, HttpProvider) and each.entry.provider.embeds
    )
    if not able:
        names = ", ".join(each.entry.name for each in plan.candidates[:5]) or "nobody"
        raise NotFound(
            f"{names} has no embeddings",
            where="model",
            hint="ask a model of another provider, or offline/lexical",
        )

    async def attempt(candidate: Candidate) -> Embedded:
        return await embed_once(candidate, asked, request)

    return await _first(replace(plan, candidates=able), attempt, notes)


async def _first(
    plan: Plan,
    attempt: Callable[[Candidate], Awaitable[T]],
    notes: Notes,
    abandon: Callable[[T], Awaitable[None]] | None = None,
) -> T:
    """Try the candidates in their order, within the deadline."""
    if plan.deadline_s is None:
        return await _in_turn(plan, attempt, notes, None, abandon)
    ends = asyncio.get_running_loop().time() + plan.deadline_s
    try:
        async with asyncio.timeout_at(ends):
            return await _in_turn(plan, attempt, notes, ends, abandon)
    except TimeoutError:
        late = too_late(notes, plan.deadline_s)
        if plan.late_counts:
            blame(notes, late, ends - plan.deadline_s / 2)
        raise AllProvidersFailed((*notes.failures, late)) from None


def too_late(notes: Notes, deadline_s: float) -> ProviderTimeout:
    """What is said where nobody had answered by the deadline."""
    return ProviderTimeout(
        f"nobody had answered within {deadline_s:g} s, all tries together",
        provider=notes.failures[-1].provider if notes.failures else "chain",
        hint="raise deadline_s of the group, or ask for less",
    )


def blame(notes: Notes, late: ProviderTimeout, since: float) -> bool:
    """Count the deadline against the candidate that has been silent ``since`` then. Whether there
    is one."""
    if notes.waiting_for is None:
        return False
    candidate, begun = notes.waiting_for
    if begun <= since:
        candidate.entry.outlasted(candidate.entry.served(candidate.asked_model), late)
    return begun <= since


async def _in_turn(
    plan: Plan,
    attempt: Callable[[Candidate], Awaitable[T]],
    notes: Notes,
    ends: float | None,
    abandon: Callable[[T], Awaitable[None]] | None,
) -> T:
    """Each candidate in turn, each as often as the plan says; with hedging the next one's turn may
    come before the first has failed."""

    async def tried(candidate: Candidate) -> T:
        return await _with_retries(plan, attempt, candidate, notes, ends)

    too_short = -1
    waiting = plan.candidates
    if plan.hedge_after_s is not None:
        starts = [partial(tried, each) for each in waiting if not each.entry.closed]
        if len(starts) > 1:
            try:
                won = await race(starts, plan.hedge_after_s, close=abandon)
            except ProviderError:
                raise AllProvidersFailed(tuple(notes.failures)) from None
            notes.hedged = won.started > 1 + len(won.failures)
            return won.value
    for candidate in waiting:
        context = candidate.facts.context
        if candidate.entry.closed or (context is not None and context <= too_short):
            continue
        try:
            return await tried(candidate)
        except ProviderError as error:
            if isinstance(error, ProviderRefused) and is_overflow(error):
                too_short = max(too_short, context or 0)
    if plan.strict and notes.failures:
        raise notes.failures[-1]
    raise AllProvidersFailed(tuple(notes.failures))


async def _with_retries(
    plan: Plan,
    attempt: Callable[[Candidate], Awaitable[T]],
    candidate: Candidate,
    notes: Notes,
    ends: float | None,
) -> T:
    """One candidate, again after a failure that may pass."""
    failed = 0
    while True:
        notes.waiting_for = candidate, asyncio.get_running_loop().time()
        try:
            return await attempt(candidate)
        except ProviderError as error:
            notes.waiting_for = None
            notes.failures.append(error)
            failed += 1
            if failed > plan.retry.attempts or not worth_retrying(error):
                raise
            left = math.inf if ends is None else ends - asyncio.get_running_loop().time()
            wait = next_wait(plan.retry, failed, error.retry_after_s, left, plan.rng)
            if wait is None:
                raise
        notes.retries += 1
        await asyncio.sleep(wait)
