"""The journal: a record that was appended is there, whatever the disk and the process do."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.usage import UsageRecord
from conduit.store.usage_journal import SUFFIX, UsageJournal
from conduit.store.usage_lines import (
    HIGHEST,
    LONGEST_LINE,
    Unreadable,
    _made_storable,
    decode_line,
    encode_line,
    storable,
)
from tests.store.usage_records import any_record, new_id, usage


@contextlib.contextmanager
def journal_in(folder: Path, **options: Any) -> Iterator[UsageJournal]:
    journal = UsageJournal(folder, new_id, **options)
    journal.open()
    try:
        yield journal
    finally:
        journal.close()


def records_in(folder: Path) -> list[UsageRecord]:
    """What all segments hold, read as anybody else would."""
    lines = b"".join(path.read_bytes() for path in sorted(folder.glob(f"*{SUFFIX}")))
    return [decode_line(line) for line in lines.splitlines(keepends=True) if line != b"\n"]


@given(any_record)
def test_every_record_can_be_written_and_is_read_as_what_can_be_stored(
    record: UsageRecord,
) -> None:
    line = encode_line(record)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert len(line) < LONGEST_LINE
    assert decode_line(line) == storable(record)
    assert storable(storable(record)) == storable(record)
    assert _made_storable(record) == storable(record), "a quick look overlooks nothing"


@given(any_record)
def test_a_storable_record_has_texts_and_numbers_that_every_database_takes(
    record: UsageRecord,
) -> None:
    stored = storable(record)
    for name in UsageRecord.__dataclass_fields__:
        value = getattr(stored, name)
        if isinstance(value, str):
            assert "\0" not in value
            assert len(value.encode()) <= 800
        elif value is not None and name != "at_ms":
            assert 0 <= value <= HIGHEST


def test_an_ordinary_record_is_left_as_it_is() -> None:
    record = usage(7)
    assert storable(record) is record


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_no_flipped_bit_goes_unseen(at: int, bit: int) -> None:
    record = usage(1)
    line = bytearray(encode_line(record))
    line[at % len(line)] ^= 1 << bit
    try:
        read = decode_line(bytes(line))
    except Unreadable:
        return
    assert read == record  # a digit of the checksum in capitals, or the end of the line


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_foreign_lines_are_unreadable_and_nothing_else(line: bytes) -> None:
    with pytest.raises(Unreadable):
        decode_line(line)


def test_what_is_appended_can_be_read_at_once_and_only_by_its_owner(tmp_path: Path) -> None:
    with journal_in(tmp_path / "usage") as journal:
        wanted = [usage(number) for number in range(5)]
        for record in wanted:
            journal.append(record)
        assert records_in(journal.folder) == wanted
        (segment,) = journal.folder.iterdir()
        assert stat.S_IMODE(segment.stat().st_mode) == 0o600
        assert stat.S_IMODE(journal.folder.stat().st_mode) == 0o700
        assert f"-{os.getpid()}{SUFFIX}" in segment.name
        assert journal.state().written == 5


def test_a_segment_is_locked_until_it_is_sealed(tmp_path: Path) -> None:
    with journal_in(tmp_path) as journal:
        (first,) = tmp_path.iterdir()
        assert not journal.seal(), "it is empty"
        journal.append(usage())
        with first.open("rb") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert journal.seal()
        with first.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        journal.append(usage())
        assert len(list(tmp_path.iterdir())) == 2


def test_it_begins_a_new_segment_by_size_and_by_age(tmp_path: Path) -> None:
    now = 0.0
    with journal_in(tmp_path / "size", segment_bytes=2000) as journal:
        for number in range(20):
            journal.append(usage(number))
        assert len(list(journal.folder.iterdir())) > 4
        assert len(records_in(journal.folder)) == 20
    with journal_in(tmp_path / "age", flush_s=0.005, segment_s=10, clock=lambda: now) as journal:
        journal.append(usage())
        now = 11.0
        _until(lambda: len(list(journal.folder.iterdir())) == 2)


def test_nothing_is_left_behind_by_who_wrote_nothing(tmp_path: Path) -> None:
    with journal_in(tmp_path):
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


def test_many_threads_lose_nothing(tmp_path: Path) -> None:
    with journal_in(tmp_path, segment_bytes=20_000) as journal:

        def write(start: int) -> None:
            for number in range(start, start + 200):
                journal.append(usage(number))

        threads = [threading.Thread(target=write, args=(n * 200,)) for n in range(8)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            journal.seal()
        assert sorted(r.input_tokens for r in records_in(tmp_path)) == list(range(1600))


async def test_many_who_wait_share_one_synchronisation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synchronised: list[int] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        real(handle)
        synchronised.append(os.fstat(handle).st_size)

    monkeypatch.setattr(os, "fsync", fsync)
    with journal_in(tmp_path, durable=True, flush_s=30) as journal:

        async def one(number: int) -> None:
            record = usage(number)
            journal.append(record)
            await journal.flushed()
            end = (tmp_path / segment).read_bytes().index(record.id.encode())
            assert any(size > end for size in synchronised), "not on the disk yet"

        (segment,) = os.listdir(tmp_path)
        await asyncio.gather(*map(one, range(200)))
    assert 1 <= len(synchronised) < 50


async def test_without_durable_nobody_waits(tmp_path: Path) -> None:
    with journal_in(tmp_path, flush_s=300) as journal:
        journal.append(usage())
        await asyncio.wait_for(journal.flushed(), 20)


async def test_who_waits_may_go_away(tmp_path: Path) -> None:
    with journal_in(tmp_path, durable=True) as journal:
        waiting = asyncio.create_task(journal.flushed())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait_for(journal.flushed(), 20)
        assert waiting.cancelled() or waiting.done()


def test_a_folder_that_cannot_be_written_costs_no_record(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "usage"
    blocked.write_text("a file where a folder should be")
    with caplog.at_level(logging.WARNING), journal_in(blocked, flush_s=0.005) as journal:
        wanted = [usage(number) for number in range(10)]
        for record in wanted:
            journal.append(record)
        _until(lambda: journal.state().failures > 3)
        assert journal.state().waiting == 10
        blocked.unlink()
        _until(lambda: journal.state().waiting == 0)
        assert records_in(blocked) == wanted
        assert journal.state().lost == 0
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 1, "logged once"
    assert "hint:" in errors[0].getMessage()


def test_a_disk_that_takes_no_new_file_is_not_asked_at_every_record(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "usage"
    with journal_in(folder, segment_bytes=2000, flush_s=60) as journal:
        moved = folder.rename(tmp_path / "moved")
        folder.write_text("a file where a folder was")
        for number in range(30):
            journal.append(usage(number))
        assert len(records_in(moved)) == 30, "the segment that is open goes on"
        assert 3 < journal.state().failures < 12
        folder.unlink()
        moved.rename(folder)
    assert len([r for r in caplog.records if r.levelname == "ERROR"]) == 1


_FULL = """
import json, resource, sys, time
from pathlib import Path
from conduit.store.usage_journal import UsageJournal
from tests.store.usage_records import new_id, usage
folder = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (1500, resource.RLIM_INFINITY))
journal = UsageJournal(folder, new_id, flush_s=0.01)
journal.open()
for number in range(20):
    journal.append(usage(number))
