"""``providers.yaml`` changes while Conduit runs, in all the ways that files change."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from conduit.contracts.errors import ConfigError, Conflict, StoreError
from conduit.models.setup.changes import Changes
from conduit.models.setup.reload import ProvidersFile
from conduit.models.setup.settings import GatewaySettings

ONE = "providers: {a: {type: ollama, model: one}}\n"
TWO = "providers: {a: {type: ollama, model: two}}\n"
BAD = "providers: {a: {type: telepathy}}\n"


class Looks:
    """The watcher's sleep: it looks at the file as often as a test says."""

    def __init__(self) -> None:
        self._go = asyncio.Semaphore(0)
        self._asleep = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        assert seconds == 1.0
        self._asleep.set()
        await self._go.acquire()

    async def look(self, times: int = 1) -> None:
        for _ in range(times):
            await self._asleep.wait()
            self._asleep.clear()
            self._go.release()
            await self._asleep.wait()


class Gateway:
    """What is in force, and a file that says so."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = 1000.0
        self.applied: list[str] = []
        self.refuses: ConfigError | None = None
        self.looks = Looks()
        self.file = ProvidersFile(path, {}, clock=lambda: self.now, sleep=self.looks.sleep)

    async def apply(self, settings: GatewaySettings, changes: Changes) -> None:
        assert changes
        await asyncio.sleep(0)
        if self.refuses is not None:
            raise self.refuses
        self.applied.append(", ".join(each.model for each in settings.providers))

    @property
    def model(self) -> str:
        return ", ".join(each.model for each in self.file.settings.providers)

    def open(self) -> None:
        self.file.load()
        self.file.start(self.apply)


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    path = tmp_path / "providers.yaml"
    path.write_text(ONE)
    made = Gateway(path)
    made.open()
    await made.looks.look(2)
    yield made
    await made.file.aclose()


async def test_a_change_holds_once_the_file_stays_as_it_is(gateway: Gateway) -> None:
    gateway.path.write_text(TWO)
    gateway.now = 2000.0
    await gateway.looks.look()
    assert gateway.applied == []  # it may still be being written
    await gateway.looks.look()
    assert (gateway.applied, gateway.model) == (["two"], "two")
    assert gateway.file.status().since == 2000.0
    await gateway.looks.look(3)
    assert gateway.applied == ["two"]


async def test_a_file_that_is_being_written_is_waited_for(gateway: Gateway) -> None:
    for end in range(1, len(TWO)):
        gateway.path.write_text(TWO[:end])
        await gateway.looks.look()
    assert gateway.applied == []
    assert gateway.file.status().fault is None
    gateway.path.write_text(TWO)
    await gateway.looks.look(2)
    assert gateway.applied == ["two"]


async def test_a_bad_file_leaves_the_old_one_in_force_and_is_said_once(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    before = gateway.file.status()
    gateway.path.write_text(BAD)
    gateway.now = 1500.0
    with caplog.at_level(logging.ERROR):
        await gateway.looks.look(4)
        os.utime(gateway.path)
        await gateway.looks.look(3)
    status = gateway.file.status()
    assert (gateway.applied, gateway.model) == ([], "one")
    assert (status.since, status.digest) == (before.since, before.digest)
    assert status.fault is not None
    assert "providers.yaml:1:17: providers.a.type: there is no provider" in status.fault.message
    assert status.fault_since == 1500.0
    assert len(caplog.records) == 1
    gateway.path.write_text(ONE)
    await gateway.looks.look(2)
    assert gateway.file.status().fault is None
    assert gateway.applied == []


async def test_an_editor_that_renames_a_new_file_into_place(gateway: Gateway) -> None:
    new = gateway.path.with_suffix(".swp")
    new.write_text(TWO)
    os.utime(new, ns=(gateway.path.stat().st_atime_ns, gateway.path.stat().st_mtime_ns))
    assert new.stat().st_size == gateway.path.stat().st_size
    new.replace(gateway.path)
    await gateway.looks.look(2)
    assert gateway.applied == ["two"]


async def test_a_config_map_of_kubernetes_exchanges_a_link_above(tmp_path: Path) -> None:
    for name, text in (("..1", ONE), ("..2", TWO)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "providers.yaml").write_text(text)
    (tmp_path / "..data").symlink_to("..1")
    path = tmp_path / "providers.yaml"
    path.symlink_to("..data/providers.yaml")
    gateway = Gateway(path)
    gateway.open()
    await gateway.looks.look(2)
    (tmp_path / "..data_tmp").symlink_to("..2")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    await gateway.looks.look(2)
    assert gateway.applied == ["two"]
    await gateway.file.aclose()


async def test_a_file_that_goes_away_changes_nothing(gateway: Gateway) -> None:
    gateway.path.unlink()
    await gateway.looks.look(3)
    status = gateway.file.status()
    assert gateway.model == "one"
    assert status.fault is not None
    assert "it is gone" in status.fault.message
    with pytest.raises(ConfigError, match="it is gone"):
        await gateway.file.reload()
    gateway.path.write_text(ONE)
    await gateway.looks.look(2)
    assert gateway.file.status().fault is None
    gateway.path.write_text("")
    await gateway.looks.look(2)
    assert gateway.applied == [""]


async def test_a_file_may_come_later(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path / "providers.yaml")
    gateway.open()
    await gateway.looks.look(2)
    assert gateway.file.status().digest == ""
    gateway.path.write_text(ONE)
    await gateway.looks.look(2)
    assert gateway.applied == ["one"]
    await gateway.file.aclose()


async def test_what_cannot_be_applied_is_a_fault_and_is_tried_again_when_asked(
    gateway: Gateway,
) -> None:
    gateway.refuses = ConfigError("not today")
    gateway.path.write_text(TWO)
    await gateway.looks.look(5)
    assert gateway.model == "one"
    assert gateway.file.status().fault is not None
    with pytest.raises(ConfigError, match="not today"):
        await gateway.file.reload()
    gateway.refuses = None
    changes = await gateway.file.reload()
    assert "model: one → two" in changes.text()
    assert (gateway.model, gateway.file.status().fault) == ("two", None)


async def test_a_fault_of_ours_does_not_end_the_watch(
    gateway: Gateway, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(settings: GatewaySettings, changes: Changes) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(gateway.file, "_apply", broken)
    gateway.path.write_text(TWO)
    with caplog.at_level(logging.ERROR):
        await gateway.looks.look(2)
    assert "could not be taken" in caplog.text
    monkeypatch.setattr(gateway.file, "_apply", gateway.apply)
    gateway.path.write_text(TWO + "# again\n")
    await gateway.looks.look(2)
    assert gateway.applied == ["two"]


async def test_reload_does_not_wait(gateway: Gateway) -> None:
    gateway.path.write_text(TWO)
    assert "model: one → two" in (await gateway.file.reload()).text()
    assert not await gateway.file.reload()
    assert gateway.applied == ["two"]
    await gateway.looks.look(3)
    assert gateway.applied == ["two"]


def test_check_touches_nothing(tmp_path: Path) -> None:
    file = ProvidersFile(tmp_path / "providers.yaml", {})
    assert file.check(TWO).names("provider", "added") == ("a",)
    with pytest.raises(ConfigError, match="no provider type"):
        file.check(BAD)
    with pytest.raises(ConfigError, match="not Unicode"):
        file.check("\ud800")
    assert file.settings == GatewaySettings()
    assert list(tmp_path.iterdir()) == []


async def test_put_writes_and_applies_and_keeps_what_was_there(gateway: Gateway) -> None:
    digest = gateway.file.status().digest
    changes = await gateway.file.put(TWO, instead_of=digest)
    backup = gateway.path.with_name("providers.yaml.bak")
    assert changes.names("provider", "changed") == ("a",)
    assert (gateway.path.read_text(), backup.read_text()) == (TWO, ONE)
    for file in (gateway.path, backup):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    await gateway.looks.look(3)
    assert gateway.applied == ["two"]
    with pytest.raises(Conflict, match="changed meanwhile"):
        await gateway.file.put(ONE, instead_of=digest)


async def test_what_cannot_be_put_leaves_no_trace(gateway: Gateway) -> None:
    with pytest.raises(ConfigError, match="no provider type"):
        await gateway.file.put(BAD)
    assert [path.name for path in gateway.path.parent.iterdir()] == ["providers.yaml"]
    gateway.refuses = ConfigError("not today")
    with pytest.raises(ConfigError, match="not today"):
        await gateway.file.put(TWO)
    assert (gateway.path.read_text(), gateway.model) == (ONE, "one")
    gateway.path.unlink()
    with pytest.raises(ConfigError, match="not today"):
        await gateway.file.put(TWO)
    assert not gateway.path.exists()


async def test_put_follows_a_link_and_leaves_it(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    real = tmp_path / "dotfiles" / "conduit.yaml"
    real.write_text(ONE)
    path = tmp_path / "providers.yaml"
    path.symlink_to(real)
    file = ProvidersFile(path, {})
    file.load()
    await file.put(TWO)
    assert path.is_symlink()
    assert real.read_text() == TWO


async def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "in-the-way").write_text("")
    file = ProvidersFile(tmp_path / "in-the-way" / "providers.yaml", {})
    with pytest.raises((StoreError, ConfigError), match=r"could not be (written|read)"):
        await file.put(TWO)
    assert file.settings == GatewaySettings()


async def test_puts_and_looks_do_not_cross(gateway: Gateway) -> None:
    texts = [f"providers: {{a: {{type: ollama, model: m{at}}}}}" for at in range(10)]
    await asyncio.gather(*(gateway.file.put(text) for text in texts), gateway.looks.look(5))
    assert gateway.applied[-1] == gateway.model
    assert gateway.model in gateway.path.read_text()
    assert len(gateway.applied) == 10


async def test_the_real_watch_sees_a_change_in_seconds(tmp_path: Path) -> None:
    """Once with the real clock: it takes two looks, a second each."""
    path = tmp_path / "providers.yaml"
    path.write_text(ONE)
    seen = asyncio.Event()

    async def apply(settings: GatewaySettings, changes: Changes) -> None:
        seen.set()

    file = ProvidersFile(path, {})
    file.load()
    file.start(apply)
    path.write_text(TWO)
    await asyncio.wait_for(seen.wait(), 30)
    await file.aclose()
    assert file.settings.providers[0].model == "two"


@pytest.mark.parametrize("fault", [BAD, "providers: [", "\x00"])
async def test_whoever_asks_no_model_goes_on_without_a_file_that_is_wrong(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    path = tmp_path / "providers.yaml"
    path.write_text(fault)
    file = ProvidersFile(path, {}, clock=lambda: 7.0)
    with pytest.raises(ConfigError):
        file.load()
    assert file.load(tolerant=True) == GatewaySettings()
    status = file.status()
    assert status.fault is not None
    assert str(path) in status.fault.message
    assert (status.digest, status.fault_since) == ("", 7.0)
    assert not caplog.records, "whoever asked tells it"
    with pytest.raises(ConfigError):
        file.require_known()
    assert len((await file.put(ONE)).changes) == 1
    assert file.status().fault is None
    file.require_known()
