"""The public face of MDL: what is asked for, and what an answer becomes."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from conduit.contracts.errors import UnparsableOutput
from conduit.mdl import Mdl


@dataclass
class File:
    name: str
    bytes: int
    date_modified: str = field(metadata={"description": "as ls prints it"})


@dataclass
class Files:
    """What is in a directory."""

    files: list[File]


ONE = Files([File("a", 1, "today")])
CLEAN = '{"files": [{"name": "a", "bytes": 1, "date_modified": "today"}]}'


def test_a_clean_answer_needs_nothing() -> None:
    parsed = Mdl.of(Files).parse(CLEAN)
    assert parsed.value == ONE
    assert parsed.exact
    assert parsed.cost == 0


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (f"Sure!\n```json\n{CLEAN}\n```\nAnything else?", {"around"}),
        (f'<think>{{"files": []}}</think>{CLEAN}', {"around"}),
        (f'{{"json": {CLEAN}}}', {"wrapper"}),
        (f'{{"Files": {CLEAN}}}', {"wrapper"}),
        (CLEAN.replace("1", '"1"'), {"converted"}),
        (CLEAN.replace("1", "1.0"), {"whole"}),
        (CLEAN.replace("date_modified", "DateModified"), {"key"}),
        (CLEAN.replace('"', "'"), {"quotes"}),
        (CLEAN.replace("}]", ",}]"), {"comma"}),
        (CLEAN.replace('"name": "a", ', '"name": "a", "mode": "rw", '), {"extra"}),
    ],
)
def test_an_answer_that_is_nearly_right_is_mended(text: str, kinds: set[str]) -> None:
    parsed = Mdl.of(Files).parse(text)
    assert parsed.value == ONE
    assert {repair.kind for repair in parsed.repairs} == kinds
    assert not parsed.exact


def test_every_fault_is_named_with_its_path() -> None:
    with pytest.raises(UnparsableOutput) as caught:
        Mdl.of(Files).parse('{"files": [{"name": "a", "bytes": "many"}]}')
    assert caught.value.faults == (
        "files[0].bytes: expected int, got str 'many'",
        "files[0].date_modified: is missing (str)",
    )
