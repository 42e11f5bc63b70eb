"""Asking a group several times, and somebody stronger when the answers differ.

Each sample is a request of its own to its provider: it takes its turn at the limits, teaches the
circuit, and has its own usage record. Together they are one request of the client: one deadline,
one quota, one answer, and the tokens of all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Final

from conduit.contracts.chat import Usage
from conduit.contracts.errors import AllProvidersFailed, ConduitError, ProviderError
from conduit.contracts.usage import Agreement
from conduit.models.asked import Asked
from conduit.models.consistency.answers import normalised
from conduit.models.consistency.ballot import Ballot
from conduit.models.consistency.polling import poll
from conduit.models.failover import Opened, Piece, Plan, Whole, answer, open_stream
from conduit.models.gateway.account import Account, characters, together
from conduit.models.gateway.sampling import Sampling, sample_of

_LONGEST: Final = 1 << 20
"""Characters of an answer that is compared; a longer one is not kept in memory beside others."""
_ALL_TOGETHER_S: Final = 600.0
"""Where the deadline leaves it to the transport."""


@dataclass(slots=True)
class _Samples:
    """What was heard so far. ``said`` is the first to give each answer."""

    ballot: Ballot
    ends: float
    said: dict[str, Whole] = field(default_factory=dict)

    @property
    def agreement(self) -> Agreement:
        ballot = self.ballot
        found = ballot.verdict
        dissent = max(0, len(found.groups) - 1)
        return Agreement(ballot.answers + ballot.failed, found.agreement, dissent)

    @property
    def best(self) -> Whole | None:
        return self.said.get(self.ballot.verdict.winner)


async def ask_consistently(sampling: Sampling, plan: Plan, asked: Asked, account: Account) -> Whole:
    """The answer that enough samples give, or that of somebody stronger, or, if nobody such can
    be had, the most frequent one. The account is closed. Raises as ``failover.answer`` does."""
    samples = await _sample(sampling, plan, asked, account)
    if samples.ballot.agreed:
        return _elected(samples, account)
    try:
        whole = await answer(_stronger(sampling, plan, samples, account), asked, account.notes)
    except ProviderError as error:
        return _instead(error, samples, account)
    response = whole.response
    account.answered(
        whole.candidate,
        response.usage,
        response.model,
        response.finish_reason,
        characters(response),
    )
    total = together(account.samples, account.taken)
    return Whole(replace(response, usage=total), whole.candidate)


async def open_consistently(
    sampling: Sampling, plan: Plan, asked: Asked, account: Account
) -> Whole | Opened:
    """The same, but what somebody stronger says as a stream, which is for the caller to account
    for (``totalled`` adds the samples to it)."""
    samples = await _sample(sampling, plan, asked, account)
    if samples.ballot.agreed:
        return _elected(samples, account)
    try:
        return await open_stream(_stronger(sampling, plan, samples, account), asked, account.notes)
    except ProviderError as error:
        return _instead(error, samples, account)


async def totalled(pieces: AsyncGenerator[Piece, None], account: Account) -> AsyncGenerator[Piece]:
    """A translated stream whose usage is that of the samples too."""
    seen = Usage(estimated=True)
    async with aclosing(pieces):
        async for piece in pieces:
            assert isinstance(piece, tuple)  # nothing of it is passed on
            chunks = []
            for chunk in piece:
                seen = chunk.usage or seen
                if chunk.usage is not None or chunk.finish_reason:
                    chunk = replace(chunk, usage=together(account.samples, seen))
                chunks.append(chunk)
            yield tuple(chunks)


async def _sample(sampling: Sampling, plan: Plan, asked: Asked, account: Account) -> _Samples:
    rule = sampling.rule
    clock = asyncio.get_running_loop().time
    samples = _Samples(
        Ballot(rule.samples, agree=rule.agree), clock() + (plan.deadline_s or _ALL_TOGETHER_S)
    )
    ballot, once = samples.ballot, sample_of(asked, rule)
    only = replace(plan, candidates=(sampling.first,), hedge_after_s=None, relay=False)
    late_counts = plan.late_counts

    async def ask() -> None:
        nonlocal late_counts
        left = samples.ends - clock()
        if left <= 0:
            ballot.fail()
            return
        one = account.sample(once)
        mine = replace(only, deadline_s=left, late_counts=late_counts)
        late_counts = False  # one request is late once, however often it is asked
        try:
            whole = await answer(mine, once, one.notes)
        except ProviderError as error:
            failures = error.failures if isinstance(error, AllProvidersFailed) else (error,)
            account.failures += failures
            ballot.fail()
            one.agreement = samples.agreement
            one.failed(failures[-1] if failures else error)
            return
        except ConduitError as error:  # nobody can be asked this
            one.failed(error)
            raise
        except BaseException:  # it was decided without this one, or the client left
            one.left(None, [])
            raise
        _hear(samples, whole)
        one.agreement = samples.agreement
        response = whole.response
        one.answered(
            whole.candidate,
            response.usage,
            response.model,
            response.finish_reason,
            characters(response),
        )

    await poll(ballot, ask)
    account.agreement = samples.agreement
    return samples


def _hear(samples: _Samples, whole: Whole) -> None:
    text = whole.response.text
    said = normalised(text) if len(text) <= _LONGEST else ""
    if said:
        samples.ballot.add(said)
        samples.said.setdefault(said, whole)
    else:
        samples.ballot.fail()


def _stronger(sampling: Sampling, plan: Plan, samples: _Samples, account: Account) -> Plan:
    """Whom to ask now, with what is left of the time. Raises ``AllProvidersFailed``."""
    left = samples.ends - asyncio.get_running_loop().time()
    candidates = sampling.stronger if samples.said else (*sampling.stronger, *sampling.others)
    if left <= 0 or not candidates:
        raise AllProvidersFailed(account.failures)
    account.agreement = replace(samples.agreement, escalated=True)
    in_time = left >= (plan.deadline_s or _ALL_TOGETHER_S) / 2  # or its lateness is not its fault
    return replace(
        plan,
        candidates=candidates,
        deadline_s=left,
        late_counts=plan.late_counts and in_time,
        relay=False,
    )


def _elected(samples: _Samples, account: Account) -> Whole:
    """The most frequent answer, in the words of the first that gave it, with the usage of all."""
    best = samples.best
    assert best is not None  # one at least has agreed
    account.sampled()
    return Whole(replace(best.response, usage=account.samples), best.candidate)


def _instead(error: ProviderError, samples: _Samples, account: Account) -> Whole:
    """Nobody stronger has answered: what there is, and how little it agrees, is better than
    nothing. Raises the error where there is nothing."""
    if samples.best is None:
        if account.failures:
            failed = error.failures if isinstance(error, AllProvidersFailed) else (error,)
            raise AllProvidersFailed(tuple(dict.fromkeys((*account.failures, *failed)))) from None
        raise error
    if account.agreement is not None and account.agreement.escalated:
        account.failed(error)
    account.agreement, account.doubtful = samples.agreement, True
    return _elected(samples, account)
