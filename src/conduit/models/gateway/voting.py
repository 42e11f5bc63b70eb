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
from conduit.models.failover import Notes, Opened, Piece, Plan, Whole, answer, open_stream
from conduit.models.failover.asking import blame, too_late
from conduit.models.gateway.account import Account, Samples, characters, together
from conduit.models.gateway.sampling import Sampling, sample_of

_LONGEST: Final = 1 << 20
"""Characters of an answer that is compared; a longer one is not kept in memory beside others."""
_ALL_TOGETHER_S: Final = 600.0
"""Where the deadline leaves it to the transport."""


@dataclass(slots=True)
class _Heard:
    """What was said so far, and by when all must be said. ``said`` is the first to give each
    answer."""

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

    def hear(self, whole: Whole) -> None:
        text = whole.response.text
        said = normalised(text) if len(text) <= _LONGEST else ""
        if said:
            self.ballot.add(said)
            self.said.setdefault(said, whole)
        else:
            self.ballot.fail()


async def ask_consistently(sampling: Sampling, plan: Plan, asked: Asked, account: Account) -> Whole:
    """The answer that enough samples give, or that of somebody stronger, or, if nobody such can
    be had, the most frequent one. The account is closed. Raises as ``failover.answer`` does."""
    samples = Samples()
    heard = await _sample(sampling, plan, asked, account, samples)
    if heard.ballot.agreed:
        return _elected(heard, account, samples)
    try:
        whole = await answer(_stronger(sampling, plan, heard, samples), asked, account.notes)
    except ProviderError as error:
        return _instead(error, heard, account, samples)
    _answered(account, whole)
    own = whole.response.usage or Usage(estimated=True)
    return Whole(replace(whole.response, usage=together(samples.usage, own)), whole.candidate)


async def open_consistently(
    sampling: Sampling, plan: Plan, asked: Asked, account: Account
) -> Whole | Opened:
    """The same, but what somebody stronger says as a stream, which is for the caller to account
    for (``totalled`` adds the samples to it)."""
    samples = Samples()
    heard = await _sample(sampling, plan, asked, account, samples)
    if heard.ballot.agreed:
        return _elected(heard, account, samples)
    try:
        return await open_stream(_stronger(sampling, plan, heard, samples), asked, account.notes)
    except ProviderError as error:
        return _instead(error, heard, account, samples)


async def totalled(
    pieces: AsyncGenerator[Piece, None], samples: Samples
) -> AsyncGenerator[Piece, None]:
    """A translated stream whose usage is that of the samples too."""
    own = Usage(estimated=True)
    async with aclosing(pieces):
        async for piece in pieces:
            assert isinstance(piece, tuple)  # nothing of it is passed on
            chunks = []
            for chunk in piece:
                own = chunk.usage or own
                if chunk.usage is not None or chunk.finish_reason:
                    chunk = replace(chunk, usage=together(samples.usage, own))
                chunks.append(chunk)
            yield tuple(chunks)


async def _sample(
    sampling: Sampling, plan: Plan, asked: Asked, account: Account, samples: Samples
) -> _Heard:
    rule = sampling.rule
    clock = asyncio.get_running_loop().time
    ballot, once = Ballot(rule.samples, agree=rule.agree), sample_of(asked, rule)
    heard = _Heard(ballot, clock() + _all_together_s(plan))
    only = replace(plan, candidates=(sampling.first,), hedge_after_s=None, relay=False)
    blamed = not plan.late_counts

    def late(notes: Notes) -> None:
        """One request is late once, however often it is asked, and whichever is told of it."""
        nonlocal blamed
        if not blamed and clock() >= heard.ends:
            whole_s = _all_together_s(plan)
            blamed = blame(notes, too_late(notes, whole_s), heard.ends - whole_s / 2)

    def note() -> None:
        samples.agreement, samples.decided = heard.agreement, not ballot.wanted

    async def ask() -> None:
        left = heard.ends - clock()
        if left <= 0:
            ballot.fail()
            note()
            return
        one = account.sample(once, samples)
        mine = replace(only, deadline_s=left, late_counts=False)
        try:
            whole = await answer(mine, once, one.notes)
        except ProviderError as error:
            failures = _each(error)
            samples.failures += failures
            ballot.fail()
            note()
            late(one.notes)
            one.failed(failures[-1] if failures else error)
            return
        except ConduitError as error:  # nobody can be asked this
            one.failed(error)
            raise
        except BaseException:  # it was decided without this one, or the client left
            late(one.notes)
            one.left(None, [])
            raise
        heard.hear(whole)
        note()
        _answered(one, whole)

    await poll(ballot, ask)
    return heard


def _stronger(sampling: Sampling, plan: Plan, heard: _Heard, samples: Samples) -> Plan:
    """Whom to ask now, with what is left of the time. Raises ``AllProvidersFailed``."""
    left = heard.ends - asyncio.get_running_loop().time()
    candidates = sampling.stronger if heard.said else (*sampling.stronger, *sampling.others)
    if left <= 0 or not candidates:
        raise AllProvidersFailed(())
    samples.agreement = replace(heard.agreement, escalated=True)
    in_time = left >= _all_together_s(plan) / 2  # or its lateness is not its fault
    return replace(
        plan,
        candidates=candidates,
        deadline_s=left,
        late_counts=plan.late_counts and in_time,
        relay=False,
    )


def _instead(error: ProviderError, heard: _Heard, account: Account, samples: Samples) -> Whole:
    """Nobody stronger has answered: what there is, and how little it agrees, is better than
    nothing. Raises the error where there is nothing."""
    if heard.best is None:
        raise AllProvidersFailed((*samples.failures, *_each(error))) from None
    if samples.agreement.escalated:
        account.failed(error)
    samples.agreement, samples.doubtful = heard.agreement, True
    return _elected(heard, account, samples)


def _elected(heard: _Heard, account: Account, samples: Samples) -> Whole:
    """The most frequent answer, in the words of the first that gave it, with the usage of all."""
    best = heard.best
    assert best is not None  # one at least has agreed
    account.sampled()
    return Whole(replace(best.response, usage=samples.usage), best.candidate)


def _answered(account: Account, whole: Whole) -> None:
    response = whole.response
    account.answered(
        whole.candidate,
        response.usage,
        response.model,
        response.finish_reason,
        characters(response),
    )


def _each(error: ProviderError) -> tuple[ProviderError, ...]:
    return error.failures if isinstance(error, AllProvidersFailed) else (error,)


def _all_together_s(plan: Plan) -> float:
    return plan.deadline_s or _ALL_TOGETHER_S
