"""Reading `# refused: CODE` in the samples."""

from __future__ import annotations

import re
from pathlib import Path

SAMPLES = sorted(Path(__file__).parent.glob("sample*.py"))
ROOT = Path(__file__).parents[2]


def marked() -> dict[tuple[str, int], str]:
    """The codes that mypy must give, by file name and line."""
    return {
        (sample.name, number): found.group(1)
        for sample in SAMPLES
        for number, line in enumerate(sample.read_text("utf-8").splitlines(), 1)
        if (found := re.search(r"# refused: ([a-z-]+)$", line))
    }
