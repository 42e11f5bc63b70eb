"""The sandbox against real links, real pipes, and a thread that swaps folders while it works."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from conduit.contracts.errors import (
    ConduitError,
    ConfigError,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    StoreError,
    TooLarge,
)
from conduit.store.sandbox import MOST_NAMES, Sandbox
from tests.store.test_file_names import BAD, odd_names

ROUNDS = 300


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "here" / "out"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.json").write_text("secret")
    return folder


@pytest.fixture
def box(base: Path) -> Sandbox:
    return Sandbox(base, "out")


def all_files(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir()}


def test_what_is_written_is_read_back(box: Sandbox, base: Path) -> None:
    assert box.names() == ()
    assert box.write("a.json", b"one", replace=False) == "out/a.json"
    assert box.write("sets/friday/b.mid", b"\0two", replace=True) == "out/sets/friday/b.mid"
    assert box.read("a.json", largest=3) == b"one"
    assert box.read("sets/friday/b.mid", largest=99) == b"\0two"
    assert box.names() == ("a.json", "sets/friday/b.mid")
    assert all_files(base) == {"a.json", "sets/friday/b.mid"}  # and nothing temporary
    assert (base / "a.json").stat().st_mode & 0o777 == 0o644 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_nothing_is_made_by_reading(box: Sandbox, base: Path) -> None:
    with pytest.raises(NotFound, match="there is no out/a"):
        box.read("a", largest=9)
    assert not base.exists()


def test_a_file_that_is_there_stays_unless_it_is_replaced(box: Sandbox) -> None:
    box.write("a", b"one", replace=False)
    with pytest.raises(Conflict, match="out/a is there already"):
        box.write("a", b"two", replace=False)
    assert box.read("a", largest=9) == b"one"
    box.write("a", b"two", replace=True)
    assert box.read("a", largest=9) == b"two"


def test_no_more_is_read_than_was_asked_for(box: Sandbox) -> None:
    box.write("a", b"12345", replace=False)
    assert box.read("a", largest=5) == b"12345"
    with pytest.raises(TooLarge):
        box.read("a", largest=4)


@pytest.mark.parametrize("name", BAD, ids=ascii)
def test_no_bad_name_reaches_the_disk(box: Sandbox, tmp_path: Path, name: str) -> None:
    for use in (
        lambda: box.write(name, b"x", replace=True),
        lambda: box.read(name, largest=9),
        lambda: box.path_of(name),
    ):
        with pytest.raises(InvalidInput):
            use()
    assert all_files(tmp_path) == set()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(odd_names)
def test_no_name_at_all_writes_outside(box: Sandbox, base: Path, name: str) -> None:
    before = all_files(base.parent.parent) if base.exists() else set()
    try:
        path = box.write(name, b"x", replace=True)
    except ConduitError:
        assert (all_files(base.parent.parent) if base.exists() else set()) == before
        return
    assert all_files(base.parent.parent) - before <= {f"here/{path}"}
    assert box.read(name, largest=9) == b"x"


def test_a_link_to_a_file_is_neither_read_nor_written(
    box: Sandbox, base: Path, outside: Path
) -> None:
    base.mkdir(parents=True)
    (base / "a.json").symlink_to(outside / "secret.json")
    (base / "dangling").symlink_to(outside / "new.json")
    for name in ("a.json", "dangling"):
        with pytest.raises(Forbidden, match="symbolic link"):
            box.read(name, largest=99)
        for replace in (True, False):
            with pytest.raises(Forbidden, match="symbolic link"):
                box.write(name, b"x", replace=replace)
    assert (base / "a.json").is_symlink()
    assert all_files(outside) == {"secret.json"}
    assert box.names() == ()


def test_a_link_to_a_folder_leads_nowhere(box: Sandbox, base: Path, outside: Path) -> None:
    base.mkdir(parents=True)
    (base / "sub").symlink_to(outside)
    (base / "loop").symlink_to(base)
    for name in ("sub/secret.json", "sub/new", "loop/new", "sub/deeper/new"):
        with pytest.raises(Forbidden, match="symbolic link"):
            box.read(name, largest=99)
        with pytest.raises(Forbidden, match="symbolic link"):
            box.write(name, b"x", replace=True)
    assert all_files(outside) == {"secret.json"}
    assert box.names() == ()


def test_the_base_may_be_no_link_but_may_lie_behind_one(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "linked").symlink_to(outside)
    with pytest.raises(Forbidden, match="symbolic link"):
        Sandbox(tmp_path / "linked").write("a", b"x", replace=True)
    assert Sandbox(tmp_path / "linked" / "own", "own").write("a", b"x", replace=True) == "own/a"
    assert (outside / "own" / "a").read_bytes() == b"x"


def test_only_ordinary_files_count(box: Sandbox, base: Path) -> None:
    (base / "folder").mkdir(parents=True)
    os.mkfifo(base / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.getcwd()
        os.chdir(base)  # the path of a socket is short
        try:
            listening.bind("socket")
        finally:
            os.chdir(here)
        for name in ("folder", "pipe", "socket"):
            with pytest.raises((Forbidden, StoreError)):
                box.read(name, largest=9)  # and does not wait for the pipe's other end
            with pytest.raises(Forbidden, match="ordinary files"):
                box.write(name, b"x", replace=True)
    (base / "file").write_bytes(b"x")
    with pytest.raises(Forbidden, match="no folder"):
        box.write("file/under", b"x", replace=True)
    assert box.names() == ("file",)


def test_hidden_and_odd_files_are_not_listed(box: Sandbox, base: Path) -> None:
    box.write("a", b"", replace=True)
    (base / ".git").mkdir()
    (base / ".git" / "config").touch()
    (base / "x y\n").touch()
    (base / "nul.txt").touch()
    (base / "a1/b/c/d/e").mkdir(parents=True)
    (base / "a1/b/c/d/e/too deep").touch()
    (base / "a1/b/c/deep").touch()
    os.close(os.open(os.fsencode(base) + b"/\xff", os.O_CREAT))
    assert box.names() == ("a", "a1/b/c/deep")


def test_a_list_has_an_end(box: Sandbox, base: Path) -> None:
    base.mkdir(parents=True)
    for number in range(MOST_NAMES + 20):
        (base / f"f{number:05}").touch()
    assert len(box.names()) == MOST_NAMES


def test_a_write_that_fails_leaves_nothing(
    box: Sandbox, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.write("a", b"one", replace=True)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)  # the disk, not a part of ours
    for name, replace in (("a", True), ("b", False), ("c/d", True)):
        with pytest.raises(StoreError, match="No space left"):
            box.write(name, b"two", replace=replace)
    assert all_files(base) == {"a"}
    assert box.read("a", largest=9) == b"one"


def test_a_folder_that_may_not_be_written_is_told(box: Sandbox, base: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    base.mkdir(parents=True)
    base.chmod(0o500)
    with pytest.raises(StoreError, match="Permission denied"):
        box.write("a", b"x", replace=True)


@pytest.mark.parametrize("folder", ["/", ".."])
def test_a_base_that_is_no_folder_of_its_own_is_refused(folder: str) -> None:
    with pytest.raises(ConfigError):
        Sandbox(Path(folder))


def test_one_of_many_writers_wins_and_no_reader_sees_half(box: Sandbox) -> None:
    contents = [bytes([65 + n]) * 100_000 for n in range(4)]
    won: list[int] = []

    def write(number: int) -> None:
        try:
            box.write("first", contents[number], replace=False)
            won.append(number)
        except Conflict:
            pass  # another one was first, which is what is asked below
        for _ in range(20):
            box.write("last", contents[number], replace=True)
            assert box.read("last", largest=200_000) in contents

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert box.read("first", largest=200_000) == contents[won[0]]
    assert box.names() == ("first", "last")


def test_no_race_leads_outside(box: Sandbox, base: Path, outside: Path) -> None:
    """Folders and files are swapped for links, all the time, while files are written and read."""
    (base / "sub").mkdir(parents=True)
    stop = threading.Event()
    swaps = 0

    def swap() -> None:
        nonlocal swaps
        sub, real, link = base / "sub", base / ".real", base / ".link"
        while not stop.is_set():
            link.symlink_to(outside)
            os.rename(sub, real)
            with contextlib.suppress(OSError):  # a writer made a folder in between
                os.rename(link, sub)
            if sub.is_symlink():
                sub.unlink()
            else:
                link.unlink()
                shutil.rmtree(sub, ignore_errors=True)
            while real.exists():
                try:
                    os.rename(real, sub)
                except OSError:
                    shutil.rmtree(sub, ignore_errors=True)
            link.symlink_to(outside / "secret.json")
            os.replace(link, sub / "secret.json")
            swaps += 1

    swapping = threading.Thread(target=swap)
    swapping.start()
    seen: set[str] = set()
    try:
        while swaps < ROUNDS and swapping.is_alive():
            for name in ("sub/secret.json", "sub/new.json", "sub/deeper/new.json"):
                try:
                    box.write(name, b"harmless", replace=True)
                    assert box.read(name, largest=99) == b"harmless"
                    seen.add("written")
                except (Forbidden, NotFound, StoreError) as refused:
                    seen.add(type(refused).__name__)
            assert all(box.names())
    finally:
        stop.set()
        swapping.join()
    assert swaps >= ROUNDS
    assert "written" in seen
    assert "Forbidden" in seen  # the race was met, not missed
    assert all_files(outside) == {"secret.json"}
    assert (outside / "secret.json").read_text() == "secret"
    assert not [name for name in os.listdir(base / "sub") if name.endswith(".tmp")]
