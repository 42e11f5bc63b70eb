"""The one way to a block: who may, who is told, what becomes of errors, and whose call it is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import count as counter
from typing import Any

import pytest

from conduit.blocks import Catalog, Gate, block, current_call
from conduit.contracts.call import LOCAL_OWNER, Call, Principal
from conduit.contracts.errors import ConduitError, Forbidden, InvalidInput, NotFound, TypeMismatch
from conduit.contracts.outcome import Outcome
from tests.blocks.nouns import Count, Step, Words, count, spell

TWO = Words("on floor")
ANNA = Principal("anna", "org-a", frozenset({"*"}))


@dataclass(frozen=True, slots=True)
class Caller:
    subject: str
    org: str
    correlation_id: str


@block("call.who", summary="Who calls?")
async def who(data: Words) -> Caller:
    call = current_call()
    return Caller(call.principal.subject, call.principal.org_id, call.correlation_id)


@block("call.who_blocking", summary="Who calls, from a thread?")
def who_blocking(data: Words) -> Caller:
    call = current_call()
    return Caller(call.principal.subject, call.principal.org_id, call.correlation_id)


@block("call.fail", summary="Fail")
def fail(data: Words) -> Count:
    raise RuntimeError(f"secret detail: {data.text}")


@block("call.refuse", summary="Refuse")
def refuse(data: Words) -> Count:
    raise NotFound("no such thing")


@dataclass
class Watcher:
    """An interceptor that writes down what it sees, and may refuse or break."""

    name: str
    seen: list[str]
    refuses: bool = False
    breaks: bool = False
    outcomes: list[Outcome] = field(default_factory=list)

    async def before(self, call: Call) -> None:
        if self.refuses:
            raise Forbidden("over the quota", where=self.name)
        self.seen.append(f"{self.name} before")

    async def after(self, call: Call, outcome: Outcome) -> None:
        self.seen.append(f"{self.name} {outcome.status}")
        self.outcomes.append(outcome)
        if self.breaks:
            raise RuntimeError("the meter is broken")


BLOCKS = (count, spell, who, who_blocking, fail, refuse)


def make_gate(*watchers: Watcher, more: tuple[Any, ...] = ()) -> Gate:
    ids = counter(1)
    return Gate(Catalog([*BLOCKS, *more]), new_id=lambda: f"id-{next(ids)}", interceptors=watchers)


@pytest.mark.parametrize(
    ("held", "allowed"),
    [
        (set(), False),
        ({"*"}, True),
        ({"text.count"}, True),
        ({"text.*"}, True),
        ({"text.coun"}, False),
        ({"text"}, False),
        ({"tex*"}, False),
        ({"text.count.*"}, False),
        ({"*.count"}, False),
    ],
)
async def test_permission_is_by_exact_name_family_or_all(held: set[str], allowed: bool) -> None:
    principal = Principal("anna", permissions=frozenset(held))
    gate = make_gate()
    assert gate.may(principal, count) is allowed
    if allowed:
        assert await gate.acall("text.count", TWO, principal) == Count(2)
        return
    with pytest.raises(Forbidden, match=r"anna may not call text\.count") as caught:
        await gate.acall("text.count", TWO, principal)
    assert "'text.count'" in caught.value.hint


async def test_a_permission_of_its_own_name_is_what_counts() -> None:
    @block("text.other", summary="x", permission="text.manage")
    def other(data: Words) -> Count:
        return Count(0)

    gate = make_gate(more=(other,))
    assert gate.may(Principal("a", permissions=frozenset({"text.manage"})), other)
    assert not gate.may(Principal("a", permissions=frozenset({"text.other"})), other)


async def test_plain_data_is_decoded_and_a_dataclass_taken_as_it_is() -> None:
    gate = make_gate()
    assert await gate.acall("text.count", {"text": "a b"}) == Count(2)
    with pytest.raises(InvalidInput, match=r"text\.count: 'txt': unknown field"):
        await gate.acall("text.count", {"txt": "a"})
    with pytest.raises(InvalidInput, match=r"expected an object \(Words\), got Count"):
        await gate.acall("text.count", Count(1))
    with pytest.raises(TypeMismatch, match="input field 'text'"):
        await gate.acall("text.count", Words(5))  # type: ignore[arg-type]


def test_the_blocking_form_works_in_a_script() -> None:
    assert make_gate().call("text.count", TWO) == Count(2)


async def test_the_blocking_form_says_so_inside_a_loop() -> None:
    with pytest.raises(InvalidInput, match="inside a running event loop"):
        make_gate().call("text.count", TWO)


class TestInterceptors:
    async def test_they_run_in_order_and_back(self) -> None:
        seen: list[str] = []
        one, two = Watcher("one", seen), Watcher("two", seen)
        await make_gate(one, two).acall("text.count", TWO)
        assert seen == ["one before", "two before", "two ok", "one ok"]
        assert one.outcomes[0].elapsed_ms > 0

    async def test_one_that_refuses_stops_the_call_and_only_those_before_it_are_told(self) -> None:
        seen: list[str] = []
        stop = Watcher("two", seen, refuses=True)
        gate = make_gate(Watcher("one", seen), stop, Watcher("three", seen))
        with pytest.raises(Forbidden, match="over the quota"):
            await gate.acall("text.count", TWO)
        assert seen == ["one before", "one failed"]

    async def test_a_failure_is_told_with_its_error(self) -> None:
        watcher = Watcher("one", [])
        with pytest.raises(NotFound):
            await make_gate(watcher).acall("call.refuse", TWO)
        error = watcher.outcomes[0].error
        assert error is not None
        assert error.code == "not_found"

    async def test_a_cancelled_call_is_told_as_cancelled(self) -> None:
        begun = asyncio.Event()

        @block("call.sleep", summary="Sleep")
        async def sleep(data: Words) -> Count:
            begun.set()
            await asyncio.sleep(60)
            return Count(0)

        watcher = Watcher("one", [])
        task = asyncio.create_task(make_gate(watcher, more=(sleep,)).acall("call.sleep", TWO))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [outcome.status for outcome in watcher.outcomes] == ["cancelled"]

    async def test_one_that_breaks_afterwards_is_logged_and_changes_nothing(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        seen: list[str] = []
        gate = make_gate(Watcher("one", seen), Watcher("two", seen, breaks=True))
        assert await gate.acall("text.count", TWO) == Count(2)
        assert seen[-1] == "one ok"
        assert "the meter is broken" in caplog.text


async def test_a_foreign_exception_is_told_without_details_and_logged_with_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(ConduitError) as caught:
        await make_gate().acall("call.fail", TWO, correlation_id="abc")
    told = str(caught.value)
    assert caught.value.code == "internal"
    assert "secret detail" not in told
    assert "RuntimeError" in told
    assert "abc" in told
    assert "secret detail: on floor" in caplog.text


class TestWhoseCall:
    async def test_a_direct_call_is_the_owners(self) -> None:
        assert (await who.acall(TWO)).subject == LOCAL_OWNER.subject

    async def test_a_call_has_the_id_it_was_given_or_a_new_one(self) -> None:
        gate = make_gate()
        assert (await gate.acall("call.who", TWO, ANNA)).correlation_id == "id-1"
        given = await gate.acall("call.who", TWO, ANNA, correlation_id="mine")
        assert given == Caller("anna", "org-a", "mine")

    async def test_a_nested_call_keeps_both_across_tasks_and_threads(self) -> None:
        gate = make_gate()

        @block("call.nest", summary="Call others in every way")
        async def nest(data: Words) -> Count:
            inside = [
                await gate.acall("call.who", TWO),
                await asyncio.create_task(gate.acall("call.who", TWO)),
                await gate.acall("call.who_blocking", TWO),
                await asyncio.to_thread(gate.call, "call.who", TWO),
                (await asyncio.gather(gate.acall("call.who_blocking", TWO)))[0],
                [item async for item in gate.stream("call.who", TWO)][-1],
            ]
            return Count(len({*inside, Caller("anna", "org-a", "mine")}))

        gate.catalog.add(nest)
        assert await gate.acall("call.nest", TWO, ANNA, correlation_id="mine") == Count(1)

    async def test_a_nested_call_can_do_no_more_than_the_person_behind_it(self) -> None:
        gate = make_gate()

        @block("call.climb", summary="Try to do more")
        async def climb(data: Words) -> Count:
            await gate.acall("text.count", TWO)
            return Count(0)

        gate.catalog.add(climb)
        with pytest.raises(Forbidden, match=r"text\.count"):
            await gate.acall("call.climb", TWO, Principal("b", permissions=frozenset({"call.*"})))


class TestStream:
    async def test_a_waiting_stream_does_not_leak_its_call(self) -> None:
        @block("call.steps", summary="Say who calls, step by step")
        async def steps(data: Words) -> AsyncIterator[Step | Count]:
            yield Step(current_call().principal.subject)
            yield Step(current_call().correlation_id)
            yield Count(2)

        gate = make_gate(more=(steps,))
        said = []
        async with contextlib.aclosing(gate.stream("call.steps", TWO, ANNA)) as items:
            async for item in items:
                assert current_call().principal == LOCAL_OWNER
                said.append(item)
        assert said == [Step("anna"), Step("id-1"), Count(2)]

    async def test_two_streams_taken_in_turns_keep_their_own_calls(self) -> None:
        @block("call.steps", summary="Say who calls, step by step")
        async def steps(data: Words) -> AsyncIterator[Caller | Count]:
            for _ in range(3):
                yield await who.acall(data)
            yield Count(3)

        gate = make_gate(more=(steps,))
        ben = Principal("ben", "org-b", frozenset({"*"}))
        one, two = gate.stream("call.steps", TWO, ANNA), gate.stream("call.steps", TWO, ben)
        async with contextlib.aclosing(one), contextlib.aclosing(two):
            for _ in range(3):
                assert (await anext(one)).subject == "anna"
                assert (await anext(two)).subject == "ben"

    async def test_one_that_is_closed_early_is_told_and_frees_everything(self) -> None:
        freed: list[str] = []

        @block("call.hold", summary="Hold something")
        async def hold(data: Words) -> AsyncIterator[Step | Count]:
            try:
                yield Step("held")
                await asyncio.sleep(60)
            finally:
                freed.append(current_call().principal.subject)
            yield Count(0)

        watcher = Watcher("one", [])
        stream = make_gate(watcher, more=(hold,)).stream("call.hold", TWO, ANNA)
        assert await anext(stream) == Step("held")
        await asyncio.create_task(stream.aclose())  # also from another task
        assert freed == ["anna"]
        assert watcher.seen == ["one before", "one cancelled"]
        assert current_call().principal == LOCAL_OWNER

    async def test_a_failure_in_the_middle_is_mapped(self) -> None:
        @block("call.break", summary="Break off")
        async def broken(data: Words) -> AsyncIterator[Step | Count]:
            yield Step("one")
            raise ZeroDivisionError

        watcher = Watcher("one", [])
        stream = make_gate(watcher, more=(broken,)).stream("call.break", TWO)
        assert await anext(stream) == Step("one")
        with pytest.raises(ConduitError, match="ZeroDivisionError"):
            await anext(stream)
        assert watcher.seen == ["one before", "one failed"]


async def test_a_thousand_calls_at_once_stay_apart() -> None:
    gate = make_gate()
    people = [Principal(f"p{i}", f"org-{i}", frozenset({"call.*"})) for i in range(1000)]
    names = ("call.who", "call.who_blocking")
    answers = await asyncio.gather(
        *(gate.acall(names[i % 2], TWO, person) for i, person in enumerate(people))
    )
    assert [(a.subject, a.org) for a in answers] == [(p.subject, p.org_id) for p in people]
    assert len({a.correlation_id for a in answers}) == 1000
