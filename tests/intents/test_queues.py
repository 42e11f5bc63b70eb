"""A queue for each sender: who is refused, in which order calls begin, and what is told of each."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import Conflict, NotFound, Overloaded, StoreError, Unavailable
from conduit.contracts.json import Json
from conduit.intents.codes import Trouble
from conduit.intents.pace import Pace, Rate
from conduit.intents.queues import Call, CallQueues, Kind, Limits, Sender
from conduit.intents.service import Service
from conduit.intents.telling import GATHER_BYTES, Teller
from tests.intents.fake_services import Services, services


@dataclass(frozen=True)
class Reaching:
    url: str
    key: str = ""
    timeout_s: float = 20.0

    def base_of(self, intent: str) -> str:
        return self.url


@dataclass
class Desk:
    """Somebody who asks, and all that is told, in its order."""

    queues: CallQueues
    told: list[tuple[str, Kind, Any]] = field(default_factory=list)
    over: list[str] = field(default_factory=list)
    fails: bool = False
    slow: dict[str, float] = field(default_factory=dict)

    def ask(self, corr: str, intent: str = "a.b", sender: Sender | None = None) -> None:
        call = Call(intent, {}, corr, corr)
        tell = partial(self._tell, corr)
        self.queues.put(sender or Sender("one"), call, tell, partial(self.over.append, corr))

    async def _tell(self, corr: str, kind: Kind, body: Json | Trouble) -> None:
        if self.fails and kind == "result":
            raise RuntimeError("a fault of ours")
        self.told.append((corr, kind, body))
        await asyncio.sleep(self.slow.get(corr, 0))

    def of(self, corr: str) -> list[str]:
        return [
            body.code if isinstance(body, Trouble) else kind
            for name, kind, body in self.told
            if name == corr
        ]


@asynccontextmanager
async def queueing(
    at_once: int = 1, queue: int = 2, of_host: int = 100, calls: int = 100, senders: int = 100
) -> AsyncIterator[tuple[Desk, Services]]:
    async with services() as behind:
        service = Service(Reaching(behind.url), time.monotonic)
        queues = CallQueues(service, Limits(at_once, queue, of_host, calls, senders))
        try:
            yield Desk(queues), behind
        finally:
            await queues.aclose()
            assert queues.calls == 0


async def test_calls_of_one_sender_take_their_turns_and_each_is_told_its_end() -> None:
    async with queueing(at_once=1, queue=3) as (desk, behind):
        for number in range(4):
            desk.ask(f"c{number}", f"a.n{number}")
        with pytest.raises(Overloaded, match="4 calls of yours") as full:
            desk.ask("c4")
        assert full.value.retry_after_s
        desk.ask("other", sender=Sender("two"))
        await desk.queues.idle()
        begun = [path for path, _, _ in behind.asked if path != "/blocks/a.b"]
        assert begun == [f"/blocks/a.n{number}" for number in range(4)]
        for corr in ("c0", "c1", "c2", "c3", "other"):
            assert desk.of(corr) == ["ack", "result"]
        assert sorted(desk.over) == ["c0", "c1", "c2", "c3", "other"]
        assert [each[1] for each in desk.told[:5]] == ["ack"] * 5, "taken is told at once"


async def test_who_is_told_slowly_keeps_its_turn_and_gives_it_back() -> None:
    async with queueing(at_once=1, queue=4) as (desk, behind):
        desk.slow = {"first": 0.05, "gone": 0.05}
        for corr in ("first", "second", "gone", "last"):
            desk.ask(corr, f"a.{corr}")
        await asyncio.sleep(0)
        desk.queues.cancel("one", "gone")  # which is being told still when its turn would come
        await desk.queues.idle()
        begun = [path for path, _, _ in behind.asked]
        assert begun == ["/blocks/a.first", "/blocks/a.second", "/blocks/a.last"]
        assert [desk.of(corr)[-1] for corr in ("first", "second", "gone", "last")] == [
            "result", "result", "cancelled", "result",
        ]  # fmt: skip


async def test_a_corr_that_goes_on_is_not_taken_twice_and_is_free_afterwards() -> None:
    async with queueing() as (desk, behind):
        desk.ask("same", "wait.here")
        await behind.began.wait()
        with pytest.raises(Conflict, match="going on already"):
            desk.ask("same")
        desk.ask("same", sender=Sender("two"))  # another's corr is another
        behind.hold.set()
        await desk.queues.idle()
        desk.ask("same")
        await desk.queues.idle()
        assert desk.of("same").count("result") == 3


async def test_what_is_cancelled_is_told_so_once_whatever_it_was_at() -> None:
    async with queueing() as (desk, behind):
        desk.ask("works", "wait.here")
        await behind.began.wait()
        desk.ask("waits")
        await asyncio.sleep(0)
        desk.ask("fresh")
        for corr in ("fresh", "fresh", "waits", "works", "works"):
            desk.queues.cancel("one", corr)
        await desk.queues.idle()
        for corr in ("fresh", "waits", "works"):
            assert desk.of(corr) == ["ack", "cancelled"]
        await behind.cancelled.wait()
        assert [path for path, _, _ in behind.asked] == ["/blocks/wait.here"]
        for key, corr in (("one", "works"), ("one", "never"), ("nobody", "works")):
            with pytest.raises(NotFound, match="nothing with this corr"):
                desk.queues.cancel(key, corr)


async def test_who_leaves_is_worked_for_no_longer() -> None:
    async with queueing(at_once=2) as (desk, behind):
        desk.ask("a", "wait.here")
        desk.ask("b", "wait.here")
        await behind.began.wait()
        desk.ask("c", sender=Sender("two"))
        desk.queues.leave("one")
        desk.queues.leave("nobody")
        await desk.queues.idle()
        await behind.cancelled.wait()
        assert desk.of("c") == ["ack", "result"]
        assert sorted(desk.over) == ["a", "b", "c"]


async def test_hosts_and_everybody_have_limits_that_those_who_are_known_pass() -> None:
    async with queueing(queue=0, of_host=2, calls=3, senders=4) as (desk, behind):
        for number, host in enumerate(("here", "here", "there")):
            desk.ask(f"{number}", "wait.here", Sender(f"s{number}", host))
        for sender in (Sender("s3", "here"), Sender("s4", "there")):
            with pytest.raises(Overloaded, match="3 calls of 3 senders"):
                desk.ask("over", sender=sender)
        desk.ask("listed", sender=Sender("known", "here", known=True))
        behind.hold.set()
        await desk.queues.idle()
        assert desk.of("listed") == ["ack", "result"]
        desk.ask("again", sender=Sender("s3", "here"))
        await desk.queues.idle()
        assert "over" not in desk.over


async def test_the_end_is_silent_and_nothing_begins_after_it() -> None:
    async with queueing() as (desk, behind):
        desk.ask("works", "wait.here")
        await behind.began.wait()
        desk.ask("fresh")
        await desk.queues.aclose()
        assert [each[:2] for each in desk.told] == [("works", "ack")]
        assert desk.over == [], "that it was not answered is told to its sender later"
        with pytest.raises(Unavailable, match="ending"):
            desk.ask("late")


async def test_what_cannot_be_noted_at_the_end_is_logged_and_harms_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full() -> None:
        raise StoreError("no space is left", hint="make some")

    async with queueing() as (desk, _):
        for corr in ("one", "two"):
            tell = partial(desk._tell, corr)
            desk.queues.put(Sender("one"), Call("a.b", {}, corr, corr), tell, full)
        await desk.queues.idle()
        assert desk.of("two") == ["ack", "result"]
    assert ["no space is left" in each.getMessage() for each in caplog.records] == [True, True]


async def test_a_fault_of_ours_is_logged_and_told_as_a_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with queueing() as (desk, _):
        desk.fails = True
        desk.ask("faulty")
        await desk.queues.idle()
        assert desk.of("faulty") == ["ack", "failed"]
        assert desk.over == ["faulty"]
    assert [each.levelno for each in caplog.records] == [logging.ERROR]


async def test_progress_comes_before_the_end_and_one_thing_after_the_other() -> None:
    """However slow the sender's link is: text that waited is told before what came after it."""
    told: list[Json] = []

    async def slowly(body: Json) -> None:
        told.append(("begin", body))
        await asyncio.sleep(0.03)
        told.append(("end", body))

    teller = Teller(slowly)
    await teller.hear({"text": "a"})
    await asyncio.sleep(0.11)  # it is being told just now
    await teller.hear({"text": "b"})
    await teller.hear({"block": "x"})
    await teller.hear({"text": "c" * GATHER_BYTES})
    await teller.hear({"text": "d"})
    await teller.flush()
    await teller.aclose()
    bodies: list[Json] = [
        {"text": "a"}, {"text": "b"}, {"event": {"block": "x"}}, {"text": "c" * GATHER_BYTES},
        {"text": "d"},
    ]  # fmt: skip
    assert told == [(when, body) for body in bodies for when in ("begin", "end")]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.floats(0, 2)), max_size=60),
    st.integers(1, 4),
    st.integers(1, 5),
)
def test_pace_is_kept_and_so_many_are_remembered(
    asked: list[tuple[int, float]], most: int, burst: int
) -> None:
    """Of any key that was not forgotten no more is taken than its burst and what came since."""
    now = [0.0]
    pace = Pace(lambda: now[0], most)
    rate = Rate(60, burst)
    taken = dict.fromkeys(range(10), 0)
    for key, later in asked:
        now[0] += later
        taken[key] += not pace.take(key, rate)
        assert len(pace) <= most
    if most >= len({key for key, _ in asked}):
        assert all(count <= burst + now[0] + 0.001 for count in taken.values())
    pace.give_back("never seen")
    fresh = object()
    assert [pace.take(fresh, rate) > 0 for _ in range(burst + 1)] == [False] * burst + [True]
    pace.give_back(fresh)
    assert not pace.take(fresh, rate)
