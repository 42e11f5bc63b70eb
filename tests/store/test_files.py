"""Files by content: named by their SHA-256, written whole or not at all, apart by organisation."""

from __future__ import annotations

import contextlib
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.call import DEFAULT_ORG
from conduit.contracts.errors import NotFound, StoreError
from conduit.contracts.files import FileRef
from conduit.store import files as module
from conduit.store.files import DiskFiles, write_atomically

MIDI = "audio/midi"


@pytest.fixture
def files(tmp_path: Path) -> DiskFiles:
    return DiskFiles(tmp_path / "files")


def test_a_file_is_named_by_its_content(files: DiskFiles) -> None:
    ref = files.put(DEFAULT_ORG, "steel.mid", MIDI, b"MThd")
    assert ref == FileRef(hashlib.sha256(b"MThd").hexdigest(), "steel.mid", MIDI, 4)
    assert files.get(DEFAULT_ORG, ref.id) == (ref, b"MThd")


def test_the_same_content_is_one_file_with_its_newest_name(files: DiskFiles) -> None:
    one = files.put(DEFAULT_ORG, "one.mid", MIDI, b"MThd")
    two = files.put(DEFAULT_ORG, "two.mid", MIDI, b"MThd")
    assert one.id == two.id
    assert files.get(DEFAULT_ORG, one.id)[0].name == "two.mid"


def test_organisations_do_not_see_each_others_files(files: DiskFiles) -> None:
    ref = files.put("org-a", "one.mid", MIDI, b"MThd")
    with pytest.raises(NotFound):
        files.get("org-b", ref.id)


@pytest.mark.parametrize(
    "file_id",
    ["", "..", "../../etc/passwd", "/etc/passwd", "a" * 63, "A" * 64, "g" * 64, "0" * 64 + "\n",
     "\0" * 64, "0" * 64 + ".json", "0" * 64],
)  # fmt: skip
def test_what_is_no_id_is_not_found(files: DiskFiles, file_id: str) -> None:
    files.put(DEFAULT_ORG, "one.mid", MIDI, b"MThd")
    with pytest.raises(NotFound):
        files.get(DEFAULT_ORG, file_id)


@pytest.mark.parametrize("org", ["", ".", "..", "../files", "a/b", "\0", "x" * 65])
def test_an_organisation_is_no_path(files: DiskFiles, tmp_path: Path, org: str) -> None:
    with pytest.raises(NotFound):
        files.put(org, "one.mid", MIDI, b"MThd")
    with pytest.raises(NotFound):
        files.get(org, "0" * 64)
    assert not list(tmp_path.rglob("*.json"))


def test_a_name_is_only_a_name(files: DiskFiles, tmp_path: Path) -> None:
    ref = files.put(DEFAULT_ORG, "../../evil.mid", MIDI, b"MThd")
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {
        ref.id,
        f"{ref.id}.json",
    }


def test_many_may_store_the_same_content_at_once(files: DiskFiles, tmp_path: Path) -> None:
    data = os.urandom(200_000)
    with ThreadPoolExecutor(8) as pool:
        refs = list(pool.map(lambda n: files.put(DEFAULT_ORG, f"{n}", MIDI, data), range(24)))
    assert len({ref.id for ref in refs}) == 1
    assert files.get(DEFAULT_ORG, refs[0].id)[1] == data
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2  # no leftovers


def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_atomically(tmp_path / "a", b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(tmp_path / "a", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_full_disk_is_a_store_error(files: DiskFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device") as caught:
        files.put(DEFAULT_ORG, "one.mid", MIDI, b"MThd")
    assert "CONDUIT_HOME" in caught.value.hint


def test_a_file_appears_under_its_id_only_when_it_is_whole(
    files: DiskFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed: list[str] = []
    replace = os.replace

    def fail_for_the_content(old: str, new: Path) -> None:
        if new.suffix != ".json":
            raise OSError(5, "Input/output error")
        renamed.append(new.name)
        replace(old, new)

    monkeypatch.setattr(module.os, "replace", fail_for_the_content)
    with pytest.raises(StoreError, match="Input/output error"):
        files.put(DEFAULT_ORG, "one.mid", MIDI, b"MThd")
    monkeypatch.undo()
    with pytest.raises(NotFound):
        files.get(DEFAULT_ORG, renamed[0].removesuffix(".json"))
    ref = files.put(DEFAULT_ORG, "one.mid", MIDI, b"MThd")
    assert files.get(DEFAULT_ORG, ref.id) == (ref, b"MThd")


def test_a_folder_that_is_a_file_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "files").touch()
    with pytest.raises(StoreError):
        DiskFiles(tmp_path / "files").put(DEFAULT_ORG, "one.mid", MIDI, b"MThd")


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"id": 1}'])
def test_a_damaged_description_is_a_store_error(
    files: DiskFiles, tmp_path: Path, damage: bytes
) -> None:
    ref = files.put(DEFAULT_ORG, "one.mid", MIDI, b"MThd")
    (tmp_path / "files" / DEFAULT_ORG / f"{ref.id}.json").write_bytes(damage)
    with pytest.raises(StoreError, match="damaged"):
        files.get(DEFAULT_ORG, ref.id)


def test_the_mode_is_what_was_asked_for(tmp_path: Path) -> None:
    write_atomically(tmp_path / "secret", b"x", mode=0o600)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


@given(data=st.binary(max_size=200), name=st.text(st.characters(exclude_categories=["Cs"])))
def test_whatever_is_put_is_what_is_got(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str
) -> None:
    files = DiskFiles(tmp_path_factory.getbasetemp() / "whatever")
    ref = files.put(DEFAULT_ORG, name, MIDI, data)
    assert files.get(DEFAULT_ORG, ref.id) == (ref, data)
    assert ref.size == len(data)


def test_what_comes_in_pieces_is_one_file_or_none(files: DiskFiles, tmp_path: Path) -> None:
    with contextlib.closing(files.incoming(DEFAULT_ORG)) as incoming:
        for piece in (b"RI", b"", b"FF"):
            incoming.write(piece)
        assert incoming.size == 4
        ref = incoming.keep("loop.wav", "audio/wav")
    assert ref == files.put(DEFAULT_ORG, "loop.wav", "audio/wav", b"RIFF")
    assert files.get(DEFAULT_ORG, ref.id) == (ref, b"RIFF")
    assert files.ref(DEFAULT_ORG, ref.id) == ref
    with contextlib.closing(files.incoming(DEFAULT_ORG)) as left:
        left.write(b"half")
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {
        ref.id,
        f"{ref.id}.json",
    }
    killed = files.incoming(DEFAULT_ORG)
    killed.write(b"half")
    (left_behind,) = (path for path in tmp_path.rglob("tmp*") if path.is_file())
    os.utime(left_behind, (0, 0))
    files.incoming(DEFAULT_ORG).close()
    assert not left_behind.exists()
    killed.close()
    with pytest.raises(NotFound):
        files.ref(DEFAULT_ORG, "0" * 64)
    with pytest.raises(NotFound):
        files.incoming("../files")
