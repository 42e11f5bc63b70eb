"""Names that somebody we do not trust may choose."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput
from conduit.store.file_names import MAX_DEPTH, MAX_NAME_BYTES, parts_of

GOOD = [
    "late_night", "late_night.json", "Late Night 2.yaml", "sets/friday/opener.mid", "ünïcode",
    "夜.json", "v1.2", "a", "_draft", "dub (2) + more", "consul", "com", "lpt.x1", "nulls.mid",
    "a" * MAX_NAME_BYTES, "a/b/c/d",
]  # fmt: skip

BAD = {
    "": "empty", "/": "elsewhere", "a//b": "empty", "a/": "empty", "/etc/passwd": "elsewhere",
    "/dev/null": "elsewhere", "~": "elsewhere", "~root/x": "elsewhere", "C:x": "elsewhere",
    "c:\\windows": "elsewhere", "\\\\server\\share": "elsewhere", "..": "'..'", ".": "'.'",
    "../x": "'..'", "a/../../x": "'..'", "a/..": "'..'", "./x": "'.'", "a\\..\\x": "holds",
    ".hidden": "hidden", "a/.git/config": "hidden", "...": "hidden", "-rf": "begins with",
    " x": "begins with", "x ": "ends in", "x.": "ends in", "a./b": "ends in", "a b/ c": "begins",
    "a\0b": "holds", "a\nb": "holds", "a\x1b[2Jb": "holds", "a\x7fb": "holds", "a\u202eb": "holds",
    "a\u200bb": "holds", "a*b": "holds", "a?": "holds", "a|b": "holds", 'a"b': "holds",
    "a:b": "elsewhere", "ab:c": "holds", "a<b": "holds", "$HOME": "begins with", "a$b": "holds",
    "`id`": "begins with", "a;b": "holds", "a%2e%2e": "holds", "\u2024\u2024/x": "begins with",
    "\uff0e\uff0e/x": "begins with", "a\uff0fb": "holds", "\ud800": "not UTF-8",
    "a\udcff": "not UTF-8", "NUL": "device", "con.json": "device", "sub/aux.mid": "device",
    "COM1": "device", "com\u00b9.x": "device", "lpt9.a.b": "device", "Con .txt": "device",
    "prn": "device", "a" * (MAX_NAME_BYTES + 1): "too long", "é" * 61: "too long",
    "a/" * 400 + "a": "too long", "a" * 100_000: "too long", "a/b/c/d/e": "too deep",
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_ordinary_names_are_names(name: str) -> None:
    assert "/".join(parts_of(name)) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize("name", BAD, ids=ascii)
def test_a_name_that_leads_elsewhere_is_refused_and_told_why(name: str) -> None:
    with pytest.raises(InvalidInput, match=BAD[name]) as refused:
        parts_of(name)
    assert refused.value.hint
    assert len(str(refused.value)) < 600
    assert str(refused.value).isprintable() or "\nhint: " in str(refused.value)


def test_the_same_letters_are_the_same_name() -> None:
    assert parts_of("cafe\u0301") == parts_of("caf\u00e9")


pieces = st.sampled_from([
    "..", ".", "/", "\\", "~", "\0", "con", "NUL", ".json", " ", "a", "_", "é", "\u202e", "C:", "-",
])  # fmt: skip
odd_names = st.lists(pieces | st.text(max_size=3), max_size=9).map("".join) | st.text()


@given(odd_names)
def test_whatever_is_accepted_stays_inside_on_every_system(name: str) -> None:
    try:
        parts = parts_of(name)
    except InvalidInput:
        return
    assert 1 <= len(parts) <= MAX_DEPTH
    assert "/".join(parts_of("/".join(parts))) == "/".join(parts)  # settled
    base = Path("/base/folder")
    inside = Path(os.path.normpath(base.joinpath(*parts)))
    assert inside.parts[: len(base.parts)] == base.parts
    assert len(inside.parts) == len(base.parts) + len(parts)
    for part in parts:
        assert part.isprintable()
        assert not part.startswith((".", "-", "~"))
        assert not set(part) & set('\\/:*?"<>|')
        assert len(os.fsencode(part)) <= MAX_NAME_BYTES
