"""Run npm in ``studio/`` with the Node that comes as a wheel: ``python tools/npm.py test``.

The packages of ``package-lock.json`` are put in place first when they are not there, or are older
than the lock.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hatch_build import ROOT, SOURCES, npm_command

STUDIO = ROOT / SOURCES


def npm(*arguments: str) -> int:
    """Run npm and return its exit status. Scripts that npm starts find the same Node first."""
    command = npm_command()
    path = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", os.defpath)])
    done = subprocess.run([*command, *arguments], cwd=STUDIO, env={**os.environ, "PATH": path})
    return done.returncode


def packages_are_current() -> bool:
    """True when the last ``npm ci`` is younger than the lock."""
    installed = STUDIO / "node_modules" / ".package-lock.json"
    lock = STUDIO / "package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime


def main() -> int:
    if not packages_are_current():
        status = npm("ci", "--no-audit", "--no-fund", "--silent")
        if status != 0:
            return status
    return npm(*sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
