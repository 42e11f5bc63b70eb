"""Asking again: when it is worth it, when it is due, and what providers say about that."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import (
    CircuitOpen,
    ProviderBadReply,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreachable,
    StreamInterrupted,
)
from conduit.models.routing.retry import (
    LONGEST_S,
    duration_s,
    next_wait,
    retry_after,
    worth_retrying,
)
from conduit.models.routing.settings import RetryPolicy

NOW = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC).timestamp()
NAMES = (
    "retry-after",
    "retry-after-ms",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "anthropic-ratelimit-input-tokens-remaining",
    "anthropic-ratelimit-input-tokens-reset",
)


def refused(status: int, message: str = "no") -> ProviderRefused:
    return ProviderRefused(message, provider="p", status=status)


@pytest.mark.parametrize("status", [200, 408, 425, 429, 500, 502, 503, 504, 520, 529])
def test_a_passing_trouble_is_worth_another_try(status: int) -> None:
    assert worth_retrying(refused(status))


@pytest.mark.parametrize("status", [301, 400, 401, 402, 403, 404, 409, 413, 422, 501, 505])
def test_what_would_be_refused_again_is_not(status: int) -> None:
    assert not worth_retrying(refused(status))


@pytest.mark.parametrize(
    ("error", "worth"),
    [
        (ProviderUnreachable("gone", provider="p"), True),
        (ProviderTimeout("silent", provider="p"), True),
        (ProviderBadReply("a web page", provider="p"), False),
        (StreamInterrupted("broke off", provider="p"), False),
        (CircuitOpen("resting", provider="p"), False),
        (
            refused(
                429,
                "answered 429: You exceeded your current quota, please check your plan and billing "
                "details.",
            ),
            False,
        ),
        (
            refused(
                429,
                "answered 429: You exceeded your current quota, please check your plan and billing "
                "details. For more information on this error, head to: "
                "https://ai.google.dev/gemini-api/docs/rate-limits.",
            ),
            True,
        ),
        (
            refused(
                429,
                "answered 429: Rate limit reached. You can increase your rate limit by adding a "
                "payment method to your account at https://platform.openai.com/account/billing.",
            ),
            True,
        ),
    ],
)
def test_other_failures(error: ProviderError, worth: bool) -> None:
    assert worth_retrying(error) is worth


@given(
    attempts=st.integers(0, 5),
    base=st.floats(0, 10),
    cap=st.floats(0, 60),
    attempt=st.integers(1, 2000),
    told=st.one_of(st.none(), st.floats(0, LONGEST_S)),
    remaining=st.floats(-10, 600),
    seed=st.integers(),
)
def test_a_wait_is_bounded_by_all_that_bounds_it(
    attempts: int,
    base: float,
    cap: float,
    attempt: int,
    told: float | None,
    remaining: float,
    seed: int,
) -> None:
    policy = RetryPolicy(attempts, base_s=base, cap_s=cap, longest_wait_s=20.0)
    wait = next_wait(policy, attempt, told, remaining, Random(seed))
    if wait is None:
        return
    assert attempt <= attempts
    assert 0.0 <= wait < remaining
    if told is None:
        assert wait <= min(cap, base * 2.0 ** (attempt - 1))
    else:
        assert told <= wait <= told * 1.1
        assert told <= 20.0


def test_backoff_doubles_up_to_its_cap_with_full_jitter() -> None:
    policy = RetryPolicy(attempts=10, base_s=0.5, cap_s=8.0)
    rng = Random(3)
    for attempt, highest in [(1, 0.5), (2, 1.0), (3, 2.0), (5, 8.0), (10, 8.0)]:
        waits = [next_wait(policy, attempt, None, 600.0, rng) or 0.0 for _ in range(2000)]
        assert min(waits) < 0.02 * highest
        assert 0.98 * highest < max(waits) <= highest


def test_a_provider_that_wants_a_long_rest_is_left_to_the_next_target() -> None:
    policy = RetryPolicy(attempts=3, longest_wait_s=20.0)
    assert next_wait(policy, 1, 20.1, 600.0, Random(1)) is None
    assert next_wait(policy, 1, 5.0, 4.0, Random(1)) is None
    assert next_wait(policy, 4, 1.0, 600.0, Random(1)) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": "Mon, 30 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Monday, 30-Nov-26 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Mon, 30 Nov 2026 12:00:30 -0000"}, 30.0),
        ({"retry-after": "Mon, 30 Nov 2020 12:00:30 GMT"}, 0.0),
        ({"retry-after": "999999999999"}, LONGEST_S),
        ({"retry-after": "9" * 13}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "\u0667"}, None),
        ({"retry-after": ""}, None),
        ({"x-ratelimit-reset-requests": "20ms"}, None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "20ms"}, 0.02),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m30s"}, 90.0),
        ({"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "1m30s"}, None),
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "6m0s",
            },
            360.0,
        ),
        (
            {
                "anthropic-ratelimit-input-tokens-remaining": "0",
                "anthropic-ratelimit-input-tokens-reset": "2026-11-30T12:00:12Z",
                "anthropic-ratelimit-requests-remaining": "49",
                "anthropic-ratelimit-requests-reset": "2026-11-30T12:59:00Z",
            },
            12.0,
        ),
        (
            {
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2026-11-30T13:00:05+01:00",
            },
            5.0,
        ),
    ],
)
def test_what_providers_say(headers: dict[str, str], expected: float | None) -> None:
    assert retry_after(headers.get, NOW) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Rate limit reached for gpt-4o. Please try again in 6m0s. Visit us", 360.0),
        ("Rate limit reached for model `llama`. Please try again in 7.66s.", 7.66),
        ("Limit: 200 / min. Please try again in 300ms.", 0.3),
        ("Please retry in 36.284512s.", 36.284512),
        ("Please try again in a moment.", None),
        ("try again in 5 minutes", 300.0),
        ("Retry in 12 seconds.", 12.0),
        ("retry in 12", 12.0),
        ("try again in " + "9" * 100_000, None),
        ("try again in 999999999999d", LONGEST_S),
        ("", None),
    ],
)
def test_what_is_only_said_in_words(words: str, expected: float | None) -> None:
    assert retry_after({}.get, NOW, words) == pytest.approx(expected)
    assert retry_after({"retry-after": "2"}.get, NOW, words) == 2.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h2m3.5s", 3723.5),
        ("7.66s", 7.66),
        ("2m59.56s", 179.56),
        ("120ms", 0.12),
        ("1d", 86_400.0),
        ("30", 30.0),
        ("5µs", 5e-6),
        ("", None),
        ("s", None),
        ("1x", None),
        ("1s ago", None),
        ("-1s", None),
        ("1m" * 40, None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert duration_s(text) == pytest.approx(seconds)


WORDS = st.one_of(
    st.text(max_size=100),
    st.text("0123456789.:-+TZhmsd ,GMTonv", max_size=80),
    st.just("9" * 100_000),
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.datetimes().map(lambda moment: moment.strftime("%a, %d %b %Y %H:%M:%S GMT")),
)


@given(headers=st.dictionaries(st.sampled_from(NAMES), WORDS), now=st.floats(0, 1e11))
def test_whatever_a_header_says_the_wait_is_bounded(headers: dict[str, str], now: float) -> None:
    wait = retry_after(headers.get, now)
    assert wait is None or 0.0 <= wait <= LONGEST_S
