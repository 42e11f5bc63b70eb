"""The public face, in one process: order, errors, laziness, both kinds of loop."""

from __future__ import annotations

import asyncio
import gc
import io
import math
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks import block
from conduit.blocks.rows import Progress, Row, RowError, map_rows
from conduit.contracts.errors import ConduitError, ConfigError, InvalidInput, StoreError
from tests.blocks.rows import steps
from tests.blocks.rows.steps import Dated, Heavy, Note, notes


def test_rows_carry_index_input_and_output() -> None:
    assert list(map_rows(steps.up, [Note(1), Note(5)])) == [
        Row(0, Note(1), Note(2)),
        Row(1, Note(5), Note(6)),
    ]


def test_dicts_and_tuples_are_decoded() -> None:
    rows: list[Any] = [{"pitch": 1}, (2, "d"), (3,), Note(4), {"pitch": "5"}, (1, "a", 2), 7]
    results = map_rows(steps.up, rows)
    assert results.collect() == [Note(2), Note(3, "d"), Note(4), Note(5)]
    assert [(e.index, e.code) for e in results.errors] == [
        (4, "invalid_input"),
        (5, "invalid_input"),
        (6, "type_mismatch"),
    ]
    assert results.errors[0].message == "pitch: expected int, got str '5'"


def test_errors_are_values_and_counted_while_only_outputs_are_read() -> None:
    results = map_rows(steps.fussy, notes(20))
    assert len(results.collect()) == 17
    assert (results.count, results.error_count) == (20, 3)
    assert results.errors[0] == RowError(
        *(3, "internal", "ValueError: not 3", f"raised by steps.py, line {_line(steps.fussy, 3)}"),
    )


def test_only_the_first_errors_are_kept_and_all_are_counted() -> None:
    results = map_rows(steps.up, [{}] * 1500)
    assert results.collect() == []
    assert (len(results.errors), results.error_count) == (1000, 1500)


def test_raise_stops_at_the_first_error_of_its_class() -> None:
    pulled = []

    def source() -> Iterator[Any]:
        for pitch in (1, 2, "three", 4):
            pulled.append(pitch)
            yield {"pitch": pitch}

    results = map_rows(steps.up, source(), on_error="raise")
    with pytest.raises(InvalidInput, match="row 2: pitch: expected int"):
        results.collect()
    assert pulled == [1, 2, "three"]
    with pytest.raises(ConduitError, match="row 3: ValueError: not 3"):
        list(map_rows(steps.fussy, notes(9), on_error="raise"))


def test_nothing_runs_ahead_of_the_reader() -> None:
    pulled = []
    results = map_rows(steps.up, (pulled.append(n.pitch) or n for n in notes(10**9)))
    assert pulled == []
    rows = iter(results)
    assert [next(rows).index for _ in range(3)] == [0, 1, 2]
    assert pulled == [0, 1, 2]
    results.close()
    assert list(rows) == []


@pytest.mark.parametrize(
    "options", [{}, {"at_once": 8}, {"workers": 2}, {"checkpoint": "kept"}, {"ordered": False}]
)
@pytest.mark.parametrize("only_outputs", [True, False])
def test_memory_does_not_grow_with_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], only_outputs: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = (Note(i, str(i % 10) * 100_000) for i in range(1_000))  # 100 MB
    tracemalloc.start()
    try:
        results = map_rows(steps.up, rows, **options)
        assert sum(1 for _ in (results.outputs() if only_outputs else results)) == 1_000
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 40_000_000


def test_what_the_source_raises_comes_after_the_rows_before_it() -> None:
    def source() -> Iterator[Note]:
        yield Note(1)
        yield Note(2)
        raise OSError("unplugged")

    for options in ({}, {"at_once": 4}):
        outputs = iter(map_rows(steps.up, source(), **options).outputs())  # type: ignore[arg-type]
        assert [next(outputs), next(outputs)] == [Note(2), Note(3)]
        with pytest.raises(OSError, match="unplugged"):
            next(outputs)


def test_a_cycle_a_nan_and_a_call_of_exit_are_errors_of_their_rows() -> None:
    cyclic: dict[str, Any] = {"pitch": 1}
    cyclic["name"] = cyclic
    results = map_rows(steps.up, [cyclic, {"pitch": math.nan}, {"pitch": 3}])
    assert [row.error and row.error.code for row in results] == ["invalid_input"] * 2 + [None]
    assert [row.error for row in map_rows(steps.leave, [Note(3)])] == [
        RowError(
            *(0, "internal", "SystemExit: 3", f"raised by steps.py, line {_line(steps.leave, 2)}"),
        )
    ]


