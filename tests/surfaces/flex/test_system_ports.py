"""Ports of the system. No machine of ours has any, so a stand-in has the place of the library: the
names that we use of it are looked for in the real one."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from conduit.contracts.errors import MissingDependency, NotFound, Unavailable
from conduit.midi import ump
from conduit.surfaces.flex import ports
from conduit.surfaces.flex.ports import open_port, system_ports


@dataclass
class Ports:
    """What is plugged in."""

    names: list[str] = field(default_factory=lambda: ["Foot Controller", "Desk"])
    fails: str = ""
    sent: list[list[int]] = field(default_factory=list)
    waiting: list[list[int]] = field(default_factory=list)
    closed: int = 0


def library(plugged: Ports) -> Any:
    class Configuration:
        on_message: Callable[[Any], None]

    class Observer:
        def __init__(self, configuration: Configuration, api: object) -> None: ...

        def get_input_ports(self) -> list[Any]:
            return [SimpleNamespace(display_name=name) for name in plugged.names]

        get_output_ports = get_input_ports

    class MidiIn:
        def __init__(self, configuration: Configuration, api: object) -> None:
            self._told = configuration

        def open_port(self, port: object) -> str:
            return plugged.fails

        def close_port(self) -> None:
            plugged.closed += 1

        def poll(self) -> None:
            while plugged.waiting:
                self._told.on_message(SimpleNamespace(data=plugged.waiting.pop(0)))

    class MidiOut(MidiIn):
        def send_ump(self, words: list[int]) -> None:
            plugged.sent.append(words)

    return SimpleNamespace(
        Observer=Observer,
        ObserverConfiguration=Configuration,
        UmpInputConfiguration=Configuration,
        OutputConfiguration=Configuration,
        MidiIn=MidiIn,
        MidiOut=MidiOut,
        midi2_default_api=lambda: "api",
    )


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> Ports:
    found = Ports()
    monkeypatch.setitem(sys.modules, "pylibremidi", library(found))
    monkeypatch.setattr(ports, "_SEQUENCER", "/dev/null")
    return found


def test_the_real_library_has_these_names() -> None:
    import pylibremidi

    made = library(Ports())
    for name, stand_in in vars(made).items():
        real = getattr(pylibremidi, name)
        if isinstance(stand_in, type):
            public = {each for each in vars(stand_in) if not each.startswith("_")}
            assert public <= set(dir(real)), name
    assert hasattr(pylibremidi.UmpInputConfiguration, "on_message")
    assert hasattr(pylibremidi.InputPort, "display_name")
    assert hasattr(pylibremidi.Ump, "data")


async def test_a_port_is_found_by_a_part_of_its_name(plugged: Ports) -> None:
    assert system_ports() == ["Foot Controller", "Desk"]
    press = ump.encode(ump.Midi2ControlChange(0, 0, 64, 0xFFFFFFFF))
    async with open_port("Foot") as port:
        assert port.identity.endpoint == "Foot Controller"
        plugged.waiting.append(list(press))
        async with asyncio.timeout(20):
            assert await port.words() == list(press)
        await port.send([*press, 0x20903C64])
    assert plugged.sent == [list(press), [0x20903C64]]
    assert plugged.closed == 2


async def test_what_cannot_be_opened_is_said(
    plugged: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotFound, match="no port is called"):
        async with open_port("Nothing"):
            pass
    plugged.fails = "busy"
    with pytest.raises(Unavailable, match="busy"):
        async with open_port("Desk"):
            pass
    monkeypatch.setattr(ports, "_SEQUENCER", "/nonexistent")
    with pytest.raises(NotFound, match="no ports"):
        system_ports()
    monkeypatch.setattr(ports, "_SEQUENCER", "/dev/null")
    monkeypatch.setitem(sys.modules, "pylibremidi", None)
    with pytest.raises(MissingDependency, match="pylibremidi"):
        system_ports()
