"""The generator of ``docs/reference``: tables say what schemas say, and a stale page is found."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import reference
from conduit.contracts.errors import ConduitError
from reference_pages import errors, markdown, schema


def test_schemas_become_rows_with_nested_fields() -> None:
    layer = {
        "type": "object",
        "properties": {"pitch": {"type": "integer", "minimum": 0, "maximum": 127}},
        "required": ["pitch"],
    }
    whole = {
        "type": "object",
        "properties": {
            "style": {"type": "string", "enum": ["dub", "hypnotic"], "description": "how it moves"},
            "bars": {"type": "integer", "minimum": 1, "maximum": 4096, "default": 8},
            "layers": {"type": "array", "items": layer, "minItems": 1, "maxItems": 8},
            "seed": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        },
        "required": ["style", "layers"],
    }
    assert list(schema.rows(whole)) == [
        ("`style`", '`"dub"` or `"hypnotic"`', "required", "how it moves"),
        ("`bars`", "integer, 1 to 4 096", "`8`", ""),
        ("`layers`", "array of object, 1 to 8 items", "required", ""),
        ("`layers[].pitch`", "integer, 0 to 127", "required", ""),
        ("`seed`", "integer or null", "`null`", ""),
    ]


def test_a_cell_cannot_break_its_table() -> None:
    assert markdown.table(["A"], [["one | two\nthree"]]) == (
        "| A |\n| --- |\n| one \\| two three |\n"
    )


def test_every_error_has_a_row() -> None:
    page = errors.page()
    assert [cls.code for cls in errors.tree() if f"| `{cls.code}` |" not in page] == []


def test_an_error_that_is_not_drawn_in_the_tree_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgotten(ConduitError):
        code = "forgotten"

    monkeypatch.setattr(errors, "tree", lambda: iter([ConduitError, Forgotten]))
    with pytest.raises(SystemExit, match="Forgotten"):
        errors.page()


def test_a_stale_page_and_an_orphan_are_found_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reference, "FOLDER", tmp_path)
    monkeypatch.setattr(reference, "PAGES", {"a.md": lambda: "# A\n"})

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["reference.py", *arguments])
        return reference.main()

    assert run("--check") == 1
    assert "+# A" in capsys.readouterr().out
    assert run() == 0
    assert run("--check") == 0
    (tmp_path / "b.md").write_text("nobody writes me")
    assert run("--check") == 1
    assert "docs/reference/b.md" in capsys.readouterr().out
