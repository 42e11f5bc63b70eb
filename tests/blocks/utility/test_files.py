"""Text files, read and written: exact, whole or not at all, and never beyond the root."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conduit.blocks import Catalog, NoOp
from conduit.blocks.utility.files import (
    FileSystemOperation,
    FileSystemReadBlock,
    FileSystemWriteBlock,
)
from conduit.contracts.errors import ConfigError, TypeMismatch


@dataclass(frozen=True)
class Text:
    file_content: str


@dataclass
class Number:
    file_content: int


def read(path: object, **options: object) -> FileSystemOperation:
    return FileSystemReadBlock(path, **options)(NoOp())  # type: ignore[arg-type]


def write(path: object, text: str, **options: object) -> FileSystemOperation:
    return FileSystemWriteBlock(Text, path, **options)(Text(text))  # type: ignore[arg-type]


@pytest.fixture(params=["a path", "a name below a root"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, object]]:
    """Both ways to say where ``notes/a.txt`` lies."""
    if request.param == "a path":
        return str(tmp_path / "notes" / "a.txt"), {}
    return "notes/a.txt", {"root": tmp_path}


Place = tuple[str, dict[str, object]]


def test_what_is_written_is_read(place: Place) -> None:
    path, options = place
    assert write(path, "four\r\non ö\n", **options) == FileSystemOperation(True, path=path)
    assert read(path, **options) == FileSystemOperation(True, data="four\r\non ö\n", path=path)
    assert write(path, "", **options).success
    assert read(path, **options).data == ""


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text())
def test_every_text_comes_back_as_it_was(tmp_path: Path, text: str) -> None:
    assert write(tmp_path / "a", text).success
    assert read(tmp_path / "a").data == text


def test_a_missing_file_is_said(place: Place) -> None:
    path, options = place
    missing = read(path, **options)
    assert (missing.success, missing.error_code, missing.data) == (False, "not_found", None)
    assert missing.reason
    assert missing.path == path


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path, options in ((tmp_path / "folder", {}), ("folder", {"root": tmp_path})):
        assert read(path, **options).error_code == "forbidden"
        assert write(path, "a", **options).error_code == "forbidden"
    assert (tmp_path / "folder").is_dir()


def test_a_pipe_is_neither_waited_for_nor_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, options in ((tmp_path / "pipe", {}), ("pipe", {"root": tmp_path})):
        assert read(path, **options).error_code == "forbidden"
        assert write(path, "a", **options).error_code == "forbidden"
    assert (tmp_path / "pipe").is_fifo()


def test_sizes_are_bounded_in_bytes(place: Place) -> None:
    path, options = place
    assert write(path, "öö", largest=4, **options).success
    assert read(path, largest=4, **options).data == "öö"
    assert read(path, largest=3, **options).error_code == "too_large"
    assert write(path, "ööx", largest=4, **options).error_code == "too_large"
    assert read(path, **options).data == "öö"


def test_bytes_that_are_no_text_are_said(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"ab\xff")
    ended = read(tmp_path / "a")
    assert (ended.error_code, ended.data) == ("invalid_input", None)
    assert ended.reason == "it is not UTF-8: byte 2 is 0xff"


def test_text_that_has_no_bytes_changes_nothing(place: Place) -> None:
    path, options = place
    assert write(path, "old", **options).success
    ended = write(path, "half \ud800", **options)
    assert (ended.success, ended.error_code) == (False, "invalid_input")
    assert read(path, **options).data == "old"


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 300, ""])
def test_a_name_that_cannot_be_is_said(tmp_path: Path, name: str) -> None:
    for ended in (read(f"{tmp_path}/{name}"), write(f"{tmp_path}/{name}", "a")):
        assert not ended.success
        assert ended.reason
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../out.txt", "/etc/passwd", "a/../../out.txt", "", ".hidden"])
def test_no_name_leads_out_of_the_root(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "out.txt").write_text("outside")
    for ended in (read(name, root=root), write(name, "inside", root=root)):
        assert (ended.success, ended.error_code, ended.data) == (False, "invalid_input", None)
    assert (tmp_path / "out.txt").read_text() == "outside"
    assert list(root.iterdir()) == []


def test_no_link_leads_out_of_the_root(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "a.txt").write_text("outside")
    (root / "file").symlink_to(outside / "a.txt")
    (root / "folder").symlink_to(outside)
    for name in ("file", "folder/a.txt", "folder/new.txt"):
        assert read(name, root=root).error_code == "forbidden"
        assert write(name, "inside", root=root).error_code == "forbidden"
    assert [path.read_text() for path in outside.iterdir()] == ["outside"]


def test_without_a_root_a_link_is_the_operators_own(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    assert write(tmp_path / "link", "new").success
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_private_file_stays_private(tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert write(path, "a").success
    assert path.stat().st_mode & 0o777 == 0o644
    path.chmod(0o600)
    assert write(path, "b").success
    assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_is_left_when_the_disk_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    for ended in (write(tmp_path / "a", "new"), write("a", "new", root=tmp_path)):
        assert (ended.success, ended.error_code) == (False, "store_failed")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


WRITER = """
import sys
from dataclasses import dataclass
from conduit.blocks.utility.files import FileSystemWriteBlock

@dataclass
class Text:
    file_content: str

block = FileSystemWriteBlock(Text, sys.argv[1])
print("ready", flush=True)
while True:
    for letter in "ab":
        assert block(Text(letter * 3_000_000)).success
"""


def test_a_kill_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    """Five processes, each killed at another moment of writing; starting them takes most of it."""
    path = tmp_path / "a"
    path.write_text("o" * 3_000_000)
    for delay in (0.0, 0.005, 0.011, 0.017, 0.029):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            time.sleep(delay)
            writer.send_signal(signal.SIGKILL)
        text = path.read_text()
        assert text in ("o" * 3_000_000, "a" * 3_000_000, "b" * 3_000_000)


async def test_the_awaitable_form(tmp_path: Path) -> None:
    assert (await FileSystemWriteBlock(Text, tmp_path / "a").acall(Text("a"))).success
    assert (await FileSystemReadBlock(tmp_path / "a").acall(NoOp())).data == "a"


def test_types_are_asked_for_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="declared as int, not as str"):
        FileSystemWriteBlock(Number, tmp_path / "a")  # type: ignore[type-var]
    with pytest.raises(ConfigError, match="has no field 'file_content'"):
        FileSystemWriteBlock(FileSystemOperation, tmp_path / "a")  # type: ignore[type-var]
    with pytest.raises(ConfigError, match="largest is below 0"):
        FileSystemReadBlock(tmp_path / "a", largest=-1)
    with pytest.raises(ConfigError, match="cannot be a folder"):
        FileSystemReadBlock("a", root="/")
    with pytest.raises(TypeMismatch):
        FileSystemWriteBlock(Text, tmp_path / "a")(NoOp())  # type: ignore[arg-type]


def test_they_can_be_published(tmp_path: Path) -> None:
    catalog = Catalog([FileSystemReadBlock("a"), FileSystemWriteBlock(Text, "a")])
    told = [(block.permission, block.effects.names()) for block in catalog]
    assert told == [("files.read", ["reads"]), ("files.write", ["writes_files"])]
