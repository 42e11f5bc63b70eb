"""System calls that Python has no function for, by way of the C library."""

from __future__ import annotations

import ctypes
import os
from typing import Any, Final

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_SIGKILL: Final = 9
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_CAPBSET_DROP: Final = 24
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
_CAPABILITY_VERSION: Final = 0x20080522
_SYS_CAPSET: Final = {"x86_64": 126, "aarch64": 91}


def call(number: int, *arguments: Any) -> int:
    """A system call by number. Raises ``OSError``."""
    ctypes.set_errno(0)
    wide = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result = int(_LIBC.syscall(ctypes.c_long(number), *wide))
    if result < 0:
        raise _failure(f"system call {number}")
    return result


def prctl(option: int, *arguments: int) -> None:
    """Raises ``OSError``."""
    filled = [*arguments, 0, 0, 0, 0][:4]
    if _LIBC.prctl(ctypes.c_int(option), *map(ctypes.c_ulong, filled)) < 0:
        raise _failure(f"prctl {option}")


def unshare(flags: int) -> None:
    if _LIBC.unshare(ctypes.c_int(flags)) < 0:
        raise _failure("unshare")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    texts = [each.encode() for each in (source, target, kind, options)]
    if _LIBC.mount(*texts[:3], ctypes.c_ulong(flags), texts[3]) < 0:
        raise _failure(f"mount {target}")


def detach(target: str) -> None:
    """Unmount, though it is in use: what has it open keeps it."""
    if _LIBC.umount2(target.encode(), 2) < 0:
        raise _failure(f"unmount {target}")


def die_with_parent() -> None:
    prctl(_PR_SET_PDEATHSIG, _SIGKILL)


def become_unreadable() -> None:
    """Nobody of the same user may look into this process, its memory or its open files."""
    prctl(_PR_SET_DUMPABLE, 0)


def gain_nothing_by_exec() -> None:
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """All of them, and those that a program could bring. Raises ``OSError``."""
    prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    for each in range(64):
        try:
            prctl(_PR_CAPBSET_DROP, each)
        except OSError:  # no such capability, or no right to: then there is none to drop
            break
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    call(_SYS_CAPSET[os.uname().machine], header, (ctypes.c_uint32 * 6)())


def _failure(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")
