"""Every error of the tree has a status and a hint, however little whoever raised it said."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from conduit.contracts import errors as tree
from conduit.surfaces.http.errors import described, error_response, status_of


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


def test_a_hint_that_was_given_is_kept() -> None:
    assert described(tree.NotFound("no", hint="look there")).hint == "look there"
