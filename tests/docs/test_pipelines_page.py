"""The guide to pipelines shows what its program prints, and pictures of what it built."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks, says

PAGE = ROOT / "docs" / "guides" / "pipelines.md"
MEASURED = re.compile(r"[\d.]+ (?:µs|ms|s)\b|\d+%")
"""A time or a share of it, which is another one in each run."""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    script = tmp_path_factory.mktemp("guide") / "guide.py"
    script.write_text("\n".join(b.code for b in blocks(PAGE) if b.language == "python"), "utf-8")
    done = subprocess.run(
        [sys.executable, str(script)], cwd=script.parent, capture_output=True, text=True, timeout=50
    )
    assert done.returncode == 0, done.stderr
    return MEASURED.sub("#", done.stdout)


def test_what_is_shown_was_printed(printed: str) -> None:
    shown = [b.code for b in blocks(PAGE) if b.language in {"text", "mermaid"}]
    assert len(shown) >= 6
    missing = says(printed, tuple(MEASURED.sub("#", "".join(shown)).splitlines()))
    assert not missing, printed


def test_its_pictures_are_of_what_it_built() -> None:
    done = subprocess.run(
        [sys.executable, str(Path("tools", "pictures.py")), "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stdout + done.stderr
