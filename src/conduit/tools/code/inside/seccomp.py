"""A seccomp filter: which system calls the code may make, as the bytes of a BPF program.

What a Python program needs is allowed. Refused is what reaches the network, other processes, the
kernel or the clock, what makes namespaces or mounts, and memory that no limit counts. What the
kernel learned after this table was written does not exist (``ENOSYS``), so that a new call is not
a new hole. Layouts: ``linux/filter.h``, ``linux/seccomp.h``; numbers: ``asm/unistd_64.h`` and
``asm-generic/unistd.h``.
"""

from __future__ import annotations

import os
import struct
from typing import Final

_LOAD: Final = 0x20
_IF_EQUAL: Final = 0x15
_IF_AT_LEAST: Final = 0x35
_IF_ANY_BIT: Final = 0x45
_RETURN: Final = 0x06

_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_REFUSE: Final = 0x00050000 | 1
"""EPERM."""
_UNKNOWN: Final = 0x00050000 | 38
"""ENOSYS: the C library then takes the older way."""

_NUMBER: Final = 0
_MACHINE: Final = 4
_ARGUMENTS: Final = (16, 24, 32, 40)
"""Offsets of the low halves of the first four, on a little-endian machine."""

_MACHINES: Final = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
MACHINES: Final = tuple(_MACHINES)
_FIRST_UNKNOWN: Final = 451
_UNIX: Final = 1
_NEW_NAMESPACES: Final = 0x7E020000
"""All of CLONE_NEW* that fit clone(2)."""
_TERMINAL: Final = (0x5412, 0x541C, 0x5423)
"""TIOCSTI and TIOCLINUX type into a terminal, TIOCSETD loads drivers."""
_SHARED: Final = 0x01
_OF_NO_FILE: Final = 0x20
_HUGE: Final = 0x40000
"""Flags of mmap(2). What is shared and of no file stays when nobody maps it any more, so that it
belongs to nobody whose memory is counted; huge pages are never counted."""
_OF_A_USER: Final = 2
"""PRIO_USER: the first process of the sandbox is of the same user."""

_CALLS: Final[dict[str, tuple[int | None, int | None]]] = {
    "clone": (56, 220),
    "clone3": (435, 435),
    "ioctl": (16, 29),
    "socketpair": (53, 199),
    "mmap": (9, 222),
    "prlimit64": (302, 261),
    "setpriority": (141, 140),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
    # the network
    "socket": (41, 198),
    "bind": (49, 200),
    "connect": (42, 203),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "setsockopt": (54, 208),  # how much a pair of them holds
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    "ioprio_set": (251, 30),
    # mounts and namespaces
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "setns": (308, 268),
    "unshare": (272, 97),
    # files by other ways than their names, and files that are devices
    "mknod": (133, None),
    "mknodat": (259, 33),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "lookup_dcookie": (212, 18),
    # the kernel
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "personality": (135, 92),
    "acct": (163, 89),
    "syslog": (103, 116),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "vhangup": (153, 58),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    # the clock
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    # memory that belongs to no process, or is placed by hand
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "vmsplice": (278, 75),
    "io_setup": (206, 0),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "mbind": (237, 235),
    "set_mempolicy": (238, 237),
    "set_mempolicy_home_node": (450, 450),
}
_OF_ITSELF: Final = (
    "prlimit64",
    "sched_setaffinity",
    "sched_setscheduler",
    "sched_setparam",
    "sched_setattr",
)
"""Their first argument is a process; 0 is the caller. Others are not to be slowed or starved."""
_LOOKED_INTO: Final = (
    "clone",
    "clone3",
    "ioctl",
    "socketpair",
    "mmap",
    "setpriority",
    *_OF_ITSELF,
)
_LAST: Final = (444, 445)
"""landlock_create_ruleset and landlock_add_rule: needed until the code starts, and then a place for
rules that no limit counts."""


def is_known(machine: str | None = None) -> bool:
    """Whether there is a filter for this kind of processor."""
    return (machine or os.uname().machine) in _MACHINES


def refused(machine: str | None = None) -> dict[str, int]:
    """The calls that nobody makes inside, whatever their arguments, with their numbers."""
    column = _MACHINES[machine or os.uname().machine][1]
    numbers = {name: each[column] for name, each in _CALLS.items() if name not in _LOOKED_INTO}
    return {name: each for name, each in numbers.items() if each is not None}


def program(machine: str | None = None) -> bytes:
    """The filter, as ``struct sock_filter[]``. Raises ``KeyError`` unless ``is_known``."""
    code, column = _MACHINES[machine or os.uname().machine]
    number = {name: each[column] for name, each in _CALLS.items()}
    lines = _beginning(code)
    lines += [
        _line(_IF_AT_LEAST, _FIRST_UNKNOWN, 0, 1),  # those of the x32 variant lie above as well
        _line(_RETURN, _UNKNOWN),
    ]
    for each in refused(machine).values():
        lines += [_line(_IF_EQUAL, each, 0, 1), _line(_RETURN, _REFUSE)]
    lines += [_line(_IF_EQUAL, number["clone3"] or 0, 0, 1), _line(_RETURN, _UNKNOWN)]
    lines += _looked_into(number["clone"], 0, [_line(_IF_ANY_BIT, _NEW_NAMESPACES, 0, 1)])
    lines += _looked_into(number["socketpair"], 0, [_line(_IF_EQUAL, _UNIX, 1, 0)])
    for request in _TERMINAL:
        lines += _looked_into(number["ioctl"], 1, [_line(_IF_EQUAL, request, 0, 1)])
    both = [_line(_IF_ANY_BIT, _OF_NO_FILE, 0, 2), _line(_IF_ANY_BIT, _SHARED, 0, 1)]
    lines += _looked_into(number["mmap"], 3, both)
    lines += _looked_into(number["mmap"], 3, [_line(_IF_ANY_BIT, _HUGE, 0, 1)])
    lines += _looked_into(number["setpriority"], 0, [_line(_IF_EQUAL, _OF_A_USER, 0, 1)])
    lines += _looked_into(number["setpriority"], 1, [_line(_IF_EQUAL, 0, 1, 0)])
    for name in _OF_ITSELF:
        lines += _looked_into(number[name], 0, [_line(_IF_EQUAL, 0, 1, 0)])
    lines.append(_line(_RETURN, _ALLOW))
    return b"".join(lines)


def last_program(machine: str | None = None) -> bytes:
    """A second filter, for the moment before the code starts. Raises like ``program``."""
    lines = _beginning(_MACHINES[machine or os.uname().machine][0])
    for each in _LAST:
        lines += [_line(_IF_EQUAL, each, 0, 1), _line(_RETURN, _REFUSE)]
    lines.append(_line(_RETURN, _ALLOW))
    return b"".join(lines)


def _beginning(code: int) -> list[bytes]:
    return [
        _line(_LOAD, _MACHINE),
        _line(_IF_EQUAL, code, 1, 0),
        _line(_RETURN, _KILL),  # a program for another processor has other numbers
        _line(_LOAD, _NUMBER),
    ]


def _looked_into(number: int | None, argument: int, test: list[bytes]) -> list[bytes]:
    """Refuse a call by one of its arguments: the test goes on to refuse, or jumps over it."""
    assert number is not None
    inside = [_line(_LOAD, _ARGUMENTS[argument]), *test, _line(_RETURN, _REFUSE)]
    inside.append(_line(_LOAD, _NUMBER))  # for the tests that follow
    return [_line(_IF_EQUAL, number, 0, len(inside)), *inside]


def _line(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_so, if_not, value)
