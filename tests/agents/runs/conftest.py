"""The bench of each test."""

from __future__ import annotations

import pytest

from tests.agents.runs.bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()