def test_results_are_read_once() -> None:
    results = map_rows(steps.up, notes(2))
    assert len(list(results)) == 2
    with pytest.raises(InvalidInput, match="have been"):
        iter(results)


@pytest.mark.parametrize(
    "options",
    [{"engine": "spark"}, {"workers": 0}, {"chunk": 0}, {"at_once": -1}, {"on_error": "ignore"}],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        map_rows(steps.up, [], **options)


def test_the_callers_own_iterator_can_go_on() -> None:
    rows = notes(10)
    with map_rows(steps.up, rows) as results:
        assert next(iter(results)).output == Note(1, "n0")
    assert next(rows) == Note(1, "n1")


def test_setup_and_close_are_called_once(tmp_path: Path) -> None:
    Heavy.setups = 0
    outputs = map_rows(Heavy(str(tmp_path)), notes(5)).collect()
    assert {told.setups for told in outputs} == {1}
    assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(ConduitError, match="setup\\(\\) failed: OSError: no model here"):
        map_rows(steps.Unbuildable(), notes(1)).collect()


def test_dataclasses_with_a_past_are_not_made_again() -> None:
    assert map_rows(steps.date, [Dated(1)]).collect()[0].log == ["made"]


@given(st.integers(0, 60), st.booleans(), st.integers(1, 9))
def test_asynchronous_rows_keep_their_order_if_asked(
    count: int, ordered: bool, at_once: int
) -> None:
    results = map_rows(quick, notes(count), ordered=ordered, at_once=at_once)
    rows = list(results)
    assert sorted(row.index for row in rows) == list(range(count))
    assert not ordered or [row.index for row in rows] == list(range(count))
    assert all(row.output == Note(row.index, row.input.name) for row in rows)


@block("notes.quick", summary="Pass on, some a moment later")
async def quick(note: Note) -> Note:
    for _ in range(note.pitch % 3):
        await asyncio.sleep(0)
    return note


def test_asynchronous_rows_run_at_once_and_errors_stay_theirs() -> None:
    results = map_rows(steps.later, notes(100), at_once=50)
    rows = list(results)
    assert [row.index for row in rows] == list(range(100))
    assert [e.index for e in results.errors] == [13]
    assert not [t for t in threading.enumerate() if t.name == "rows-loop"]


def test_no_more_rows_at_once_than_allowed() -> None:
    running: list[int] = []
    most = 0

    @block("notes.busy", summary="Count who is busy")
    async def busy(note: Note) -> Note:
        nonlocal most
        running.append(1)
        most = max(most, len(running))
        await asyncio.sleep(0.001)
        running.pop()
        return note

    assert len(map_rows(busy, notes(50), at_once=7).collect()) == 50
    assert most == 7


async def test_async_for_reads_an_endless_asynchronous_source_in_its_own_loop() -> None:
    closed = []
    loop = asyncio.get_running_loop()

    @block("notes.here", summary="Only in one loop")
    async def here(note: Note) -> Note:
        assert asyncio.get_running_loop() is loop
        await asyncio.sleep(0)
        return note

    async def source() -> AsyncIterator[Note]:
        pitch = 0
        try:
            while True:
                yield Note(pitch)
                pitch += 1
        finally:
            closed.append(pitch)

    rows = source()
    seen = []
    async with map_rows(here, rows, at_once=3) as results:
        async for row in results:
            seen.append(row.index)
            if row.index == 20:
                break
    assert seen == list(range(21))
    await rows.aclose()  # type: ignore[attr-defined]
    assert closed[0] < 600  # what one trip between threads may gather, and what was begun


async def test_async_for_over_plain_blocks_and_sources() -> None:
    results = map_rows(steps.fussy, notes(2000))
    outputs = [output async for output in results.outputs()]
    assert (len(outputs), results.error_count) == (1714, 286)


async def test_cancelling_leaves_no_task_and_no_thread() -> None:
    started = asyncio.Event()

    @block("notes.stuck", summary="Never end")
    async def stuck(note: Note) -> Note:
        started.set()
        await asyncio.Event().wait()
        return note

    async def read() -> None:
        async for _ in map_rows(stuck, notes(100)):
            raise AssertionError("nothing ends here")

    task = asyncio.create_task(read())
    async with asyncio.timeout(20):
        await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gc.collect()
    assert len(asyncio.all_tasks()) == 1


def test_progress_is_told_to_a_program() -> None:
    told: list[Progress] = []
    map_rows(steps.fussy, list(notes(20)), progress=told.append).collect()
    assert told[-1].ended
    assert (told[-1].rows, told[-1].errors, told[-1].total) == (20, 3, 20)
    assert told[-1].left_s == 0.0
    assert told[-1].rows_per_s > 0


def test_the_bar_is_silent_without_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    map_rows(steps.up, notes(5), progress=True).collect()
    assert capfd.readouterr() == ("", "")


def test_the_bar_says_how_fast_and_how_many_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    map_rows(steps.fussy, list(notes(20)), progress=True).collect()
    assert "20/20" in terminal.getvalue()
    assert "rows/s, 3 errors" in terminal.getvalue()


def test_importing_rows_brings_nothing_heavy() -> None:
    script = "import sys, conduit.blocks.rows; print(*sys.modules)"
    modules = subprocess.check_output([sys.executable, "-c", script], text=True).split()
    assert not {"multiprocessing", "ray", "pyarrow", "rich", "psycopg"} & set(modules)


def test_outputs_are_written_as_json_lines_and_errors_beside_them(tmp_path: Path) -> None:
    path, errors = tmp_path / "out.jsonl", tmp_path / "errors.jsonl"
    written = map_rows(steps.fussy, notes(5)).to_jsonl(path, errors=errors)
    assert (written.outputs, written.errors) == (4, 1)
    assert path.read_text().splitlines()[1] == '{"pitch":2,"name":"n1"}'
    assert '"index":3' in errors.read_text()
    assert sorted(tmp_path.iterdir()) == [errors, path]


def test_outputs_are_written_as_csv(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    map_rows(steps.up, [Note(1, 'a "b", c'), Note(2, "d\ne")]).to_csv(path)
    assert path.read_text() == 'pitch,name\n2,"a ""b"", c"\n3,"d\ne"\n'
    with pytest.raises(ConfigError, match="CSV has no way to write notes, bass"):
        map_rows(steps.chord, notes(1)).to_csv(path)


def test_a_failed_write_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConduitError):
        map_rows(steps.fussy, notes(9), on_error="raise").to_jsonl(tmp_path / "out.jsonl")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StoreError, match="could not be written"):
        map_rows(steps.up, notes(1)).to_jsonl(tmp_path / "no" / "out.jsonl")