until = time.monotonic() + 20
while not journal.state().failures and time.monotonic() < until:
    time.sleep(0.01)
time.sleep(0.05)
full = journal.state()
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
until = time.monotonic() + 20
while journal.state().waiting and time.monotonic() < until:
    time.sleep(0.01)
print(json.dumps([full.written, full.waiting, journal.state().waiting, journal.state().lost]))
sys.stdout.flush()
import os, signal
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_disk_that_becomes_full_in_the_middle_of_a_record(tmp_path: Path) -> None:
    """A limit on the size of files does what a full disk does: it takes the first half."""
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=50,
        cwd=Path(__file__).parents[2],
    )
    written, waiting, waiting_after, lost = json.loads(done.stdout)
    assert written < 5
    assert written + waiting == 20
    assert (waiting_after, lost) == (0, 0)
    assert done.stderr.count("usage cannot be written") == 1
    lines = b"".join(path.read_bytes() for path in tmp_path.glob(f"*{SUFFIX}")).split(b"\n")
    whole, torn = [], 0
    for line in filter(None, lines):
        try:
            whole.append(decode_line(line).input_tokens)
        except Unreadable:
            torn += 1
    assert sorted(whole) == list(range(20))
    assert torn == 1


def _until(condition: Any) -> None:
    for _ in range(4000):
        if condition():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it never came to be")
