"""The circuit breaker against a model of it that is too simple to be wrong."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from conduit.models.breaker import CircuitBreaker, Permit

OUTCOMES = st.sampled_from(["succeed", "fail", "release"])


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class BreakerMachine(RuleBasedStateMachine):
    """The model: failures in a row, the time of opening, the one probe, and which permits still
    have a say."""

    permits = Bundle("permits")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.breaker = CircuitBreaker(self.clock)
        self.failures = 0
        self.opened_at: float | None = None
        self.probe: Permit | None = None
        self.heard: set[int] = set()

    @property
    def expected(self) -> str:
        if self.opened_at is None:
            return "closed"
        return "open" if self.clock.now < self.opened_at + 60 else "half_open"

    def change(self, opened_at: float | None) -> None:
        self.opened_at, self.probe = opened_at, None
        self.heard.clear()

    @rule(target=permits)
    def acquire(self) -> Permit | None:
        permit = self.breaker.acquire()
        refused = self.expected == "open" or self.probe is not None
        assert (permit is None) == refused
        if permit is not None:
            self.heard.add(id(permit))
            if self.expected == "half_open":
                self.probe = permit
        return permit

    @rule(permit=consumes(permits), outcome=OUTCOMES, again=OUTCOMES)
    def settle(self, permit: Permit | None, outcome: str, again: str) -> None:
        if permit is None:
            return
        getattr(permit, outcome)()
        getattr(permit, again)()
        if id(permit) not in self.heard:
            return
        self.heard.discard(id(permit))
        if outcome == "release":
            self.probe = None
        elif outcome == "succeed":
            self.failures = 0
            if self.opened_at is not None:
                self.change(None)
        else:
            self.failures += 1
            if self.opened_at is not None or self.failures >= 3:
                self.change(self.clock.now)

    @rule(seconds=st.sampled_from([0.5, 29.0, 31.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def reset(self) -> None:
        self.breaker.reset()
        self.failures = 0
        self.change(None)

    @invariant()
    def agrees(self) -> None:
        assert self.breaker.state == self.expected
        assert self.breaker.consecutive_failures == self.failures
        assert (self.breaker.retry_in_s > 0) == (self.expected == "open")


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(max_examples=60, stateful_step_count=40)


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        permit = breaker.acquire()
        assert permit is not None
        permit.fail()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_it_opens_after_three_failures_and_rests_for_a_minute(clock: Clock) -> None:
    breaker = CircuitBreaker(clock)
    fail(breaker, 2)
    assert breaker.state == "closed"
    fail(breaker, 1)
    assert (breaker.state, breaker.retry_in_s, breaker.acquire()) == ("open", 60.0, None)
    clock.now += 59.9
    assert breaker.acquire() is None
    clock.now += 0.1
    assert breaker.state == "half_open"


def test_half_open_lets_one_try_and_a_cancelled_try_frees_the_place(clock: Clock) -> None:
    breaker = CircuitBreaker(clock)
    fail(breaker, 3)
    clock.now += 60
    probe = breaker.acquire()
    assert probe is not None
    assert breaker.acquire() is None
    probe.release()
    second = breaker.acquire()
    assert second is not None
    second.succeed()
    assert breaker.state == "closed"


def test_a_late_success_from_before_the_opening_does_not_close_it(clock: Clock) -> None:
    breaker = CircuitBreaker(clock)
    early = breaker.acquire()
    assert early is not None
    fail(breaker, 3)
    early.succeed()
    assert breaker.state == "open"
