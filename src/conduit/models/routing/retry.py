"""Whether to ask the same target again, and when.

Between attempts there is exponential backoff with full jitter (Brooker, "Exponential Backoff And
Jitter", AWS Architecture Blog 2015), unless the provider says itself how long to wait.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

from conduit.contracts.errors import (
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreachable,
)
from conduit.models.routing.settings import RetryPolicy

LONGEST_S = 86_400.0
"""No provider is believed to be away for longer than a day."""

HeaderLookup = Callable[[str], str | None]
"""The value of a header of a reply by its lower-case name."""

_PASSING = frozenset({408, 425, 429})
_LASTING = frozenset({501, 505})
_OUT_OF_CREDIT = ("insufficient_quota", "current quota", "credit balance", "insufficient balance")
_FOR_NOW = ("retry in", "try again in", "rate limit", "rate-limit", "per minute")
"""Gemini speaks of the "current quota" when it means the one of this minute."""

_WINDOWS = (
    "x-ratelimit-{}-requests",
    "x-ratelimit-{}-tokens",
    "anthropic-ratelimit-requests-{}",
    "anthropic-ratelimit-tokens-{}",
    "anthropic-ratelimit-input-tokens-{}",
    "anthropic-ratelimit-output-tokens-{}",
)
_RESETS = tuple((w.format("remaining"), w.format("reset")) for w in _WINDOWS)

_LONGEST_VALUE = 64
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,9})?", re.ASCII)
_PIECE = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)(ms|us|µs|ns|[dhms])", re.ASCII)
_IN_WORDS = re.compile(
    r"(?:retry|try again) in ([0-9][0-9.a-zµ]{0,39})(?: (s|m|h)(?:econd|inute|our)s?\b)?",
    re.IGNORECASE,
)
_READ = 4000
_UNITS = {
    "d": 86_400.0,
    "h": 3600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "ns": 1e-9,
}


def worth_retrying(error: ProviderError) -> bool:
    """Whether the same target may answer if it is asked again: no connection, silence, 408, 425,
    429, 5xx (529, "overloaded", among them), and an error inside a reply of 200. Not what the same
    request would meet again: other 4xx, a bad key, a credit that is used up, a reply that is not
    the protocol."""
    if isinstance(error, ProviderRefused):
        if error.status == 429:
            lowered = error.message.lower()
            lasting = any(words in lowered for words in _OUT_OF_CREDIT)
            return not lasting or any(words in lowered for words in _FOR_NOW)
        if error.status >= 500:
            return error.status not in _LASTING
        return error.status in _PASSING or error.status == 200
    return isinstance(error, ProviderUnreachable | ProviderTimeout)


def next_wait(
    policy: RetryPolicy,
    attempt: int,
    retry_after_s: float | None,
    remaining_s: float,
    rng: Random,
) -> float | None:
    """Seconds until this target is asked again after its failure number ``attempt`` (from 1); None
    when the next target's turn has come: no attempts are left, the provider wants to be left alone
    for longer than ``longest_wait_s``, or the wait would use up ``remaining_s``.

    >>> next_wait(RetryPolicy(attempts=2), 1, 3.0, remaining_s=60.0, rng=Random(1)) >= 3.0
    True
    >>> next_wait(RetryPolicy(attempts=2), 3, None, remaining_s=60.0, rng=Random(1)) is None
    True
    """
    if attempt > policy.attempts:
        return None
    if retry_after_s is None:
        highest = min(policy.cap_s, policy.base_s * 2.0 ** min(attempt - 1, 60))
        wait = rng.random() * highest
    elif retry_after_s > policy.longest_wait_s:
        return None
    else:
        # A little later than told, so that all who were told the same do not come at once.
        wait = retry_after_s + rng.random() * min(policy.base_s, 0.1 * retry_after_s)
    return wait if wait < remaining_s else None


def retry_after(header: HeaderLookup, now: float, words: str = "") -> float | None:
    """Seconds after which a provider wants to be asked again, 0 to ``LONGEST_S``; None when it does
    not say. ``now`` is Unix seconds.

    Read, in this order: ``retry-after-ms``; ``Retry-After`` as seconds or a date (RFC 9110 section
    10.2.3); then, of the limits that have nothing left, the longest reset: OpenAI's
    ``x-ratelimit-reset-*`` (``1m30s``, ``20ms``) and Anthropic's ``anthropic-ratelimit-*-reset``
    (RFC 3339); then words like "try again in 7.66s" (Groq, OpenAI, Gemini). A limit with something
    left did not cause the refusal, so its reset says nothing.

    >>> retry_after({"retry-after": "7"}.get, now=0.0)
    7.0
    >>> exhausted = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m30s"}
    >>> retry_after(exhausted.get, now=0.0)
    90.0
    """
    milliseconds = _number(header("retry-after-ms"))
    if milliseconds is not None:
        return min(milliseconds / 1000.0, LONGEST_S)
    told = header("retry-after")
    if told is not None:
        seconds = _number(told)
        if seconds is None:
            seconds = _until(_http_date(told), now)
        if seconds is not None:
            return min(seconds, LONGEST_S)
    resets = [
        wait
        for remaining, reset in _RESETS
        if _number(header(remaining)) == 0.0
        and (wait := _until_reset(header(reset), now)) is not None
    ]
    if resets:
        return min(max(resets), LONGEST_S)
    said = _IN_WORDS.search(words[:_READ])
    seconds = duration_s(said[1].rstrip(".") + (said[2] or "").lower()) if said else None
    return None if seconds is None else min(seconds, LONGEST_S)


def duration_s(text: str) -> float | None:
    """A duration as Go writes it (``1h2m3.5s``, ``20ms``), or bare seconds; None for another."""
    text = text.strip()
    if len(text) > _LONGEST_VALUE:
        return None
    if _NUMBER.fullmatch(text):
        return float(text)
    total, at = 0.0, 0
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece is None:
            return None
        total += float(piece[1]) * _UNITS[piece[2]]
        at = piece.end()
    return total if at else None


def _until_reset(value: str | None, now: float) -> float | None:
    if value is None:
        return None
    seconds = duration_s(value)
    return seconds if seconds is not None else _until(_rfc3339(value), now)


def _number(value: str | None) -> float | None:
    if value is None or len(value) > _LONGEST_VALUE:
        return None
    value = value.strip()
    return float(value) if _NUMBER.fullmatch(value) else None


def _until(moment: datetime | None, now: float) -> float | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return max(0.0, moment.timestamp() - now)
    except (OverflowError, ValueError):
        return None


def _http_date(value: str) -> datetime | None:
    from email.utils import parsedate_to_datetime  # 5 ms, for what few providers send

    if len(value) > _LONGEST_VALUE:
        return None
    try:
        return parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _rfc3339(value: str) -> datetime | None:
    if len(value) > _LONGEST_VALUE:
        return None
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return None
