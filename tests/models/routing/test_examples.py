"""The examples in the docstrings do what they show."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from conduit.models.routing import buckets, complexity, latency, retry, sticky, window


@pytest.mark.parametrize("module", [buckets, complexity, latency, retry, sticky, window])
def test_the_examples_of_a_module_hold(module: ModuleType) -> None:
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0
