"""An agent that is killed with SIGKILL at every moment, and gone on with by another process."""

from __future__ import annotations

import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from conduit.agents.runs.steps import Called, Calling, RunStep, Sampled, read
from conduit.contracts.call import DEFAULT_ORG
from conduit.store.conversations import Conversations
from conduit.store.database import Database
from conduit.store.runs import Runs
from conduit.telemetry.ids import IdMaker
from tests.agents.killing import empty_database, killer
from tests.agents.runs.killed import ANSWERS, COMMITS, ONCE, SAMPLES, TOOK, WORDS, work

POINTS = [
    *(f"commit:{n}:{when}" for n in range(COMMITS) for when in ("before", "after")),
    *(f"{word}:{when}" for word in WORDS for when in ("before", "after")),
    *(f"model:{n}" for n in range(len(ANSWERS))),
]

Kill = Callable[[str, str], int]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With an empty database."""
    return empty_database(tmp_path_factory.mktemp("killed")).parent


@pytest.fixture(scope="module")
def kill(folder: Path) -> Iterator[Kill]:
    """Works in a process of its own, which is killed at a point; how that one ended."""
    with killer("tests.agents.runs.killed", folder) as ended:
        yield ended


class Killed:
    """What there is of a run after its process was killed."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        shutil.copy(folder / "empty.db", folder / f"{name}.db")
        self._notes = folder / f"{name}.notes"
        self._notes.touch()

    @property
    def done(self) -> Counter[str]:
        """How often each word was really noted."""
        return Counter(self._notes.read_text().split())

    def steps(self) -> list[RunStep]:
        """Those of its run; none where there is no run."""
        with closing(Database(f"sqlite:///{self.folder}/{self.name}.db")) as database:
            runs = Runs(database, time.time)
            found = runs.newest(DEFAULT_ORG)
            rows = runs.steps(DEFAULT_ORG, found[0].id) if found else []
        return [read(row.kind, row.body) for row in rows]

    def stored(self) -> tuple[bool, set[str], set[str]]:
        """Whether there is a run, the words that it stored as done, and those only as begun."""
        steps = self.steps()
        names = {f"{t}{n}": w for t, calls in enumerate(ANSWERS) for n, (_, w) in enumerate(calls)}
        done = {names[step.id] for step in steps if isinstance(step, Called)}
        begun = {names[step.id] for step in steps if isinstance(step, Calling)}
        return bool(steps), done, begun - done

    def turns(self) -> int:
        """How many messages of a person the conversation has."""
        with closing(Database(f"sqlite:///{self.folder}/{self.name}.db")) as database:
            window = Conversations(database, IdMaker()).window(DEFAULT_ORG, "default", 100)
        return sum(stored.message.role == "user" for stored in window)


@pytest.mark.parametrize("point", POINTS)
async def test_an_agent_that_is_killed_goes_on_and_does_nothing_twice(
    folder: Path, kill: Kill, point: str
) -> None:
    killed = Killed(folder, point.replace(":", "_"))
    assert kill(killed.name, point) == -signal.SIGKILL
    before, (there, done, begun) = killed.done, killed.stored()
    if not there:
        assert point == "commit:0:before"  # nobody was told that it was accepted
        assert not before
        return
    if killed.turns():
        assert point == f"commit:{COMMITS - 1}:after"  # it was over
        assert all(before[word] == 1 for word in ONCE)
        return
    reply = await work(folder, killed.name, "never", resume=True)
    assert (reply.status, reply.text) == ("done", "Answer 0.\n\nAnswer 1.\n\nAnswer 2.")
    assert killed.turns() == 1
    for word in done:
        assert killed.done[word] == before[word], "what was stored was done again"
    unsure = {
        use.arguments["word"]
        for use in reply.tool_calls
        if use.error and use.error.code == "conflict"
    }
    assert unsure == begun & ONCE  # the model is told, and nobody does it again
    for word in WORDS:
        most = 1 if word in ONCE else 2
        least = before[word] if word in unsure else 1
        assert least <= killed.done[word] <= most, (word, killed.done)


@pytest.mark.parametrize(
    "point",
    [
        *(f"sample:{n}" for n in range(1, SAMPLES)),
        *(f"commit:{n}:after" for n in range(1, SAMPLES + 2)),
    ],
)
async def test_a_vote_that_is_killed_goes_on_and_asks_nobody_twice(
    folder: Path, kill: Kill, point: str
) -> None:
    killed = Killed(folder, f"vote_{point.replace(':', '_')}")
    ended = kill(killed.name, point)
    asked = killed.done["sample"]
    before = [step for step in killed.steps() if isinstance(step, Sampled)]
    if killed.turns():  # it was over: samples that end at once are stored at once
        assert (point.partition(":")[0], len(before)) == ("commit", SAMPLES - 1)
        return
    assert ended == -signal.SIGKILL
    reply = await work(folder, killed.name, "never", resume=True)
    assert (reply.status, reply.text) == ("done", "Answer 0.")  # the first of equals
    assert reply.agreement is not None
    assert (reply.agreement.answers, reply.agreement.agreement) == (SAMPLES, 1 / SAMPLES)
    after = [step for step in killed.steps() if isinstance(step, Sampled)]
    assert after[: len(before)] == before
    assert sorted(each.number for each in after) == list(range(1, SAMPLES))
    assert killed.done["sample"] - asked == SAMPLES - 1 - len(before), "only what was missing"
    assert reply.usage is not None
    assert reply.usage.input_tokens == SAMPLES * TOOK.input_tokens, "and each is counted once"
    assert killed.turns() == 1


async def test_without_a_kill_everything_is_done_once(folder: Path, kill: Kill) -> None:
    killed = Killed(folder, "whole")
    assert kill("whole", f"commit:{COMMITS}:before") == 0  # there is no such transaction
    assert killed.done == Counter(WORDS)
    assert killed.turns() == 1
