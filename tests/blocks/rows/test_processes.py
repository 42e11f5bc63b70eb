"""Worker processes, for real: order, death, what they leave behind. (Starting one takes half a
second on a busy machine, so each test asks for as few as it can.)"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conduit.blocks import block
from conduit.blocks.rows import RowError, map_rows
from conduit.blocks.rows.chunks import Chunk
from conduit.blocks.rows.processes import Processes
from conduit.blocks.rows.transport import packed_job
from conduit.contracts.errors import ConfigError, Unavailable
from tests.blocks.rows import steps
from tests.blocks.rows.steps import Bright, Chord, Heavy, Mode, Note, notes

ROOT = Path(__file__).parents[3]


def test_order_errors_and_inputs_are_those_of_one_process() -> None:
    rows: list[Any] = [*notes(3000), {"pitch": 3}, (8, "t"), {"pitch": "x"}, 9, Bright(1)]
    alone = list(map_rows(steps.fussy, rows))
    assert list(map_rows(steps.fussy, rows, workers=2)) == alone
    assert not multiprocessing.active_children()


def test_nested_outputs_and_unordered_results() -> None:
    rows = list(map_rows(steps.chord, notes(500), workers=2, ordered=False, chunk=16))
    assert sorted(row.index for row in rows) == list(range(500))
    by_index = {row.index: row.output for row in rows}
    assert by_index[3] == Chord([Note(3, "n3"), Bright(7)], Mode.LOUD, Note(3, "n3"))


def test_pipelines_unions_and_generic_edges(tmp_path: Path) -> None:
    pipeline = steps.up >> steps.rest
    rows = list(map_rows(pipeline, notes(90), workers=2, checkpoint=tmp_path, chunk=8))
    assert rows == list(map_rows(pipeline, notes(90)))
    assert rows == list(map_rows(pipeline, notes(90), checkpoint=tmp_path))
    played = map_rows(steps.play, [row.output for row in rows], workers=2)
    assert [note.pitch for note in played.outputs()][:3] == [1, 2, -3]
    pages = map_rows(steps.up >> steps.page, notes(50), workers=2).collect()
    assert pages[4] == steps.Page([Note(5, "n4"), Bright(5)])


def test_asynchronous_rows_run_at_once_in_each_process() -> None:
    results = map_rows(steps.later, notes(200), workers=2, at_once=20)
    assert [row.index for row in results] == list(range(200))
    assert [(e.index, e.message) for e in results.errors] == [(13, "ValueError: unlucky")]


def test_a_block_is_built_once_in_each_worker_and_closed(tmp_path: Path) -> None:
    pipeline = steps.up >> Heavy(str(tmp_path))
    outputs = map_rows(pipeline, notes(400), workers=2, chunk=10).collect()
    assert {told.setups for told in outputs} == {1}
    pids = {told.pid for told in outputs}
    assert os.getpid() not in pids
    assert {path.name for path in tmp_path.iterdir()} == {f"closed-{pid}" for pid in pids}


def test_only_the_row_that_kills_is_lost(tmp_path: Path) -> None:
    once = str(tmp_path / "seen")
    rows = [Note(i, once) for i in range(120)]
    results = map_rows(steps.kill, rows, workers=2, chunk=25)
    assert [row.index for row in results if row.output == rows[row.index]] == [
        i for i in range(120) if i != 50
    ]
    (error,) = results.errors
    assert (error.index, error.code) == (50, "unavailable")
    assert error.message == "the process that ran it died (signal 9)"


def test_a_block_that_cannot_start_says_why() -> None:
    with pytest.raises(ConfigError, match="setup\\(\\) failed: OSError: no model here"):
        map_rows(steps.Unbuildable(), notes(3), workers=2).collect()
    assert not multiprocessing.active_children()


def test_a_block_that_cannot_travel_is_named() -> None:
    @block("notes.local", summary="Not at module level")
    def local(note: Note) -> Note:
        return note

    with pytest.raises(ConfigError, match=r"notes\.local: the block cannot be sent") as caught:
        map_rows(local, notes(3), workers=2).collect()
    assert "module level" in caught.value.hint


def test_blocks_are_pickled_by_name_and_others_without_what_was_computed(tmp_path: Path) -> None:
    assert pickle.loads(pickle.dumps(steps.up)) is steps.up
    heavy = Heavy(str(tmp_path))
    assert heavy(Note(1)).pid == os.getpid()  # its checks are compiled, and cannot be pickled
    copy = pickle.loads(pickle.dumps(heavy))
    assert vars(copy) == {"folder": str(tmp_path)}


def test_a_row_that_cannot_travel_is_an_error_of_its_own() -> None:
    rows: list[Any] = [Note(1), {"pitch": (i for i in "x")}, Note(3)]
    found = list(map_rows(steps.up, rows, workers=2, chunk=3))
    assert [row.output for row in found] == [Note(2), None, Note(4)]
    assert found[1].error == RowError(
        1,
        "invalid_input",
        "dict cannot be sent to another process: cannot pickle 'generator' object",
    )


def test_an_interrupt_kills_the_workers_in_the_middle_of_a_row(tmp_path: Path) -> None:
    rows = [Note(i, str(tmp_path)) for i in range(10)]
    with _interrupted_once(lambda: bool(_pids(tmp_path))), pytest.raises(KeyboardInterrupt):
        map_rows(steps.sleep, rows, workers=2, chunk=1).collect()
    _require_gone(tmp_path)
    assert not multiprocessing.active_children()


@contextlib.contextmanager
def _interrupted_once(ready: Callable[[], bool]) -> Iterator[None]:
    """Raise ``KeyboardInterrupt`` here, as Ctrl-C would, as soon as something is so."""

    def look(*_: object) -> None:
        if ready():
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


async def test_cancelling_kills_the_workers(tmp_path: Path) -> None:
    async def read() -> None:
        rows = [Note(i, str(tmp_path)) for i in range(10)]
        async for _ in map_rows(steps.sleep, rows, workers=2, chunk=1):
            raise AssertionError("no row ends")

    task = asyncio.create_task(read())
    await asyncio.to_thread(_wait_for_pids, tmp_path)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    _require_gone(tmp_path)


def test_a_killed_parent_takes_its_workers_along(tmp_path: Path) -> None:
    script = f"""
        from conduit.blocks.rows import map_rows
        from tests.blocks.rows.steps import Note, sleep
        if __name__ == "__main__":
            rows = [Note(i, {str(tmp_path)!r}) for i in range(10)]
            map_rows(sleep, rows, workers=2, chunk=1).collect()
    """
    parent = _python(tmp_path / "script.py", script)
    _wait_for_pids(tmp_path)
    parent.kill()
    parent.communicate()
    _require_gone(tmp_path)


SCRIPT = """
    from dataclasses import dataclass
    from conduit.blocks import block
    from conduit.blocks.rows import map_rows
    @dataclass(frozen=True)
    class N:
        n: int
    @block("script.up", summary="One up")
    def up(data: N) -> N:
        return N(data.n + 1)
