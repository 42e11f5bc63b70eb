"""What a program loads before it does what it is asked, without a clock: which modules."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from conduit.app import Settings, open_app, starting
from conduit.app.agent_side import AgentSide
from conduit.app.rooms import Rooms
from conduit.contracts.errors import ConfigError, StoreError
from tests.product.waiting import settled

ROOMS = {
    "conduit.agents.ask",
    "conduit.agents.live.blocks",
    "conduit.agents.planning.reason",
    "conduit.corpora",
    "conduit.midi",
    "conduit.personal",
    "conduit.rhythm",
    "conduit.surfaces.ableton.amxd.blocks",
    "conduit.tools.code",
    "conduit.tools.openapi.blocks",
}
OTHERS = {
    "alembic",
    "conduit.agents.offline.model",
    "conduit.surfaces.flex.server",
    "google.protobuf",
    "grpc",
    "mcp",
    "numpy",
    "prompt_toolkit",
    "psycopg",
    "pydantic",
    "sqlalchemy.dialects.postgresql",
    "sympy",
    "uvicorn",
}
NOT_LOADED = {
    "nobody": ROOMS | OTHERS,
    "system.health": ROOMS | OTHERS,
    "audio.render": {"conduit.agents.ask", "conduit.corpora", "conduit.personal"},
    "corpora.list": {"conduit.agents.ask", "conduit.personal", "conduit.tools.code"},
}
"""By the block that is looked for, in this order."""

_PROGRAM = f"""
import asyncio, json, os, sys
from conduit.app import Settings, open_app

async def main():
    loaded = {{}}
    async with open_app(Settings.read(os.environ), detect=False) as app:
        app.asgi()
        for name in {list(NOT_LOADED)}:
            if name != "nobody":
                app.gate.catalog.get(name)
            loaded[name] = list(sys.modules)
        loaded["all"] = len(app.gate.catalog) and list(sys.modules)
    print(json.dumps(loaded))

asyncio.run(main())
"""


def test_a_room_is_loaded_when_one_of_its_blocks_is_looked_for(tmp_path: Path) -> None:
    environ = {"CONDUIT_HOME": str(tmp_path), "CONDUIT_DB_URI": f"sqlite:///{tmp_path}/c.db"}
    words = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    assert not done.stderr
    loaded = {name: set(modules) for name, modules in json.loads(done.stdout).items()}
    found = {name: unwanted & loaded[name] for name, unwanted in NOT_LOADED.items()}
    assert not any(found.values()), found
    assert loaded["all"] >= ROOMS
    assert all(find_spec(name) for name in OTHERS), "what is not there is never loaded"


def test_what_is_wrong_with_a_tools_file_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "tools.yaml").write_text("geocoding: {provider: nobody}\n")
    environ = {"CONDUIT_HOME": str(tmp_path), "CONDUIT_DB_URI": f"sqlite:///{tmp_path}/c.db"}

    async def opened() -> None:
        async with open_app(Settings.read(environ), detect=False):
            pass

    with pytest.raises(ConfigError, match="nobody"):
        asyncio.run(opened())


def test_a_server_opens_all_and_goes_on_with_runs_whatever_one_room_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    environ = {"CONDUIT_HOME": str(tmp_path), "CONDUIT_DB_URI": f"sqlite:///{tmp_path}/c.db"}
    went_on: list[object] = []
    monkeypatch.setattr(AgentSide, "go_on", lambda side: went_on.append(side))

    def broken(rooms: Rooms) -> None:
        raise StoreError("the disk is gone")

    async def served() -> None:
        async with open_app(Settings.read(environ), detect=False, serving=True) as app:
            app.rooms.open_all()
            await asyncio.to_thread(settled, lambda: bool(went_on))
            assert app.gate.catalog.get("places.list").name == "places.list"
            with pytest.raises(StoreError, match="the disk is gone"):
                app.gate.catalog.get("device.build")

    with monkeypatch.context() as patch:
        patch.setattr(Rooms, "_device", broken)
        asyncio.run(served())
    (said,) = [each for each in caplog.records if each.name == "conduit.app.rooms"]
    assert said.getMessage() == "a room cannot be opened"


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if this process were the program's."""
    monkeypatch.setattr(starting, "_ours", False)
    yield
    gc.unfreeze()
    gc.enable()


@pytest.mark.usefixtures("program")
def test_no_garbage_is_looked_for_until_the_program_has_begun() -> None:
    starting.begin()
    with starting.loading():
        assert not gc.isenabled()
    assert not gc.isenabled()
    starting.begun()
    assert gc.isenabled()
    before = gc.get_freeze_count()
    assert before > 0
    with starting.loading():
        assert not gc.isenabled()
        kept: list[list[int]] = [[] for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= before + len(kept)


@pytest.mark.usefixtures("program")
def test_somebody_elses_program_is_left_as_it_was() -> None:
    starting.begun()
    with starting.loading():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    gc.disable()
    with starting.loading():
        pass
    assert not gc.isenabled()