@pytest.mark.parametrize("rows", ["rows.csv", b"x", {"text": "a"}, 7, None, Note(1)], ids=repr)
def test_one_row_or_a_path_is_no_series_of_rows(rows: Any) -> None:
    """A dict would be its keys, and a path its characters, each of them an error."""
    with pytest.raises(ConfigError, match="is no series of rows") as caught:
        map_rows(steps.up, rows)
    assert "map([row])" in caught.value.hint


def test_a_list_that_lacks_rows_is_not_silent(caplog: pytest.LogCaptureFixture) -> None:
    made = map_rows(steps.fussy, [*notes(3), {"pitch": "high"}, *notes(2)]).collect()
    (told,) = caplog.records
    assert (told.name, told.levelname) == ("conduit.rows", "WARNING")
    assert f"{6 - len(made)} of 6 rows failed; the first is row 3: invalid_input: " in told.message
    caplog.clear()
    map_rows(steps.up, notes(3)).collect()
    assert not caplog.records


def test_an_error_that_the_block_raised_says_where() -> None:
    (row,) = map_rows(steps.up >> steps.fussy, [Note(2)])
    assert row.error is not None
    assert row.error.message == "ValueError: not 3"
    assert row.error.hint == (
        f"raised by steps.py, line {_line(steps.fussy, 3)}, "
        "in step 2 of notes.up >> notes.fussy: notes.fussy, Note -> Note"
    )


def _line(block: Any, offset: int) -> int:
    """That many lines below the decorator of a block."""
    line: int = block.forward.__code__.co_firstlineno + offset
    return line


class Frame:
    """What a data frame has that matters here: iterating it gives the names of its columns."""

    columns = ("pitch",)

    def to_dict(self, orient: str) -> list[dict[str, int]]:
        return [{"pitch": 1}]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)


def test_a_data_frame_is_told_how_to_give_its_rows() -> None:
    with pytest.raises(ConfigError, match=r"Frame is no series of rows\nhint: .*to_dict"):
        map_rows(steps.up, Frame())
    (made,) = map_rows(steps.up, Frame().to_dict("records")).collect()
    assert made.pitch == 2


def test_a_number_as_text_is_no_number_of_workers() -> None:
    with pytest.raises(ConfigError, match="workers is '3'"):
        map_rows(steps.up, notes(1), workers="3")  # type: ignore[arg-type]