"""


def test_blocks_of_a_script_work_below_its_main_guard(tmp_path: Path) -> None:
    body = """
    if __name__ == "__main__":
        print(sum(o.n for o in map_rows(up, map(N, range(100)), workers=2).outputs()))
    """
    process = _python(tmp_path / "script.py", SCRIPT + body)
    assert process.communicate(timeout=50)[0].strip() == "5050"


def test_a_script_without_a_main_guard_is_told(tmp_path: Path) -> None:
    body = """
    print(map_rows(up, map(N, range(100)), workers=2).collect())
    """
    process = _python(tmp_path / "script.py", SCRIPT + body)
    output, said = process.communicate(timeout=50)
    assert process.returncode == 1
    assert output == ""
    assert 'put the work of a script below `if __name__ == "__main__":`' in said
    assert "a worker process died before it could start" in said
    assert "During handling of the above exception" not in said


def test_a_program_that_was_piped_in_is_told_before_anything_starts(tmp_path: Path) -> None:
    body = """
    if __name__ == "__main__":
        map_rows(up, map(N, range(100)), workers=2).collect()
    """
    process = _python(tmp_path / "script.py", SCRIPT + body, piped=True)
    said = process.communicate(timeout=50)[1]
    assert process.returncode == 1
    assert "ConfigError: workers: worker processes cannot import this program" in said
    assert said.count("Traceback") == 1


def test_a_block_below_the_main_guard_is_told_to_move(tmp_path: Path) -> None:
    body = """
    if __name__ == "__main__":
        @block("n.down", summary="Count down")
        def down(data: N) -> N:
            return data
        map_rows(down, map(N, range(100)), workers=2).collect()
    """
    process = _python(tmp_path / "script.py", SCRIPT + body)
    said = process.communicate(timeout=50)[1]
    assert process.returncode == 1
    assert "hint: the worker imports the modules that define the block" in said
    assert 'not below `if __name__ == "__main__":`' in said


def test_a_block_that_always_kills_does_not_go_on_for_ever() -> None:
    engine = Processes(steps.kill, packed_job(steps.kill, "object", 1), 1, most_deaths=2)
    engine.submit(Chunk(0, [Note(50)] * 9))
    with pytest.raises(Unavailable, match="3 worker processes died one after another"):
        engine.next()
    engine.close(orderly=False)
    assert not multiprocessing.active_children()


def _python(path: Path, script: str, *, piped: bool = False) -> subprocess.Popen[str]:
    path.write_text(textwrap.dedent(script))
    paths = os.pathsep.join([str(ROOT), *(p for p in sys.path if p)])
    with path.open() as source:
        return subprocess.Popen(
            [sys.executable, "-" if piped else str(path)],
            stdin=source,
            env={**os.environ, "PYTHONPATH": paths},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def _pids(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir() if path.name.isdigit()]


def _wait_for_pids(folder: Path) -> None:
    until = time.monotonic() + 30
    while not _pids(folder):
        assert time.monotonic() < until
        time.sleep(0.01)


def _require_gone(folder: Path) -> None:
    """The processes that left their id in the folder end within a moment."""
    pids = _pids(folder)
    assert pids
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if not any(_is_alive(pid) for pid in pids):
            return
        time.sleep(0.02)
    raise AssertionError(f"still there: {pids}")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")
