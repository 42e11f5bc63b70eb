"""What a sandbox is: a run goes in, what became of it comes out, and nothing else happens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

Why = Literal["ok", "error", "time", "memory", "output", "killed"]

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Run:
    """Code, and how much it may take. Sizes are bytes."""

    code: str
    stdin: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    """By name, laid into the scratch folder before the code starts."""
    seconds: float = 10.0
    memory: int = 256 * MIB
    """For all its processes together."""
    largest_output: int = 64 * 1024
    """Of stdout, and of stderr."""
    scratch: int = 32 * MIB
    most_files: int = 2000
    processes: int = 32
    """And threads."""
    most_kept: int = 32
    largest_kept: int = 4 * MIB
    """Files that are handed back, together."""


@dataclass(frozen=True, slots=True)
class LeftFile:
    """A file that the code made or changed. ``data`` is None when there was no room for it."""

    name: str
    size: int
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a run. ``reason`` is for people, empty when all went well."""

    why: Why
    reason: str = ""
    exit_code: int | None = None
    """None when it was stopped; minus the signal when one ended it."""
    stdout: bytes = b""
    stderr: bytes = b""
    files: tuple[LeftFile, ...] = ()
    more_files: bool = False
    duration_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Strength:
    """Which sandbox it is, and what keeps the code inside."""

    name: str
    strength: Literal["strong", "small"]
    """``strong``: a whole Python that the kernel holds. ``small``: a small Python of its own that
    knows no files, no network and few modules."""
    layers: tuple[str, ...]


class Sandbox(Protocol):
    """One way of keeping code inside."""

    @property
    def strength(self) -> Strength: ...

    async def run(self, run: Run) -> Ran:
        """Run to the end, or until a bound is reached. Nothing of it is left when this returns or
        raises, cancellation included.

        Raises ``Unavailable`` when the sandbox itself cannot be made.
        """
        ...
