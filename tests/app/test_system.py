"""All rooms, joined: what the application says about itself and this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from conduit.app import App, Settings, open_app
from conduit.contracts.call import LOCAL_OWNER
from conduit.contracts.errors import ConfigError


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.read(
        {"CONDUIT_HOME": str(tmp_path), "CONDUIT_DB_URI": f"sqlite:///{tmp_path}/app.db"}
    )


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[App]:
    async with open_app(settings, detect=False) as opened:
        yield opened


async def call(app: App, name: str, data: dict[str, Any] | None = None) -> Any:
    return await app.gate.acall(name, data or {}, LOCAL_OWNER)


async def test_the_offline_agent_is_always_last(app: App) -> None:
    body = {"name": "mine", "type": "ollama", "model": "m", "base_url": "http://127.0.0.1:1"}
    listed = await call(app, "providers.add", body)
    assert listed.chain == ["mine", "offline"]
    assert (await call(app, "providers.switch", {"name": "offline"})).chain[0] == "offline"


async def test_health(app: App) -> None:
    health = await call(app, "system.health")
    assert health.status == "ok"
    assert health.active == "offline"
    assert health.uptime_s >= 0


async def test_doctor_tells_what_is_off_and_why(app: App, settings: Settings) -> None:
    findings = {each.name: each for each in (await call(app, "system.doctor")).findings}
    assert findings["files"].detail.startswith(str(settings.home))
    assert findings["database"].state == "ok"
    for each in findings.values():
        assert each.state == "ok" or each.enable, "what is off can be enabled"


async def test_doctor_names_a_provider_that_was_left_out(settings: Settings) -> None:
    (settings.home / "providers.yaml").write_text("providers:\n  claude:\n    type: anthropic\n")
    async with open_app(settings, detect=False) as app:
        findings = {each.name: each for each in (await call(app, "system.doctor")).findings}
    assert findings["provider claude"].state == "off"
    assert "ANTHROPIC_API_KEY" in findings["provider claude"].enable


async def test_doctor_says_where_providers_yaml_is_wrong(settings: Settings) -> None:
    (settings.home / "providers.yaml").write_text("providers:\n  a: {type: ollama, modle: m}\n")
    with pytest.raises(ConfigError, match="modle"):
        async with open_app(settings, detect=False):
            pass
    async with open_app(settings, detect=False, tolerant=True) as app:
        diagnosis = await call(app, "system.doctor")
    assert not diagnosis.well
    (finding,) = [each for each in diagnosis.findings if each.state == "broken"]
    assert finding.name == "providers.yaml"
    assert "providers.yaml:2:21: providers.a.modle" in finding.detail
    assert finding.enable == "did you mean model?"


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://user:hunter2@127.0.0.1:1/db",
        "postgresql://127.0.0.1:1/db?user=user&password=hunter2",
    ],
)
async def test_doctor_does_not_show_the_password_of_a_database(tmp_path: Path, uri: str) -> None:
    """The database need not even be there."""
    settings = Settings.read({"CONDUIT_HOME": str(tmp_path), "CONDUIT_DB_URI": uri})
    async with open_app(settings, detect=False) as app:
        diagnosis = await call(app, "system.doctor")
    assert not diagnosis.well
    assert "hunter2" not in repr(diagnosis)


async def test_doctor_shows_no_options_of_a_database_that_is_there(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/app.db?timeout=77"
    settings = Settings.read({"CONDUIT_HOME": str(tmp_path), "CONDUIT_DB_URI": uri})
    async with open_app(settings, detect=False) as app:
        findings = {each.name: each for each in (await call(app, "system.doctor")).findings}
    assert findings["database"].state == "ok"
    assert findings["database"].detail == f"sqlite:///{tmp_path}/app.db"


async def test_every_block_has_a_summary_and_a_permission(app: App) -> None:
    for block in app.gate.catalog:
        info = app.gate.catalog.info(block.name)
        assert info.summary
        assert info.permission
