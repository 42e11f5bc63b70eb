"""Killing a process at a chosen moment: what the tests of plans and of agents share.

A module that does the work is started once and imports everything once; each line on its standard
input is a child of its own, and answered with how it ended.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from conduit.store.database import Database
from conduit.store.runs import Runs

ROOT = Path(__file__).parents[2]


def killing_at(point: str, now: str) -> None:
    """Be killed, if this is the moment."""
    if point == now:
        os.kill(os.getpid(), signal.SIGKILL)


class KilledRuns(Runs):
    """Counts transactions, and is killed before or after one."""

    point = "never"
    commits = 0

    async def begin(self, *given: Any) -> Any:
        return await self._counted(super().begin(*given))

    async def append(self, *given: Any, **more: Any) -> Any:
        return await self._counted(super().append(*given, **more))

    async def _counted(self, work: Any) -> Any:
        number, self.commits = self.commits, self.commits + 1
        if self.point == f"commit:{number}:before":
            work.close()
            os.kill(os.getpid(), signal.SIGKILL)
        made = await work
        killing_at(self.point, f"commit:{number}:after")
        return made


def in_children(work: Callable[[list[str]], None]) -> None:
    """Do what each line of standard input says, in a child, and say how that one ended."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            work(line.split())
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def empty_database(folder: Path) -> Path:
    """One to be copied: migrating it takes longer than the work."""
    path = folder / "empty.db"
    with closing(Database(f"sqlite:///{path}")) as database:
        database.engine.connect().close()
    return path


@contextmanager
def killer(module: str, folder: Path) -> Iterator[Callable[..., int]]:
    """The module at work in a folder: called with the words of a line, it says how that ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    commands, answers = process.stdin, process.stdout

    def kill(*words: str) -> int:
        print(*words, file=commands, flush=True)
        return int(answers.readline())

    yield kill
    commands.close()
    process.wait(30)
    answers.close()
    assert process.returncode == 0
