"""The types that a reader sees are the types that a checker sees."""

from __future__ import annotations

import re

import pytest
from mypy import api

from tests.typing.refusals import ROOT, SAMPLES, marked


@pytest.mark.timeout(90)
def test_mypy_accepts_and_refuses_what_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow when nothing is cached yet: mypy reads the whole kernel first."""
    monkeypatch.chdir(ROOT)  # its settings and its cache
    options = ["--no-error-summary", "--show-error-codes", "--hide-error-context"]
    output, trouble, _ = api.run([*options, *map(str, SAMPLES)])
    assert not trouble
    told = re.findall(r"(sample\w*\.py):(\d+): error: .*\[([a-z-]+)\]", output)
    assert {(name, int(line)): code for name, line, code in told} == marked(), output
