"""The error tree: stable codes, and texts that say what, where and what to do."""

from __future__ import annotations

import inspect
import re

from conduit.contracts import errors
from conduit.contracts.errors import (
    AllProvidersFailed,
    ConduitError,
    NotFound,
    Overloaded,
    ProviderTimeout,
    RateLimited,
)
from conduit.contracts.outcome import ErrorInfo

TREE = [
    each
    for _, each in inspect.getmembers(errors, inspect.isclass)
    if issubclass(each, ConduitError)
]


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [each.__dict__.get("code") for each in TREE]
    assert None not in codes
    assert len(set(codes)) == len(TREE)


def test_the_screen_at_the_top_shows_the_whole_tree_as_it_is() -> None:
    shown = dict(re.findall(r"(\w+)\s{2,}([a-z_]+)\b", errors.__doc__ or ""))
    assert shown == {each.__name__: each.code for each in TREE}


def test_an_error_says_where_what_and_what_to_do() -> None:
    error = NotFound("there is no block 'x'", where="catalog", hint="see the list")
    assert str(error) == "catalog: there is no block 'x'\nhint: see the list"
    assert str(NotFound("gone")) == "gone"
    told = ErrorInfo("not_found", "catalog: there is no block 'x'", "see the list")
    assert ErrorInfo.of(error) == told


def test_a_failed_chain_says_who_failed_with_what() -> None:
    error = AllProvidersFailed((ProviderTimeout("silent for 30 s", provider="anthropic"),))
    assert "anthropic: silent for 30 s" in error.message
    assert "the chain is empty" in AllProvidersFailed(()).message


def test_who_is_sent_away_for_now_is_told_for_how_long() -> None:
    full = Overloaded("100 are waiting already", retry_after_s=2.5, where="openai")
    assert (full.code, full.retry_after_s, full.waited_s) == ("overloaded", 2.5, 0.0)
    assert Overloaded("waited", retry_after_s=1.0, waited_s=10.0).waited_s == 10.0
    often = RateLimited("60 requests a minute", retry_after_s=0.25, hint="ask for more")
    assert (often.code, often.retry_after_s) == ("rate_limited", 0.25)
    assert str(often) == "60 requests a minute\nhint: ask for more"
