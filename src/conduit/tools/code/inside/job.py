"""What a sandbox is told to do, as plain JSON that a bare interpreter can read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

SCRATCH = "/scratch"
MAIN = "main.py"


@dataclass(frozen=True)
class Layout:
    """What is there to see inside: everything else is not."""

    folders: tuple[str, ...] = ()
    """Of the machine, at the same place, only to be read."""
    links: tuple[tuple[str, str], ...] = ()
    """Symbolic links: what they say, and where they are."""
    files: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    """Folders inside ``folders`` that are empty instead."""


@dataclass(frozen=True)
class Job:
    """One run. Sizes are bytes."""

    code: str
    stdin: str
    files: dict[str, str]
    """Contents in base64."""
    interpreter: str
    layout: Layout
    seconds: float
    memory: int
    largest_file: int
    scratch: int
    most_files: int
    processes: int
    most_kept: int
    """Files that are handed back."""
    largest_kept: int
    """All of them together."""
    uid: int | None = None
    """Somebody else to become; None: who starts it is nobody special."""
    environment: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @staticmethod
    def decoded(data: bytes) -> Job:
        plain = json.loads(data)
        layout = plain.pop("layout")
        return Job(layout=Layout(**layout), **plain)
