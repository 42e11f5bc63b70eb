"""System prompts: files by name, the operator's own first."""

from __future__ import annotations

from pathlib import Path

import pytest

from conduit.agents.system_prompts import BUILT_IN, SystemPrompts
from conduit.contracts.errors import ConfigError, NotFound


@pytest.fixture
def prompts(tmp_path: Path) -> SystemPrompts:
    return SystemPrompts((tmp_path, BUILT_IN))


def test_the_default_one_knows_the_music_and_the_tools() -> None:
    text = SystemPrompts().text("default")
    for word in ("industrial", "techno", "IDM", "groove_render", "docs_answer"):
        assert word in text


def test_the_operators_own_come_first_and_edits_take_effect(
    prompts: SystemPrompts, tmp_path: Path
) -> None:
    assert prompts.names() == ["default", "plain"]
    (tmp_path / "default.md").write_text("  mine  \n")
    assert prompts.text("default") == "mine"
    (tmp_path / "default.md").write_text("changed")
    (tmp_path / "live-set.md").write_text("live")
    assert prompts.text("default") == "changed"
    assert prompts.names() == ["default", "live-set", "plain"]


@pytest.mark.parametrize(
    "name", ["", "..", "../secret", "a/b", "/etc/passwd", ".hidden", "a\0", "default.md", "x" * 65]
)
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.md").write_text("secret")
    folder = tmp_path / "prompts"
    folder.mkdir()
    with pytest.raises(NotFound, match="there is no system prompt") as caught:
        SystemPrompts((folder, BUILT_IN)).text(name)
    assert "default, plain" in caught.value.hint


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"x" * (64 * 1024 + 1)])
def test_a_file_that_is_no_prompt_is_a_setting_to_mend(
    prompts: SystemPrompts, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "odd.md").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        prompts.text("odd")
    assert caught.value.where == "odd.md"
    assert caught.value.hint
