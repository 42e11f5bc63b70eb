"""Identifiers remembered across restarts, crashes and power cuts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import Overloaded, Unavailable
from conduit.store.seen import Seen


class Clock:
    """Milliseconds, set by hand."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def test_what_was_taken_is_not_new_also_after_a_restart(tmp_path: Path) -> None:
    clock = Clock(1_000_000)
    seen = Seen(tmp_path, 60_000, clock, boot="one")
    assert seen.take("pedal a", 1_000_000)
    assert not seen.take("pedal a", 1_000_000)
    seen.close()

    again = Seen(tmp_path, 60_000, clock, boot="one")
    assert not again.take("pedal a", 1_000_000)
    assert again.take("pedal b", 1_000_000)
    again.close()


def test_what_was_not_done_is_named_after_a_restart(tmp_path: Path) -> None:
    clock = Clock(1_000_000)
    seen = Seen(tmp_path, 60_000, clock, boot="one")
    for key in ("a", "b", "c"):
        seen.take(key, clock.now)
    seen.done("b")
    seen.close()

    again = Seen(tmp_path, 60_000, clock, boot="one")
    assert sorted(again.unfinished) == ["a", "c"]
    again.close()
    third = Seen(tmp_path, 60_000, clock, boot="one")
    assert third.unfinished == ()
    third.close()


def test_after_a_power_cut_nothing_from_before_is_new(tmp_path: Path) -> None:
    clock = Clock(1_000_000)
    seen = Seen(tmp_path, 60_000, clock, boot="one")
    seen.take("a", clock.now)
    seen.close()
    (tmp_path / "seen.b").write_bytes(b"one\n")  # what the disk has of it

    clock.now += 5_000
    again = Seen(tmp_path, 60_000, clock, boot="two")
    assert not again.take("a", 1_000_000)
    assert again.take("b", clock.now)
    again.close()


def test_memory_and_files_do_not_grow_with_time(tmp_path: Path) -> None:
    clock = Clock(1_000_000)
    seen = Seen(tmp_path, 1_000, clock, boot="one")
    for number in range(5_000):
        clock.now += 10
        assert seen.take(f"k{number}", clock.now)
        seen.done(f"k{number}")
    assert len(seen) <= 400
    assert sum(each.stat().st_size for each in tmp_path.iterdir()) < 20_000
    assert not seen.take("k4999", clock.now)
    seen.close()


def test_a_flood_within_one_window_is_refused_and_not_forgotten(tmp_path: Path) -> None:
    clock = Clock(1_000_000)
    seen = Seen(tmp_path, 60_000, clock, boot="one", most=3)
    for key in ("a", "b", "c"):
        seen.take(key, clock.now)
    with pytest.raises(Overloaded):
        seen.take("d", clock.now)
    assert not seen.take("a", clock.now)
    seen.close()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    seen = Seen(tmp_path, 60_000, Clock(0), boot="one")
    with pytest.raises(Unavailable, match="another process"):
        Seen(tmp_path, 60_000, Clock(0), boot="one")
    seen.close()


def test_kill_9_loses_nothing_that_was_taken(tmp_path: Path) -> None:
    """A real process is killed right after it was told that a key is new."""
    program = (
        "import sys; from pathlib import Path; from conduit.store.seen import Seen\n"
        "seen = Seen(Path(sys.argv[1]), 60_000, lambda: 1_000_000, boot='one')\n"
        "for n in range(100_000):\n"
        "    seen.take(f'k{n}', 1_000_000); print(n, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        while int(child.stdout.readline()) < 50:
            pass
        os.kill(child.pid, signal.SIGKILL)
        last = [int(line) for line in child.stdout.read().split("\n")[:-1]][-1:] or [50]
    again = Seen(tmp_path, 60_000, lambda: 1_000_000, boot="one")
    assert not any(again.take(f"k{n}", 1_000_000) for n in range(last[0] + 1))
    again.close()


@given(st.lists(st.text(max_size=40), unique=True, max_size=20))
def test_any_text_can_be_an_identifier(keys: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        seen = Seen(Path(folder), 60_000, lambda: 1_000, boot="one")
        assert all(seen.take(key, 1_000) for key in keys)
        seen.close()
        again = Seen(Path(folder), 60_000, lambda: 1_000, boot="one")
        assert not any(again.take(key, 1_000) for key in keys)
        again.close()
