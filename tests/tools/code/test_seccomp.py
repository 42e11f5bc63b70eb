"""The filter of system calls, of both processors, decided as the kernel decides it."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from conduit.tools.code.inside import seccomp

ALLOW, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""AUDIT_ARCH_* of linux/audit.h."""
NUMBERS = {
    "x86_64": {"read": 0, "mmap": 9, "ioctl": 16, "socketpair": 53, "clone": 56, "clone3": 435,
               "setpriority": 141, "prlimit64": 302, "execve": 59, "landlock_add_rule": 445},
    "aarch64": {"read": 63, "mmap": 222, "ioctl": 29, "socketpair": 199, "clone": 220,
                "clone3": 435, "setpriority": 140, "prlimit64": 261, "execve": 221,
                "landlock_add_rule": 445},
}  # fmt: skip
"""Of asm/unistd_64.h and asm-generic/unistd.h."""


def decided(program: bytes, machine: int, number: int, *arguments: int) -> int:
    """What a BPF program returns (Documentation/networking/filter.rst), for the five instructions
    that ours consist of."""
    given = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, machine, 0, *given)
    lines = list(struct.iter_unpack("<HBBI", program))
    at = accumulator = 0
    while True:
        code, if_so, if_not, value = lines[at]
        at += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, value)
            case 0x06:
                return value
            case 0x15:
                at += if_so if accumulator == value else if_not
            case 0x35:
                at += if_so if accumulator >= value else if_not
            case 0x45:
                at += if_so if accumulator & value else if_not
            case _:
                raise AssertionError(f"no such instruction: {code:#x}")


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_every_call_is_decided_as_it_is_meant(machine: str) -> None:
    program, numbers = seccomp.program(machine), NUMBERS[machine]

    def of(name: str, *arguments: int) -> int:
        return decided(program, ARCHITECTURES[machine], numbers[name], *arguments)

    for number in seccomp.refused(machine).values():
        assert decided(program, ARCHITECTURES[machine], number) == EPERM
    assert of("read") == of("execve") == of("landlock_add_rule") == ALLOW
    assert of("clone3") == ENOSYS  # the C library then takes clone, whose flags can be looked at
    for number in (451, 600, 0x40000000 + 41, 0xFFFFFFFF):
        assert decided(program, ARCHITECTURES[machine], number) == ENOSYS
    other = next(code for name, code in ARCHITECTURES.items() if name != machine)
    assert decided(program, other, numbers["read"]) == KILL
    assert decided(program, 0x40000003, 20) == KILL  # i386

    assert of("clone", 0x01200011) == ALLOW  # fork
    assert of("clone", 0x003D0F00) == ALLOW  # a thread
    for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000,
                 0x40000000):  # fmt: skip
        assert of("clone", 0x11 | flag) == EPERM
    assert of("socketpair", 1) == ALLOW
    assert of("socketpair", 2) == of("socketpair", 16) == EPERM
    assert of("ioctl", 0, 0x5401) == of("ioctl", 0, 0x5421) == ALLOW
    for request in (0x5412, 0x541C, 0x5423, (1 << 32) | 0x5412):
        assert of("ioctl", 0, request) == EPERM
    for flags, meant in ((0x22, ALLOW), (0x02, ALLOW), (0x01, ALLOW), (0x32, ALLOW), (0x21, EPERM),
                         (0x23, EPERM), (0x40022, EPERM), (0x40021, EPERM)):  # fmt: skip
        assert of("mmap", 0, 4096, 3, flags) == meant, hex(flags)
    assert of("prlimit64", 0, 7) == of("setpriority", 0, 0) == of("setpriority", 1, 0) == ALLOW
    assert of("prlimit64", 1, 7) == of("setpriority", 0, 1) == of("setpriority", 2, 0) == EPERM


@pytest.mark.parametrize(
    ("machine", "places"),
    [
        ("x86_64", ["x86_64-linux-gnu/asm/unistd_64.h", "asm/unistd_64.h"]),
        ("aarch64", ["asm-generic/unistd.h"]),
    ],
)
def test_the_numbers_are_those_of_the_kernels_headers(machine: str, places: list[str]) -> None:
    header = next(filter(Path.is_file, (Path("/usr/include", each) for each in places)), None)
    if header is None:
        pytest.skip("the kernel's headers are not installed")
    named = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())
    numbers = {name: int(number) for name, number in named}
    refused = seccomp.refused(machine)
    assert refused == {name: numbers[name] for name in refused}
    assert NUMBERS[machine] == {name: numbers[name] for name in NUMBERS[machine]}


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_the_last_filter_only_closes_what_the_start_needed(machine: str) -> None:
    program = seccomp.last_program(machine)
    assert decided(program, ARCHITECTURES[machine], 445) == EPERM
    assert decided(program, ARCHITECTURES[machine], NUMBERS[machine]["read"]) == ALLOW
    assert decided(program, 0x40000003, 20) == KILL


def test_the_filter_is_well_made() -> None:
    """Every jump stays inside, and the last line allows."""
    for machine in ("x86_64", "aarch64"):
        program = seccomp.program(machine)
        lines = [program[at : at + 8] for at in range(0, len(program), 8)]
        assert len(program) % 8 == 0
        assert len(lines) < 4096  # BPF_MAXINSNS
        for at, line in enumerate(lines):
            code, if_so, if_not = int.from_bytes(line[:2], "little"), line[2], line[3]
            if code & 7 == 5:
                assert at + 1 + max(if_so, if_not) < len(lines)
        assert int.from_bytes(lines[-1][4:], "little") == 0x7FFF0000
    assert not seccomp.is_known("riscv64")
