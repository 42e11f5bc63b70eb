"""System prompts as texts, for presets."""

from __future__ import annotations

from pathlib import Path

import pytest

from conduit.app.prompt_folder import PromptFolder
from conduit.contracts.errors import StoreError


def test_texts_come_back_as_they_were_put(tmp_path: Path) -> None:
    prompts = PromptFolder(tmp_path / "prompts")
    assert prompts.texts() == {}
    prompts.put({"default": "Höflich.\n", "plain": "x"})
    assert prompts.texts() == {"default": "Höflich.\n", "plain": "x"}
    prompts.put({"plain": None, "default": "y"})
    assert prompts.texts() == {"default": "y"}


def test_what_is_no_prompt_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no")
    (tmp_path / "a b.md").write_text("no")
    (tmp_path / "large.md").write_text("x" * 70_000)
    (tmp_path / "folder.md").mkdir()
    prompts = PromptFolder(tmp_path)
    prompts.put({"../out": "no"})
    assert prompts.texts() == {}
    assert not (tmp_path.parent / "out.md").exists()


def test_all_of_them_or_none(tmp_path: Path) -> None:
    prompts = PromptFolder(tmp_path)
    prompts.put({"a": "old"})
    (tmp_path / "z.md").mkdir()
    with pytest.raises(StoreError):
        prompts.put({"a": "new", "z": "in the way"})
    assert prompts.texts() == {"a": "old"}
    (tmp_path / "bad.md").write_bytes(b"\xff")
    with pytest.raises(StoreError, match="not UTF-8"):
        prompts.texts()
