"""What of this machine is to be seen inside: an interpreter and its libraries, to be read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from conduit.tools.code.inside.job import Layout

_SYSTEM = ("/usr",)
_BESIDE = ("/bin", "/lib", "/lib32", "/lib64", "/sbin")
_FILES = ("/etc/ld.so.cache",)
_DEVICES = ("/dev/null", "/dev/full", "/dev/random", "/dev/urandom")
"""Not /dev/zero: what is mapped from it and shared is counted for nobody."""


def interpreter() -> str:
    """The interpreter itself, without the packages that were installed for Conduit."""
    return os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)


def layout(extra: Iterable[Path] = (), hidden: Iterable[Path] = ()) -> Layout:
    """``extra`` are folders to be seen too; ``hidden`` ones that are seen empty, wherever they
    lie."""
    folders = [each for each in _SYSTEM if os.path.isdir(each)]
    links: list[tuple[str, str]] = []
    for each in _BESIDE:
        if os.path.islink(each):
            links.append((os.readlink(each), each))
        elif os.path.isdir(each):
            folders.append(each)
    home = Path(os.path.realpath(sys.base_prefix))
    for path in (home, Path(interpreter()).parent, *extra):
        if not any(path.is_relative_to(each) for each in folders):
            folders.append(str(path))
    covered = (os.path.realpath(each) for each in hidden)
    return Layout(
        folders=tuple(folders),
        links=tuple(links),
        files=tuple(each for each in _FILES if os.path.isfile(each)),
        devices=tuple(each for each in _DEVICES if os.path.exists(each)),
        hidden=tuple(
            each
            for each in covered
            if os.path.isdir(each) and any(Path(each).is_relative_to(one) for one in folders)
        ),
    )
