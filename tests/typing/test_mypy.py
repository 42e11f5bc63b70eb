"""The types that a reader sees are the types that a checker sees."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mypy import api

SAMPLE = Path(__file__).with_name("sample.py")
ROOT = SAMPLE.parents[2]


@pytest.mark.timeout(90)
def test_mypy_accepts_and_refuses_what_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow when nothing is cached yet: mypy reads the whole kernel first."""
    monkeypatch.chdir(ROOT)  # its settings and its cache
    options = ["--no-error-summary", "--show-error-codes", "--hide-error-context"]
    output, trouble, _ = api.run([*options, str(SAMPLE)])
    assert not trouble
    lines = SAMPLE.read_text("utf-8").splitlines()
    expected = {
        (number, found.group(1))
        for number, line in enumerate(lines, 1)
        if (found := re.search(r"# refused: ([a-z-]+)$", line))
    }
    told = re.findall(r"sample\.py:(\d+): error: .*\[([a-z-]+)\]", output)
    assert {(int(number), code) for number, code in told} == expected, output
