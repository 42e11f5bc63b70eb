"""Landlock: the kernel's own bound on files, whatever is mounted (``landlock(7)``).

The layout of ``linux/landlock.h``; each version of the interface knows more rights.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from typing import Final

from .system_calls import call

_CREATE: Final = 444
_ADD: Final = 445
_RESTRICT: Final = 446
_BENEATH: Final = 1

_EXECUTE: Final = 1 << 0
_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_READ_FOLDER: Final = 1 << 3
_TRUNCATE: Final = 1 << 14
_MAKE_DEVICES: Final = 1 << 6 | 1 << 11
_FILES_SINCE: Final = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many rights on files there are since which version."""
_CONNECTIONS: Final = 0b11
_OUTSIDE: Final = 0b11
"""Abstract sockets of others, and signals to them."""


def version() -> int:
    """Of the interface; 0 where there is none."""
    try:
        return call(_CREATE, None, 0, 1)
    except OSError:
        return 0


def restrict(readable: Iterable[str], writable: Iterable[str]) -> bool:
    """From now on only these files and folders, for this process and all that it starts.

    False where the kernel has no Landlock. Raises ``OSError``.
    """
    known = version()
    if not known:
        return False
    rights = (1 << max(count for since, count in _FILES_SINCE.items() if since <= known)) - 1
    attributes = struct.pack("<QQQ", rights, _CONNECTIONS, _OUTSIDE)
    size = 8 if known < 4 else 16 if known < 6 else 24
    rules = call(_CREATE, ctypes.create_string_buffer(attributes, 24), size, 0)
    try:
        for path in readable:
            _allow(rules, path, rights & (_EXECUTE | _READ_FILE | _READ_FOLDER))
        for path in writable:
            _allow(rules, path, rights & ~_MAKE_DEVICES)
        call(_RESTRICT, rules, 0)
    finally:
        os.close(rules)
    return True


def _allow(rules: int, path: str, rights: int) -> None:
    at = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(at).st_mode):
            rights &= _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
        rule = ctypes.create_string_buffer(struct.pack("<Qi", rights, at), 12)
        call(_ADD, rules, _BENEATH, rule, 0)
    finally:
        os.close(at)
