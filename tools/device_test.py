"""Run the tests of ``device/`` with the Node that comes as a wheel.

``python tools/device_test.py`` puts the one package that they need in place first, when it is not
there or is older than the lock. Arguments name files of tests; without any, all of them are run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hatch_build import ROOT, npm_command

DEVICE = ROOT / "device"
ALL = ["test/*.test.js"]


def run(*command: str) -> int:
    """Run in ``device/`` and return the exit status."""
    return subprocess.run(command, cwd=DEVICE).returncode


def node() -> str:
    """The Node beside npm; the machine's own where npm is that."""
    program = Path(npm_command()[0])
    return str(program) if program.name == "node" else str(program.with_name("node"))


def main() -> int:
    os.environ["PATH"] = os.pathsep.join(
        [str(Path(node()).parent), os.environ.get("PATH", os.defpath)]
    )
    lock, installed = DEVICE / "package-lock.json", DEVICE / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        status = run(*npm_command(), "ci", "--no-audit", "--no-fund", "--silent")
        if status != 0:
            return status
    return run(node(), "--test", *(sys.argv[1:] or ALL))


if __name__ == "__main__":
    sys.exit(main())
