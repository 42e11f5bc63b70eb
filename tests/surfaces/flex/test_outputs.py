"""What is played to: device files that are slow, or go, and ports."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from conduit.contracts.errors import NotFound, Unavailable
from conduit.midi import ump
from conduit.surfaces.flex import outputs
from conduit.surfaces.flex.outputs import port_output
from tests.surfaces.flex.test_system_ports import Ports, plugged

__all__ = ["plugged"]  # a fixture

NOTE = ump.encode_all([ump.JrTimestamp(7), ump.Midi2NoteOn(0, 9, 36, 0xFFFF)])
AS_BYTES = bytes([0x99, 36, 127])


async def test_a_slow_device_gets_every_byte(tmp_path: Path) -> None:
    device = tmp_path / "midiC1D0"
    os.mkfifo(device)
    reader = os.open(device, os.O_RDONLY | os.O_NONBLOCK)
    count = 40_000  # more than a pipe holds
    read = bytearray()
    loop = asyncio.get_running_loop()
    async with port_output(str(device)) as output, asyncio.timeout(20):
        # It is full long before anybody reads.
        loop.call_later(
            0.05, loop.add_reader, reader, lambda: read.extend(os.read(reader, 1 << 16))
        )
        await output.send(NOTE * count)
        while len(read) < count * len(AS_BYTES):  # noqa: ASYNC110  # the reader above
            await asyncio.sleep(0.001)
    loop.remove_reader(reader)
    assert read == AS_BYTES * count
    os.close(reader)


async def test_a_device_that_takes_nothing_or_goes_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotFound, match="no such device"):
        async with port_output(str(tmp_path / "midiC1D0")):
            pass
    device = tmp_path / "umpC1D0"
    os.mkfifo(device)
    with pytest.raises(Unavailable, match="cannot be opened"):  # nobody reads
        async with port_output(str(device)):
            pass
    monkeypatch.setattr(outputs, "SLOWEST_READER_S", 0.05)
    reader = os.open(device, os.O_RDONLY | os.O_NONBLOCK)
    async with port_output(str(device)) as output:
        await output.send(NOTE)
        assert os.read(reader, 64) == ump.bytes_of(NOTE, "native")
        with pytest.raises(Unavailable, match="took nothing"):
            await output.send(NOTE * 100_000)
        os.close(reader)
        with pytest.raises(Unavailable, match="is gone"):
            await output.send(NOTE)


async def test_a_port_of_the_system_is_played_to(plugged: Ports) -> None:
    assert [each for each in outputs.outputs_here() if "/" not in each] == plugged.names
    async with port_output("Desk") as output:
        assert output.name == "Desk"
        await output.send(NOTE)
    assert plugged.sent == [NOTE[1:]]  # the system has times of its own
    assert plugged.closed == 1
    with pytest.raises(NotFound, match="can be played to"):
        async with port_output("Nothing"):
            pass
