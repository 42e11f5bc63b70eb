"""What is kept, found again, dropped; by threads, by processes, through a kill."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from conduit.blocks import Block, Effects, block, cache, trace
from conduit.blocks.cache import CacheFolder
from conduit.contracts.errors import ConfigError, TypeMismatch
from tests.blocks.generated import Tree
from tests.blocks.nouns import Count, Step, Words, spell

ROOT = Path(__file__).parents[2]


class Counting(Block[Words, Count]):
    """Counts its calls."""

    name = "text.counting"
    summary = "Count calls"

    def __init__(self) -> None:
        self.by = 1

    def setup(self) -> None:
        self.calls: list[Words] = []  # no setting: not kept, not part of what the block is

    def forward(self, data: Words) -> Count:
        self.calls.append(data)
        return Count(len(self.calls) * self.by)


def entries(folder: Path) -> list[Path]:
    return sorted(filter(Path.is_file, folder.rglob("*")))


def test_an_equal_input_is_answered_from_the_folder(tmp_path: Path) -> None:
    inner = Counting()
    kept = cache(inner, tmp_path)
    assert [kept(Words(w)) for w in ("a", "b", "a")] == [Count(1), Count(2), Count(1)]
    assert cache(Counting(), tmp_path)(Words("b")) == Count(2)
    assert len(entries(tmp_path)) == 2


async def test_all_forms_share_it(tmp_path: Path) -> None:
    kept = cache(Counting(), tmp_path)
    assert await kept.acall(Words("a")) == Count(1)
    assert [item async for item in kept.astream(Words("a"))] == [Count(1)]
    assert kept(Words("a")) == Count(1)


async def test_events_pass_when_it_is_made_and_not_when_it_is_known(tmp_path: Path) -> None:
    kept = cache(spell, tmp_path)
    assert [i async for i in kept.astream(Words("a b"))] == [Step("a"), Step("b"), Count(2)]
    assert [i async for i in kept.astream(Words("a b"))] == [Count(2)]


def test_a_trace_tells_a_hit(tmp_path: Path) -> None:
    kept = cache(Counting(), tmp_path) >> Counted()
    for expected in (False, True):
        with trace() as seen:
            kept(Words("a"))
        assert seen.spans[0].cached is expected


class Counted(Block[Count, Count]):
    name = "count.same"
    summary = "Pass on"

    def forward(self, data: Count) -> Count:
        return data


def test_only_what_is_worth_it_is_kept(tmp_path: Path) -> None:
    kept = cache(Counting(), tmp_path, when=lambda made: made.words > 1)
    assert [kept(Words("a")) for _ in range(3)] == [Count(1), Count(2), Count(2)]


def test_a_failure_is_not_kept(tmp_path: Path) -> None:
    class Failing(Counting):
        def forward(self, data: Words) -> Count:
            if not self.calls:
                self.calls.append(data)
                raise OSError("first")
            return Count(5)

    kept = cache(Failing(), tmp_path)
    with pytest.raises(OSError, match="first"):
        kept(Words("a"))
    assert entries(tmp_path) == []
    assert kept(Words("a")) == Count(5)


def test_a_changed_block_starts_anew(tmp_path: Path) -> None:
    def made_by(inner: Block[Words, Count]) -> Count:
        return cache(inner, tmp_path)(Words("a"))

    assert made_by(Counting()) == Count(1)
    setting = Counting()
    setting.by = 10
    assert made_by(setting) == Count(10)
    version = Counting()
    version.version = "2"
    version.by = 100
    assert made_by(version) == Count(100)

    class Twice(Counting):
        def forward(self, data: Words) -> Count:
            return Count(2)

    assert made_by(Twice()) == Count(2)
    assert made_by(Counting()) == Count(1)
    assert len(entries(tmp_path)) == 4


@dataclass
class Cat:
    name: str


@dataclass
class Dog:
    name: str


@dataclass
class Holder:
    pets: list[Cat | Dog]


def test_classes_that_look_alike_are_kept_apart(tmp_path: Path) -> None:
    @block("pet.swap", summary="The other one")
    def swap(data: Cat | Dog) -> Cat | Dog:
        return Dog(data.name) if isinstance(data, Cat) else Cat(data.name)

    @block("pet.name", summary="What it is")
    def kind(data: Holder) -> Words:
        return Words(" ".join(type(pet).__name__ for pet in data.pets))

    swapped, told = cache(swap, tmp_path), cache(kind, tmp_path)
    for _ in range(2):
        assert swapped(Cat("a")) == Dog("a")
        assert swapped(Dog("a")) == Cat("a")
        assert told(Holder([Cat("a"), Dog("a")])) == Words("Cat Dog")
        assert told(Holder([Dog("a"), Cat("a")])) == Words("Dog Cat")


def test_a_subclass_is_another_input(tmp_path: Path) -> None:
    @dataclass
    class Kitten(Cat):
        weeks: int = 1

    @block("cat.age", summary="Weeks")
    def age(data: Cat) -> Count:
        return Count(getattr(data, "weeks", 99))

    kept = cache(age, tmp_path)
    assert [kept(each) for each in (Kitten("a", 3), Kitten("a", 4), Cat("a"))] == [
        *(Count(3), Count(4), Count(99)),
    ]


@dataclass
class Odd:
    """Nothing that JSON gives back as it was."""

    number: int
    start: InitVar[int]
    _hidden: int = field(default=0, init=False)

    def __post_init__(self, start: int) -> None:
        self._hidden = start


@dataclass
class Picky:
    number: int

    def __post_init__(self) -> None:
        if type(self).closed:
            raise KeyError("closed")

    closed = False


@pytest.mark.parametrize(
    "made",
    [Odd(1, 2), Count(2**70), Words("\ud800"), Words("\0")],
    ids=["init", "long", "surrogate", "nul"],
)
def test_what_does_not_come_back_as_it_was_is_made_anew(made: Any, tmp_path: Path) -> None:
    class Giving(Block[Words, type(made)]):  # type: ignore[misc]
        name = "text.give"
        summary = "Give it"

        def setup(self) -> None:
            self.calls: list[Words] = []

        def forward(self, data: Words) -> Any:
            self.calls.append(data)
            return made

    giving = Giving()
    kept = cache(giving, tmp_path)
    assert kept(Words("a")) is made
    assert kept(Words("a")) is made
    assert len(giving.calls) == 2
    assert entries(tmp_path) == []


def test_a_dataclass_that_refuses_what_was_kept_fails_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @block("text.picky", summary="Give it")
    def give(data: Words) -> Picky:
        return made

    made = Picky(1)
    kept = cache(give, tmp_path)
    kept(Words("a"))
    monkeypatch.setattr(Picky, "closed", True)
    assert kept(Words("a")) is made


@pytest.mark.parametrize("text", ["\ud800", "\0", "x" * 1_000_000])
def test_any_input_has_an_entry(text: str, tmp_path: Path) -> None:
    kept = cache(Counting(), tmp_path)
    assert [kept(Words(text)), kept(Words(text)), kept(Words(text + "x"))] == [
        *(Count(1), Count(1), Count(2)),
    ]
    assert cache(Counted(), tmp_path)(Count(2**70)) == Count(2**70)


def test_what_is_nested_too_deep_for_an_entry_is_made_anew(tmp_path: Path) -> None:
    @block("tree.same", summary="Pass on")
    def same_tree(data: Tree) -> Tree:
        return data

    kept = cache(same_tree, tmp_path)
    for length in range(0, 400, 20):
        tree = Tree("leaf")
        for _ in range(length):
            tree = Tree("node", parent=tree)
        assert kept(tree) is tree


def test_a_wrong_input_is_refused_before_the_folder_is_asked(tmp_path: Path) -> None:
    kept = cache(Counting(), tmp_path)
    with pytest.raises(TypeMismatch, match="expected str, got int 3"):
        kept(Words(3))  # type: ignore[arg-type]
    assert entries(tmp_path) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes().replace(b"1", b"7")),
        lambda path: path.write_bytes(b"0" * 64 + b'{"words":7}'),
    ],
)
def test_a_damaged_entry_counts_as_absent(damage: Any, tmp_path: Path) -> None:
    kept = cache(Counting(), tmp_path)
    kept(Words("a"))
    (entry,) = entries(tmp_path)
    damage(entry)
    assert kept(Words("a")) == Count(2)
    assert kept(Words("a")) == Count(2)


def test_a_folder_that_cannot_be_written_fails_nobody_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    kept = cache(Counting(), tmp_path / "file" / "below")
    assert [kept(Words("a")), kept(Words("a"))] == [Count(1), Count(2)]
    (told,) = caplog.records
    assert (told.name, told.levelname) == ("conduit.cache", "WARNING")
    assert told.message.startswith(f"nothing is kept in {tmp_path / 'file' / 'below'}: ")


@pytest.mark.parametrize(
    "effects", [Effects.WRITES_FILES, Effects.WRITES_STATE, Effects.RUNS_COMMANDS]
)
def test_a_block_that_changes_something_is_refused(effects: Effects, tmp_path: Path) -> None:
    class Writing(Counting):
        pass

    Writing.effects = effects | Effects.READS
    with pytest.raises(ConfigError, match="changes something each time"):
        cache(Writing(), tmp_path)
    with pytest.raises(ConfigError, match="changes something each time"):
        cache(Counting() >> Counted() >> WritingCount(), tmp_path)
    with pytest.raises(ConfigError, match="keeps nothing"):
        cache(Counting(), tmp_path, max_bytes=0)


class WritingCount(Counted):
    effects = Effects.WRITES_FILES


def test_the_folder_stays_bounded_and_the_oldest_go_first(tmp_path: Path) -> None:
    folder = CacheFolder(tmp_path, 10_000)
    for number in range(200):
        folder.put(f"{number:064x}", b"x" * 236)
        if number % 10 == 0:
            time.sleep(0.002)  # so that the file times differ
        assert folder.get("0" * 64) is not None  # asked for again and again: stays
    held = entries(tmp_path)
    assert sum(path.stat().st_size for path in held) <= 10_000
    assert len(held) >= 20
    assert folder.get(f"{199:064x}") == b"x" * 236
    assert folder.get(f"{1:064x}") is None
    folder.put("f" * 64, b"x" * 10_000)  # more than all of it
    assert folder.get("f" * 64) is None


def test_two_that_write_to_one_folder_stay_within_it_together(tmp_path: Path) -> None:
    one, other = CacheFolder(tmp_path, 10_000), CacheFolder(tmp_path, 10_000)
    for number in range(100):
        for folder, first in ((one, "a"), (other, "b")):
            folder.put(first + f"{number:063x}", b"x" * 236)
            size = sum(path.stat().st_size for path in entries(tmp_path))
            assert size <= 12_000  # each may be a tenth ahead of what it has seen


def test_threads_share_a_folder(tmp_path: Path) -> None:
    kept = cache(Counted(), tmp_path, max_bytes=4_000)
    wrong: list[Any] = []

    def work() -> None:
        for number in range(60):
            made = kept(Count(number))
            if made != Count(number):
                wrong.append(made)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_it_travels_to_another_process_without_what_can_be_made_again(tmp_path: Path) -> None:
    kept = cache(Counting(), tmp_path)
    kept(Words("a"))
    again = pickle.loads(pickle.dumps(kept))
    assert again(Words("a")) == Count(1)
    assert again(Words("b")) == Count(1)  # a Counting that was set up anew


_PROGRAM = """
import sys
from conduit.blocks import cache
from tests.blocks.test_cache import Counted
from tests.blocks.nouns import Count
kept = cache(Counted(), sys.argv[1], max_bytes=int(sys.argv[3]))
print("ready", flush=True)
for number in range(int(sys.argv[2])):
    assert kept(Count(number % 50)) == Count(number % 50)
