"""The table of escapes, for a process that is not run by pytest: ``python -m … KIND``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.tools.code.containment import MAKERS, contain
from tests.tools.code.escapes import ESCAPES


def main() -> None:
    sandbox = MAKERS[sys.argv[1]](())
    assert sandbox is not None
    with tempfile.TemporaryDirectory() as folder:
        for escape in ESCAPES:
            ran = contain(sandbox, escape, Path(folder) / "outside")
            print(f"contained: {escape.name}: {ran.why} {ran.reason}", flush=True)


if __name__ == "__main__":
    main()
