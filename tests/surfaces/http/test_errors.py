"""Every error of the tree has a status and a hint, however little whoever raised it said."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from conduit.contracts import errors as tree
from conduit.surfaces.http.errors import described, error_response, retry_after, status_of


def _all() -> Iterator[tree.ConduitError]:
    """One error of every class in the tree, with nothing but a message."""
    waiting: list[type[tree.ConduitError]] = [tree.ConduitError]
    while waiting:
        cls = waiting.pop()
        waiting += [each for each in cls.__subclasses__() if each.__module__ == tree.__name__]
        if issubclass(cls, tree.TypeMismatch):
            yield cls(block="a.b", side="input", path="x", expected="int", got="str")
        elif issubclass(cls, tree.AllProvidersFailed):
            yield cls((tree.ProviderTimeout("silent", provider="p"),))
        elif issubclass(cls, tree.ProviderRefused):
            yield cls("no", provider="p", status=401)
        elif issubclass(cls, tree.ProviderError):
            yield cls("no", provider="p")
        elif issubclass(cls, tree.Overloaded | tree.RateLimited):
            yield cls("no", retry_after_s=1.5)
        elif issubclass(cls, tree.WiringError):
            yield cls("no", step="a.b", made="A", wanted="B")
        else:
            yield cls("no")


@pytest.mark.parametrize("error", list(_all()), ids=lambda error: error.code)
def test_every_error(error: tree.ConduitError) -> None:
    response = error_response(error)
    body = json.loads(bytes(response.body))["error"]
    assert list(body) == ["code", "message", "hint"]
    assert all(body.values())
    assert 400 <= response.status_code < 600
    assert (response.status_code == 500) == (type(error) is tree.ConduitError)


def test_whose_fault_it_is() -> None:
    wrong = {"block": "a.b", "path": "x", "expected": "int", "got": "str"}
    assert status_of(tree.TypeMismatch(side="input", **wrong)) == 400
    assert status_of(tree.TypeMismatch(side="output", **wrong)) == 500
    silent = tree.ProviderTimeout("silent", provider="p")
    dropped = tree.ProviderUnreachable("dropped", provider="q")
    assert status_of(tree.AllProvidersFailed((silent, silent))) == 504
    assert status_of(tree.AllProvidersFailed((silent, dropped))) == 502
    assert status_of(tree.AllProvidersFailed(())) == 502


@pytest.mark.parametrize(
    ("status", "told"),
    [(400, 400), (404, 404), (413, 413), (422, 422), (429, 429), (503, 503), (529, 503),
     (200, 502), (307, 502), (401, 502), (403, 502), (402, 502), (408, 502), (500, 502)],
)  # fmt: skip
def test_what_becomes_of_a_provider_s_status(status: int, told: int) -> None:
    """The request's own fault stays the client's; a key that is not taken is the operator's."""
    refusal = tree.ProviderRefused("no", provider="p", status=status)
    assert status_of(refusal) == told
    assert status_of(tree.AllProvidersFailed((refusal, refusal))) == told


def test_busy_providers_are_worth_another_try() -> None:
    limited = tree.ProviderRefused("no", provider="p", status=429, retry_after_s=7.2)
    full = tree.ProviderBusy("no", provider="q", queue_full=True)
    assert (status_of(full), status_of(tree.ProviderBusy("no", provider="q"))) == (503, 429)
    both = tree.AllProvidersFailed((limited, full))
    assert status_of(both) == 503
    assert retry_after(limited) == [(b"retry-after", b"8")], "whole seconds, never too early"
    assert retry_after(both) == retry_after(full) == [(b"retry-after", b"1")], "the first of them"
    assert retry_after(tree.ProviderUnreachable("no", provider="p")) == []


def test_a_hint_that_was_given_is_kept() -> None:
    assert described(tree.NotFound("no", hint="look there")).hint == "look there"
