"""Who has the majority, how sure that is, and how often is asked for it."""

from __future__ import annotations

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.models.consistency.ballot import MOST_SAMPLES, Ballot
from conduit.models.consistency.polling import poll

ANSWERS = st.lists(st.sampled_from("abc"), min_size=1, max_size=MOST_SAMPLES)
HEARD = st.lists(st.sampled_from(("a", "b", "c", "")), min_size=1, max_size=MOST_SAMPLES)
SHARE = st.sampled_from((0.0, 0.3, 0.5, 0.6, 0.7, 1.0)) | st.floats(0, 1)


def hear(ballot: Ballot, answer: str) -> None:
    if answer:
        ballot.add(answer)
    else:
        ballot.fail()


@given(ANSWERS)
def test_the_majority_and_how_sure_it_is(answers: list[str]) -> None:
    ballot = Ballot(len(answers))
    for each in answers:
        ballot.add(each)
    found = ballot.verdict
    most = max(answers.count(each) for each in answers)
    assert answers.count(found.winner) == most
    assert found.winner == next(each for each in answers if answers.count(each) == most)
    assert found.agreement == pytest.approx(most / len(answers))
    assert found.uncertainty == pytest.approx(1 - found.agreement)
    assert -1e-12 <= found.entropy <= 1
    assert (found.entropy < 1e-12) == (len(set(answers)) == 1)


@given(HEARD, SHARE)
def test_what_is_decided_stays_so(heard: list[str], agree: float) -> None:
    early, whole = Ballot(len(heard), agree=agree), Ballot(len(heard), agree=agree)
    for each in heard:
        if early.wanted:
            hear(early, each)
        hear(whole, each)
    assert whole.wanted == 0
    assert early.agreed == whole.agreed
    if early.agreed:
        assert early.verdict.winner == whole.verdict.winner
    votes = max(heard.count(each) for each in "abc")
    assert whole.agreed == (votes >= max(1, agree * len(heard) - 1e-9))


@given(HEARD, SHARE)
def test_no_more_is_wanted_than_can_decide(heard: list[str], agree: float) -> None:
    """Were everybody asked to say what the first says, all of them would be needed."""
    ballot = Ballot(MOST_SAMPLES, agree=agree)
    for each in heard:
        hear(ballot, each)
    wanted, first = ballot.wanted, ballot.verdict.winner or "a"
    for left in range(wanted, 0, -1):
        assert ballot.wanted == left
        ballot.add(first)
    assert ballot.wanted == 0


def test_who_failed_agrees_with_nobody() -> None:
    ballot = Ballot(3, agree=0.6)
    ballot.add("a")
    ballot.fail()
    assert (ballot.wanted, ballot.verdict.agreement) == (1, 0.5)
    ballot.fail()
    assert (ballot.wanted, ballot.agreed) == (0, False)
    assert ballot.verdict.agreement == pytest.approx(1 / 3)
    assert math.isclose(Ballot(3).verdict.uncertainty, 1)


async def test_a_clear_majority_costs_no_sample_too_many() -> None:
    ballot, running, most = Ballot(16, agree=0.5), 0, 0

    async def ask() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        ballot.add("a")

    await poll(ballot, ask, 4)
    assert (ballot.answers, most) == (9, 4)  # 8 of 16 would be enough, had they no match


async def test_whoever_leaves_leaves_nobody_asking() -> None:
    ballot, asked, left = Ballot(5), asyncio.Semaphore(0), 0

    async def ask() -> None:
        nonlocal left
        asked.release()
        try:
            await asyncio.Event().wait()
        finally:
            left += 1

    polling = asyncio.create_task(poll(ballot, ask))
    for _ in range(3):
        await asked.acquire()
    polling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await polling
    assert left == 3


async def test_a_fault_of_ours_ends_it() -> None:
    ballot = Ballot(5)

    async def ask() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await poll(ballot, ask)
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_answers_that_begin_alike_are_counted_together_where_they_are_told_in_short() -> None:
    ballot = Ballot(6)
    for answer in ("a", "a", 600 * "x" + "1", 600 * "x" + "2", "b"):
        ballot.add(answer)
    assert ballot.verdict.dissent == {500 * "x": 2, "b": 1}