"""


def _process(
    folder: Path, calls: int, max_bytes: int = 1 << 20, seed: str = "random"
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(folder), str(calls), str(max_bytes)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
            "PYTHONHASHSEED": seed,
        },
    )


def test_another_process_finds_what_this_one_kept(tmp_path: Path) -> None:
    for seed in ("1", "2"):
        _, said = _process(tmp_path, 50, seed=seed).communicate(timeout=50)
        assert said == b""
        assert len(entries(tmp_path)) == 50
    kept = cache(Counted(), tmp_path)
    with trace() as seen:
        (kept >> Counted())(Count(49))
    assert seen.spans[0].cached is True


def test_processes_share_a_folder_and_its_entries(tmp_path: Path) -> None:
    """Two at once, in a folder too small for all: what they read is always whole."""
    both = [_process(tmp_path, 400, 3_000), _process(tmp_path, 400, 3_000)]
    for process in both:
        _, said = process.communicate(timeout=50)
        assert process.returncode == 0, said
    assert sum(path.stat().st_size for path in entries(tmp_path)) <= 3_600


def test_a_kill_leaves_whole_entries_only(tmp_path: Path) -> None:
    process = _process(tmp_path, 10_000_000, 2_000)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    until = time.monotonic() + 30
    while not any(not path.name.startswith(".") for path in entries(tmp_path)):
        assert time.monotonic() < until
        time.sleep(0.01)
    time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=50)
    kept = cache(Counted(), tmp_path, max_bytes=2_000)
    for number in range(50):
        assert kept(Count(number)) == Count(number)
    whole = [path for path in entries(tmp_path) if not path.name.startswith(".")]
    assert whole
    assert all(CacheFolder(tmp_path, 2_000).get(path.name) for path in whole)


async def test_closing_a_stream_that_is_being_kept_closes_the_block(tmp_path: Path) -> None:
    past: list[str] = []

    class Slow(Block[Words, Count]):
        name = "text.slow"
        summary = "Wait"

        async def forward(self, data: Words) -> AsyncIterator[Step | Count]:
            try:
                yield Step("one")
                yield Count(1)
            finally:
                past.append("closed")

    stream = cache(Slow(), tmp_path).astream(Words("a"))
    assert await anext(stream) == Step("one")
    await stream.aclose()
    assert (past, entries(tmp_path)) == (["closed"], [])
