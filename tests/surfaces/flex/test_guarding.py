"""Who may ask, for what, how often, and once only; and how a refusal is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conduit.contracts.errors import (
    ConfigError,
    Conflict,
    Forbidden,
    RateLimited,
)
from conduit.intents.pace import Rate
from conduit.intents.table import SEVEN
from conduit.store.seen import Seen
from conduit.surfaces.flex.devices import (
    Device,
    DeviceRule,
    Identity,
    Strangers,
    recognise,
)
from conduit.surfaces.flex.envelope import Envelope
from conduit.surfaces.flex.guard import Guard
from conduit.surfaces.flex.settings import load_settings

NOW = 1_800_000_000_000


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(tmp_path: Path, clock: Clock) -> Iterator[Guard]:
    def now_ms() -> int:
        return NOW + round(clock.now * 1000)

    seen = Seen(tmp_path, 60_000, now_ms, boot="one")
    yield Guard(seen, now_ms, clock, window_ms=60_000, skew_ms=5_000)
    seen.close()


def envelope(corr: str, ts: int = NOW, intent: str = "llm.chat") -> Envelope:
    return Envelope(ts, corr, intent)


PEDAL = Device("device pedal", "pedal", ("llm.*",), Rate(600, 10), (("llm.chat", Rate(60, 2)),))


def test_an_envelope_is_let_in_once(guard: Guard) -> None:
    guard.admit(PEDAL, envelope("a"))
    with pytest.raises(Conflict, match="here before"):
        guard.admit(PEDAL, envelope("a"))
    guard.admit(Device("device other", "other", ("*",)), envelope("a"))


@pytest.mark.parametrize(
    ("ts", "said"),
    [
        (NOW - 60_001, "60.0 s ago"),
        (0, "s ago"),
        (NOW + 5_001, "from now"),
        (2**53, "from now"),
    ],
)
def test_stale_and_future_ones_are_refused(guard: Guard, ts: int, said: str) -> None:
    with pytest.raises(Conflict, match=said):
        guard.admit(PEDAL, envelope("a", ts))


@pytest.mark.parametrize("ts", [NOW - 60_000, NOW, NOW + 5_000])
def test_a_clock_may_be_wrong_within_its_bound(guard: Guard, ts: int) -> None:
    guard.admit(PEDAL, envelope("a", ts))


def test_rates_hold_for_a_device_and_for_an_intent(guard: Guard, clock: Clock) -> None:
    for number in range(2):
        guard.admit(PEDAL, envelope(f"chat {number}"))
    with pytest.raises(RateLimited) as refused:
        guard.admit(PEDAL, envelope("chat 2"))
    assert refused.value.retry_after_s == pytest.approx(1.0)
    for number in range(8):  # what was refused did not count
        guard.admit(PEDAL, envelope(f"more {number}", intent="llm.more"))
    with pytest.raises(RateLimited):
        guard.admit(PEDAL, envelope("more 8", intent="llm.more"))
    guard.admit(Device("device other", "other", ("*",)), envelope("unharmed"))
    clock.now = 1.1
    guard.admit(PEDAL, envelope("chat 2"))


def test_an_intent_must_be_allowed(guard: Guard) -> None:
    guard.may(PEDAL, "llm.chat")
    with pytest.raises(Forbidden, match="may not ask for shell"):
        guard.may(PEDAL, "shell.run")


RULES = (
    DeviceRule("proven", ("*",), endpoint="Stage Pedal", secret="hidden"),
    DeviceRule("named", ("llm.chat",), endpoint="Desk", product="D-1"),
    DeviceRule("at", ("groove.*",), address="192.168.1.20"),
)


@pytest.mark.parametrize(
    ("who", "name"),
    [
        (Identity("x", endpoint="Stage Pedal", secret="proven"), "proven"),
        (Identity("x", endpoint="Stage Pedal"), "Stage Pedal"),  # a forged name
        (Identity("x", endpoint="Stage Pedal", secret="named"), "Stage Pedal"),
        (Identity("x", endpoint="Other", secret="proven"), "Other"),
        (Identity("x", endpoint="Desk", product="D-1"), "named"),
        (Identity("x", endpoint="Desk", product="D-2"), "Desk"),
        (Identity("x", address="192.168.1.20"), "at"),
        (Identity("x", address="192.168.1.21"), "x"),
        (Identity("x"), "x"),
    ],
)
def test_devices_are_recognised_by_all_that_is_given(who: Identity, name: str) -> None:
    found = recognise(who, RULES, Strangers())
    assert found.name == name
    if name not in {rule.name for rule in RULES}:
        assert found.intents == ()
    here = recognise(Identity("y", here=True), RULES, Strangers())
    assert set(SEVEN) < set(here.intents)


def test_settings_are_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "flex.yaml"
    assert load_settings(path, {}).devices == ()
    path.write_text(
        "service: http://127.0.0.1:1/\nservices: {planner: http://h:2}\nskew_s: 2\n"
        "devices:\n  pedal: {endpoint: P, secret_env: S, intents: [llm.chat],"
        " rates: {llm.chat: {per_minute: 6}}}\n"
    )
    settings = load_settings(path, {"S": "hidden", "CONDUIT_FLEX_KEY": "ck-1"})
    assert settings.base_of("llm.chat") == "http://127.0.0.1:1"
    assert settings.base_of("planner.reason") == "http://h:2"
    assert settings.skew_ms == 2000
    assert settings.devices[0].rates == (("llm.chat", Rate(6, 1)),)
    assert "hidden" not in repr(settings)
    assert "ck-1" not in repr(settings)


@pytest.mark.parametrize(
    "text",
    [
        "servce: http://x",
        "service: ftp://x",
        "service: http://me:pw@x",
        "service: http://[x",
        "devices: {p: {intents: [a]}}",
        "devices: {p: {endpoint: E, secret_env: NOT_SET}}",
        "devices: {'a b': {endpoint: E}}",
        "devices: {p: {endpoint: E, rate: {per_minute: -1}}}",
        "window_s: .nan",
        "queue: 0",
        "connect: [{port: 5004}]",
        "connect: [{host: h}]",
        "connect: [h]",
        "ports: [7]",
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "flex.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load_settings(path, {})
    assert str(path) in refused.value.where
    assert refused.value.hint
    assert "pw" not in str(refused.value)
