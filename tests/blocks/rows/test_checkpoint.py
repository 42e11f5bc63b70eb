"""A checkpoint survives kills at any moment: no row lost, doubled or, once finished, run again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from conduit.blocks import Block
from conduit.blocks.rows import Row, map_rows, read_jsonl
from conduit.contracts.errors import ConduitError, ConfigError, Conflict
from tests.blocks.rows import steps
from tests.blocks.rows.steps import Note, notes

ROOT = Path(__file__).parents[3]
ROWS = 1200

SCRIPT = """
import sys, time
from conduit.blocks.rows import map_rows
from tests.blocks.rows.steps import Note, record
def made(name, count, most):
    for i in range(count):
        if i == most:
            time.sleep(600)  # to be killed here at the latest
        yield Note(i, name)
if __name__ == "__main__":
    rows = made(sys.argv[1], int(sys.argv[2]), int(sys.argv[4]))
    for row in map_rows(record, rows, workers=2, chunk=20, checkpoint=sys.argv[3]):
        print(row.index, row.output.pitch if row.output else row.error.message)
"""


@pytest.mark.timeout(180)
def test_kill_and_resume_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Takes ten seconds: four times the program starts, with its workers, and three are killed."""
    runs, folder = tmp_path / "runs", tmp_path / "kept"
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    arguments = [sys.executable, str(script), str(runs), str(ROWS), str(folder)]
    paths = os.pathsep.join([str(ROOT), *(p for p in sys.path if p)])
    environ = {**os.environ, "PYTHONPATH": paths}
    dice, finished, again = random.Random(7), 0, 0
    for turn in (1, 2, 3):
        process = subprocess.Popen(
            [*arguments, str(turn * ROWS // 4)],
            env=environ,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        _wait_until_more(folder / "chunks.log", process)
        time.sleep(dice.random() * 0.1)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kept = _kept_rows(folder)
        assert kept >= finished
        finished = kept
    assert 0 < finished < ROWS
    lines_before = Counter(runs.read_text().split())
    process = subprocess.Popen([*arguments, "-1"], env=environ, stdout=subprocess.PIPE, text=True)
    output, _ = process.communicate(timeout=60)
    expected = [f"{i} {i * 3}" if i % 10 != 9 else f"{i} ValueError: not {i}" for i in range(ROWS)]
    assert output.splitlines() == expected
    lines = Counter(runs.read_text().split())
    again = sum(lines.values()) - sum(lines_before.values())
    assert again == ROWS - finished  # what was finished did not run again
    # At each of three kills, six chunks of 20 rows at most were under way.
    assert sum(lines.values()) - ROWS <= 3 * 6 * 20


def _wait_until_more(log: Path, process: subprocess.Popen[Any]) -> None:
    before = log.stat().st_size if log.exists() else 0
    until = time.monotonic() + 30
    while not log.exists() or log.stat().st_size <= before:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.005)


def _kept_rows(folder: Path) -> int:
    lines = (folder / "chunks.log").read_bytes().split(b"\n")
    whole = lines[: len(lines) - 1 - (len(lines) - 1) % 2]
    return sum(json.loads(header)["rows"] for header in whole[::2])


def first(count: int, results: Any) -> list[Row[Any]]:
    """The first rows, then stop."""
    with results:
        return [row for row, _ in zip(results, range(count), strict=False)]


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("block", [steps.fussy, steps.chord, steps.later])
def test_stopping_anywhere_and_going_on_gives_the_same(
    tmp_path: Path, block: Block[Note, Any], ordered: bool
) -> None:
    whole = list(map_rows(block, notes(60)))
    for count in (1, 7, 8, 30, 59):
        first(count, map_rows(block, notes(60), checkpoint=tmp_path, chunk=8, ordered=ordered))
    rows = list(map_rows(block, notes(60), checkpoint=tmp_path, ordered=ordered))
    assert sorted(rows, key=lambda row: row.index) == whole
    assert not ordered or rows == whole


def test_what_is_finished_is_not_run_again_and_a_longer_source_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "log"
    rows = [Note(i, str(log)) for i in range(30)]
    for count in (10, 20, 30, 30):
        results = map_rows(steps.record, rows[:count], checkpoint=tmp_path / "kept", chunk=4)
        assert len(results.collect()) == count - count // 10
    assert log.read_text().split() == [str(i) for i in range(30)]


@pytest.mark.parametrize("cut", range(1, 400, 23))
def test_a_torn_end_is_cut_off(tmp_path: Path, cut: int) -> None:
    map_rows(steps.chord, notes(40), checkpoint=tmp_path, chunk=5).collect()
    log = tmp_path / "chunks.log"
    os.truncate(log, log.stat().st_size - cut)
    rows = list(map_rows(steps.chord, notes(40), checkpoint=tmp_path))
    assert rows == list(map_rows(steps.chord, notes(40)))


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    map_rows(steps.fussy, notes(40), checkpoint=tmp_path, chunk=5).collect()
    log = tmp_path / "chunks.log"
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 1
    log.write_bytes(data)
    rows = list(map_rows(steps.fussy, notes(40), checkpoint=tmp_path))
    assert rows == list(map_rows(steps.fussy, notes(40)))


def test_another_mapping_is_refused(tmp_path: Path) -> None:
    class Newer(Block[Note, Note]):
        name = "notes.fussy"
        summary = "Another version"
        version = "2"

        def forward(self, data: Note) -> Note:
            return data

    map_rows(steps.fussy, notes(20), checkpoint=tmp_path, chunk=5).collect()
    for block, said in ((steps.up, "its block is"), (Newer(), "its version is")):
        with pytest.raises(ConfigError, match=said):
            map_rows(block, notes(20), checkpoint=tmp_path).collect()
    source = tmp_path / "rows.jsonl"
    source.write_text('{"pitch": 1}\n')
    with pytest.raises(ConfigError, match="its source is"):
        map_rows(steps.fussy, read_jsonl(source, Note), checkpoint=tmp_path).collect()
    other = [Note(n.pitch + 1) for n in notes(20)]
    for rows in (other, list(notes(12)), []):
        with pytest.raises(ConfigError, match="made from other rows"):
            map_rows(steps.fussy, rows, checkpoint=tmp_path).collect()


def test_who_raises_runs_the_failed_rows_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    rows = [Note(i, str(log)) for i in range(20)]
    for _ in range(2):
        with pytest.raises(ConduitError, match="row 9: ValueError: not 9"):
            map_rows(
                steps.record, rows, checkpoint=tmp_path / "kept", chunk=5, on_error="raise"
            ).collect()
    assert log.read_text().split() == [str(i) for i in [*range(10), *range(5, 10)]]


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("finished")
    with pytest.raises(ConfigError, match="neither empty nor a checkpoint"):
        map_rows(steps.up, notes(2), checkpoint=tmp_path).collect()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    (tmp_path / "manifest.json").write_text('{"format": 1}')
    with pytest.raises(ConfigError, match="damaged"):
        map_rows(steps.up, notes(2), checkpoint=tmp_path).collect()


def test_two_at_a_time_are_refused(tmp_path: Path) -> None:
    with map_rows(steps.up, notes(100), checkpoint=tmp_path, chunk=2) as results:
        next(iter(results))
        with pytest.raises(Conflict, match="another process"):
            map_rows(steps.up, notes(100), checkpoint=tmp_path).collect()
    assert len(map_rows(steps.up, notes(100), checkpoint=tmp_path).collect()) == 100


def test_values_that_json_has_trouble_with_are_kept(tmp_path: Path) -> None:
    rows = [Note(2**70), Note(-(2**64)), Note(1, "\ud800"), Note(2, "null"), Note(10**5000)]
    first_run = list(map_rows(steps.up, rows, checkpoint=tmp_path))
    assert [row.error and row.error.code for row in first_run] == [None] * 4 + ["invalid_input"]
    assert list(map_rows(steps.up, rows, checkpoint=tmp_path)) == first_run
    assert first_run[0].output == Note(2**70 + 1)


def test_nested_types_are_part_of_what_is_compared(tmp_path: Path) -> None:
    map_rows(steps.chord, notes(3), checkpoint=tmp_path).collect()
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["types"] = "0" * 16
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ConduitError, match="its types is"):
        map_rows(steps.chord, notes(3), checkpoint=tmp_path).collect()
