"""Devices are read and written without the loss of a byte, and no file can hurt who reads it."""

from __future__ import annotations

import json
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput, NotFound, TooLarge
from conduit.store.file_names import parts_of
from conduit.surfaces.ableton.amxd import layout, reading, writing
from conduit.surfaces.ableton.amxd.folder import MANIFEST, put_together, take_apart
from conduit.surfaces.ableton.amxd.layout import Device, Entry, Frozen, meta
from conduit.surfaces.ableton.amxd.reading import read_device
from conduit.surfaces.ableton.amxd.writing import write_device
from tests.surfaces.ableton.amxd.made import PATCHER, File, frozen, listed, own, unfrozen

FOLDER = Path(__file__).parent / "others"
OTHERS = sorted(FOLDER.glob("*.amxd"))
SCRIPT = File(b"my-maxnode-basic.js", b"TEXT", b"const Max = require('max-api');\n", flag=8)
SOUND = File(b"shakerkicksnare.aif", b"AIFF", bytes(range(256)) * 3, flag=8)
PICTURE = File(b"hz-icon.svg", b"svg ", b"<svg/>")
EMPTY = File(b"collContent", b"TEXT", b"")

LAYOUTS = {
    "unfrozen": unfrozen(),
    "unfrozen, before there was meta": unfrozen(about=None),
    "unfrozen, meta of 0": unfrozen(b"aaaa", b"\0\0\0\0"),
    "unfrozen, without a zero at its end": unfrozen(b"iiii", text=PATCHER),
    "frozen": frozen(own(), SCRIPT, SOUND, PICTURE, EMPTY),
    "frozen, before there was meta": frozen(own(), about=None),
    "frozen, meta as Max 8.1 wrote it": frozen(own(), SCRIPT, about=b"\0\0\0\7"),
    "frozen, from a project": frozen(own(b"Test.maxpat"), PICTURE, kind=b"natt"),
    "frozen, with garbage after the text": frozen(own(after=b"\0\xff\xfe}}{"), SCRIPT),
    "frozen, with bytes of nobody": frozen(own(), EMPTY, SOUND, gap=b"\0\1\2"),
    "a name that is no UTF-8": frozen(own(), File(b"\xff\xfe.js", b"TEXT", b"1")),
    "a kind that is not known": unfrozen(b"zz\xff\0"),
    "a kind that looks like a code": unfrozen(b"\\x00"),
    "names that are the same": frozen(
        own(),
        *(File(n, b"TEXT", n) for n in (b"a.js", b"A.JS", b"a.js", b"2-1-A.JS", b"test.maxpat")),
    ),
    "names from elsewhere": frozen(
        own(b"../../../etc/cron.d/x"),
        *(File(n, b"TEXT", n) for n in (b"/etc/passwd", b"C:\\con", b"aux", b"..", b"amxd.json")),
        File(b"n" * 255, b"TEXT", b"long"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_nothing_is_lost_on_the_way(name: str) -> None:
    data = LAYOUTS[name]
    device = read_device(data)
    assert write_device(device) == data
    files = take_apart(device)
    assert write_device(put_together(files)) == data
    for each in files:
        assert parts_of(each) == (each,), "a name that stays in its folder on every machine"
    assert len({each.casefold() for each in files}) == len(files)
    assert all(b"\0" not in text for each, text in files.items() if each.endswith(".maxpat"))


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.stem)
def test_devices_of_other_programs_come_back_as_they_were(path: Path) -> None:
    data = path.read_bytes()
    device = read_device(data)
    assert device.kind_words == "MIDI effect"
    assert write_device(device) == data
    files = take_apart(device)
    assert write_device(put_together(files)) == data
    (patcher,) = (text for name, text in files.items() if name.endswith(".maxpat"))
    assert "boxes" in json.loads(patcher)["patcher"]


def test_another_program_writes_what_we_write() -> None:
    data = (FOLDER / "py2max-0.6.0.amxd").read_bytes()
    text = data[36 : data.rindex(b"dlst")]
    own_patcher = Entry.of("Through.maxpat", "JSON", text, flag=17, modified=1_767_155_200)
    assert write_device(Device("mmmm", (), Frozen((own_patcher,)))) == data


def test_what_is_inside_can_be_read() -> None:
    device = read_device(LAYOUTS["frozen"])
    assert (device.kind, device.kind_words) == ("mmmm", "MIDI effect")
    assert isinstance(device.content, Frozen)
    entries = device.content.entries
    assert [(e.name, e.kind, e.flag) for e in entries[:3]] == [
        ("Test.amxd", "JSON", 17),
        ("my-maxnode-basic.js", "TEXT", 8),
        ("shakerkicksnare.aif", "AIFF", 8),
    ]
    files = take_apart(device)
    assert files["Test.maxpat"] == PATCHER
    assert files["my-maxnode-basic.js"] == SCRIPT.data
    assert json.loads(files[MANIFEST])["files"][1] == {
        "file": "my-maxnode-basic.js",
        "name": "my-maxnode-basic.js",
        "type": "TEXT",
        "flag": 8,
        "version": 0,
        "modified": "2025-12-31T04:26:40Z",
        "after": "",
        "before": "",
        "fields": [],
    }
    files["my-maxnode-basic.js"] = b"// longer than it was " * 9
    changed = read_device(write_device(put_together(files)))
    assert take_apart(changed) == files


GOOD = LAYOUTS["frozen"]
LISTS = GOOD.rindex(b"dlst")


def number_at(at: int, value: int, *, size: int = 4, order: str = "big") -> bytes:
    return GOOD[:at] + value.to_bytes(size, order) + GOOD[at + size :]  # type: ignore[arg-type]


HOSTILE = {
    "nothing": (b"", "does not begin"),
    "something else": (b"PK\3\4" + bytes(64), "does not begin"),
    "a kind of another length": (b"ampf\5\0\0\0aaaaa" + GOOD[12:], "not 4"),
    "a patcher that claims to be huge": (number_at(28, 0xFFFFFFFF), "claims"),
    "a patcher that is cut off": (GOOD[:-1], "claims"),
    "something after the patcher": (GOOD + b"x", "follow"),
    "chunks without end": (
        GOOD[:12] + b"meta\0\0\0\0" * 20 + GOOD[24:],
        "before the patcher",
    ),
    "a chunk that is huge": (unfrozen(about=bytes(65_537)), "before the patcher"),
    "a name that is huge": (frozen(own(), File(b"n" * 999, b"TEXT", b"")), "say what one file is"),
    "another header": (number_at(36, 17), "header"),
    "a list that is elsewhere": (number_at(40, 2**63, size=8), "no list"),
    "a list in the head": (number_at(40, 0, size=8), "no list"),
    "a list that claims more": (number_at(LISTS + 4, 2**32 - 1), "list of files claims"),
    "a file entry that claims more": (number_at(LISTS + 12, 2**31), "claims"),
    "a file entry of no size": (number_at(LISTS + 12, 0), "claims"),
    "a field that claims more": (number_at(LISTS + 20, 9_999), "claims"),
    "a field twice": (GOOD.replace(b"vers", b"flag", 1), "once too often"),
    "a field that is missing": (GOOD.replace(b"mdat", b"what", 1), "without 'mdat'"),
    "something else in the list": (GOOD.replace(b"dire", b"dirk", 1), "not 'dire'"),
    "no files": (frozen(), "empty"),
    "a file outside": (frozen(own(), File(b"a", b"TEXT", b"12", size=3)), "outside"),
    "a huge file": (frozen(own(), File(b"a", b"TEXT", b"12", size=2**32 - 1)), "outside"),
    "a file in the head": (frozen(File(b"a", b"TEXT", b"1", offset=0, size=1)), "outside"),
    "two files in one place": (
        frozen(own(), File(b"a", b"TEXT", b"12"), File(b"b", b"TEXT", b"", offset=30, size=4)),
        "in the middle of",
    ),
    "one file a thousand times": (
        frozen(*[File(b"a", b"TEXT", b"", offset=16, size=500)] * 1_000, gap=bytes(500)),
        "in the middle of",
    ),
    "encrypted": (unfrozen()[:24] + b"ciph\4\0\0\0abcd" + unfrozen()[24:], "encrypted"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_lies_is_refused(name: str) -> None:
    data, said = HOSTILE[name]
    with pytest.raises(InvalidInput) as raised:
        read_device(data)
    assert said in raised.value.message
    assert raised.value.hint


def test_every_cut_and_every_changed_byte_is_an_error_or_a_device() -> None:
    """A device that is read is written as it was; nothing else may come of any file."""
    small = frozen(own(), File(b"a.js", b"TEXT", b"1;"))
    for at in range(len(small)):
        with pytest.raises(InvalidInput):
            read_device(small[:at])
        for value in (0, 1, 0x7F, 0xFF):
            changed = small[:at] + bytes([value]) + small[at + 1 :]
            try:
                device = read_device(changed)
            except InvalidInput:
                continue
            assert write_device(device) == changed
            assert write_device(put_together(take_apart(device))) == changed


def test_memory_follows_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    many = frozen(own(), *(File(b"%d" % n, b"TEXT", bytes(2_000)) for n in range(400)))
    tracemalloc.start()
    device = read_device(many)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * len(many)
    monkeypatch.setattr(reading, "MAX_BYTES", len(many) - 1)
    with pytest.raises(TooLarge, match=f"a device of {len(many)} bytes"):
        read_device(many)
    monkeypatch.setattr(writing, "MAX_BYTES", len(many) - 1)
    with pytest.raises(TooLarge, match="at most"):
        write_device(device)
    monkeypatch.undo()
    with pytest.raises(TooLarge, match="more than 4096 files"):
        read_device(frozen(*[File(b"a", b"TEXT", b"")] * 4_097))


def test_what_is_no_file_is_not_spelled_out_without_end() -> None:
    long = bytes(700_000)
    for data in (frozen(own(), EMPTY, gap=long), frozen(own(), gap=long * 2)):
        device = read_device(data)
        assert write_device(device) == data
        with pytest.raises(TooLarge, match="between its files"):
            take_apart(device)
    data = frozen(own(after=long), own(b"b.maxpat", after=long))
    files = take_apart(read_device(data))
    assert write_device(put_together(files)) == data
    assert len(files[MANIFEST]) < 2 * len(long) + 4_000
    assert len(files["b.maxpat"]) > len(long), "the second stays with its file"
    with pytest.raises(TooLarge, match="a manifest of"):
        put_together({**files, MANIFEST: bytes(1 << 24) + b" "})
    often = json.loads(files[MANIFEST])
    often["files"] = [{**often["files"][1], "after": "00"}] * 300
    with pytest.raises(TooLarge, match="too much for one device"):
        put_together({**files, MANIFEST: json.dumps(often).encode()})


names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)
files = st.lists(
    st.builds(
        Entry.of,
        names,
        st.sampled_from(["JSON", "TEXT", "AIFF", "svg ", "gDSP"]),
        st.binary(max_size=200),
        flag=st.sampled_from([0, 8, 17]),
        modified=st.integers(0, 2**31),
    ),
    min_size=1,
    max_size=9,
)
kinds = st.sampled_from(["aaaa", "mmmm", "iiii", "nagg", "natt"])


@given(files, kinds, st.sampled_from([(), (meta(0),), (meta(1),), (meta(7),)]))
def test_what_is_written_is_read(
    entries: list[Entry], kind: str, chunks: tuple[layout.Chunk]
) -> None:
    data = write_device(Device(kind, chunks, Frozen(tuple(entries))))
    device = read_device(data)
    assert write_device(device) == data
    assert isinstance(device.content, Frozen)
    assert [(e.name, e.kind, e.flag, e.data) for e in device.content.entries] == [
        (e.name, e.kind, e.flag, e.data) for e in entries
    ]
    assert write_device(put_together(take_apart(device))) == data
    payload, found = listed(data)
    spans = sorted((f["of32"], f["of32"] + f["sz32"]) for f in found)  # type: ignore[operator]
    assert spans[0][0] == 16
    assert spans[-1][1] <= payload.rindex(b"dlst")
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans)), "no byte has two files"
    assert [payload[f["of32"] :][: f["sz32"]] for f in found] == [e.data for e in entries]  # type: ignore[misc]


@given(st.binary(max_size=300))
def test_any_bytes_are_a_device_or_an_error(tail: bytes) -> None:
    for head in (b"", b"ampf\4\0\0\0mmmm", unfrozen()[:24] + b"ptch", GOOD[:48]):
        try:
            device = read_device(head + tail)
        except InvalidInput:
            continue
        assert write_device(device) == head + tail


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "zz"}, "no kind of device"),
        ({"frozen": False}, "an unfrozen device of 5 files"),
        ({"chunks": [{"tag": "00", "data": ""}]}, "no tag"),
        ({"rest": "xyz"}, "not hexadecimal"),
        ({"more": 1}, "more"),
        ({"files": []}, "of 0 files"),
        ({"files": [{"file": "../x", "name": "x"}]}, "no file '../x'"),
        ({"files": [{"file": MANIFEST, "name": "x", "modified": "today"}]}, "no time"),
        ({"files": [{"file": MANIFEST, "name": ""}]}, "cannot be the name"),
        ({"files": [{"file": MANIFEST, "name": "x", "flag": -1}]}, "32 bits"),
        ({"files": [{"file": MANIFEST, "name": "x", "type": "☃"}]}, "no type"),
    ],
)
def test_a_manifest_that_cannot_be_used(change: dict[str, object], said: str) -> None:
    folder = take_apart(read_device(GOOD))
    folder[MANIFEST] = json.dumps({**json.loads(folder[MANIFEST]), **change}).encode()
    with pytest.raises((InvalidInput, NotFound), match=said):
        write_device(put_together(folder))
