"""What the operator decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from conduit.app import Settings
from conduit.contracts.errors import ConfigError


def test_nothing_has_to_be_set() -> None:
    settings = Settings.read({})
    assert settings.home == Path.home() / ".conduit"
    assert settings.db_uri == "sqlite:///conduit.db"
    assert settings.log_level == "warning"


def test_an_empty_variable_is_none() -> None:
    names = ("CONDUIT_HOME", "CONDUIT_DB_URI", "CONDUIT_LOG", "CONDUIT_CONFIGS_DIR")
    read = Settings.read(dict.fromkeys(names, ""))
    assert (read.home, read.configs, read.out) == (Settings.read({}).home, "configs", "out")


def test_what_is_set_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.read({"CONDUIT_HOME": "here", "CONDUIT_LOG": "DEBUG"})
    assert settings.home == tmp_path / "here"
    assert settings.log_level == "debug"
    assert Settings.read({"CONDUIT_HOME": "~/there"}).home == Path.home() / "there"


def test_a_level_that_does_not_exist() -> None:
    with pytest.raises(ConfigError, match="loud") as refused:
        Settings.read({"CONDUIT_LOG": "loud"})
    assert "warning" in refused.value.hint
    assert refused.value.where == "CONDUIT_LOG"
