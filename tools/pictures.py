"""Draw the pictures of pipelines and of the device in ``docs/images``; with ``--check``, only say
what changed.

The guide's own program is run, and what it built is drawn, so that a picture shows what the text
says. Times are set, because those of a run are never the same twice.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import runpy
import sys
import tempfile
from pathlib import Path
from typing import Any

from conduit.blocks.drawing import svg
from conduit.blocks.listing import branches
from conduit.blocks.tracing import Trace
from conduit.surfaces.ableton.amxd.blocks import described
from conduit.surfaces.ableton.amxd.maxpat import maxpat
from conduit.surfaces.ableton.amxd.picture import picture_of

DOCS = Path(__file__).resolve().parent.parent / "docs"
DEVICE = DOCS.parent / "device"
GUIDE = DOCS / "guides" / "pipelines.md"
TIMES_MS = {
    "message.split": 0.004,
    "parallel(words.count, cache(words.guess))": 842.0,
    "words.count": 0.006,
    "cache(words.guess)": 841.0,
    "words.guess": 836.0,
    "branch(facts.escalate, facts.thank)": 0.012,
    "facts.escalate": 0.003,
}
"""As if the mood had been asked of a model."""


def built() -> dict[str, Any]:
    """What the guide's program leaves behind. It runs in an empty folder, in silence."""
    program = re.findall(
        r"^```python\n(.*?)^```", GUIDE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        script = Path(folder) / "guide.py"
        script.write_text("\n".join(program), encoding="utf-8")
        os.chdir(folder)
        try:
            return runpy.run_path(str(script))
        finally:
            os.chdir(here)


def timed(seen: Trace) -> Trace:
    """The same trace with the times above. Raises ``KeyError`` for a step that has none."""
    for _, span in branches(seen.spans, lambda span: span.inside):
        span.elapsed_ms = TIMES_MS[span.name]
    return seen


def pictures() -> dict[str, str]:
    guide = built()
    return {
        "pipeline.svg": svg(guide["triage"]),
        "device.svg": picture_of(maxpat(described(DEVICE), 0)),
        "pipeline-trace.svg": svg(guide["asking"], timed(guide["seen"])),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    check = parser.parse_args().check
    changed = 0
    for name, drawn in pictures().items():
        path = DOCS / "images" / name
        if path.exists() and path.read_text("utf-8") == drawn:
            continue
        changed += 1
        print(f"docs/images/{name}{' is not what the guide builds' if check else ''}")
        if not check:
            path.write_text(drawn, encoding="utf-8")
    if check and changed:
        print("pictures: run `python tools/pictures.py`", file=sys.stderr)
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
