"""A Live with AbletonOSC in it, as far as its README publishes it: one UDP socket that is looked at
in ticks, answers at another port, and sends ``/live/error``. Packets by python-osc."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

TICK_S = 0.002
LARGEST = 9_216
"""Of a datagram on macOS; a longer answer fails with an error in Live's log, and nothing comes."""


@dataclass
class FakeNote:
    pitch: int
    start: float
    duration: float
    velocity: float
    mute: bool
    probability: float = 1.0


@dataclass
class FakeClip:
    length: float
    name: str = ""
    notes: list[FakeNote] = field(default_factory=list)

    def add(self, note: FakeNote) -> None:
        """Live's rule: of one pitch a later note shortens an earlier one, or takes its place."""
        same = [each for each in self.notes if each.pitch == note.pitch]
        for each in same:
            if abs(each.start - note.start) < 1e-6:
                self.notes.remove(each)
            elif each.start < note.start < each.start + each.duration:
                each.duration = note.start - each.start
            elif note.start < each.start < note.start + note.duration:
                note.duration = each.start - note.start
        self.notes.append(note)


@dataclass
class FakeParameter:
    name: str
    value: float
    min: float = 0.0
    max: float = 1.0
    is_quantized: bool = False
    enabled: bool = True


@dataclass
class FakeDevice:
    name: str
    parameters: list[FakeParameter]


@dataclass
class FakeTrack:
    name: str
    has_midi_input: bool = True
    is_foldable: bool = False
    frozen: bool = False
    mute: bool = False
    solo: bool = False
    slots: list[FakeClip | None] = field(default_factory=lambda: [None, None, None, None])
    devices: list[FakeDevice] = field(default_factory=list)


def a_set() -> list[FakeTrack]:
    cutoff = FakeParameter("Cutoff", 0.5, 0.0, 127.0)
    mode = FakeParameter("Mode", 1.0, 0.0, 4.0, is_quantized=True)
    stuck = FakeParameter("Macro", 0.25, enabled=False)
    return [
        FakeTrack("Drums", devices=[FakeDevice("Filter", [cutoff, mode, stuck])]),
        FakeTrack("Vox", has_midi_input=False),
        FakeTrack("Group", is_foldable=True),
        FakeTrack("Frozen", frozen=True),
        FakeTrack("Bass"),
        FakeTrack("Bass"),
    ]


class FakeLive:
    """``loses`` says of each datagram that comes whether it is lost; ``before`` is called with
    each message before it is acted upon."""

    def __init__(self, reply_port: int) -> None:
        self.tracks = a_set()
        self.selected = [0, 0]
        self.tempo = 124.0
        self.metre = (4, 4)
        self.loses: Callable[[str], bool] = lambda _: False
        self.before: Callable[[str], None] = lambda _: None
        self.heard: list[str] = []
        self.silent = False
        self._reply_port = reply_port
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])

    async def run(self) -> None:
        try:
            while True:
                await asyncio.sleep(TICK_S)
                self._tick()
        finally:
            self._socket.close()

    def _tick(self) -> None:
        while True:
            try:
                data, source = self._socket.recvfrom(65_536)
            except BlockingIOError:
                return
            message = OscMessage(data)
            self.heard.append(message.address)
            if self.silent or self.loses(message.address):
                continue
            goal = (source[0], self._reply_port)
            self.before(message.address)
            try:
                values = self._act(message.address.split("/")[2:], list(message))
                if values is not None:
                    self._send(message.address, values, goal)
            except Exception as error:  # as AbletonOSC does: the rest of this tick waits
                self._send("/live/error", [f"Error handling OSC message: {error!r}"], goal)
                return

    def _send(self, address: str, values: list[Any], goal: tuple[str, int]) -> None:
        builder = OscMessageBuilder(address)
        for each in values:
            builder.add_arg(each)
        data = builder.build().dgram
        if len(data) <= LARGEST:
            self._socket.sendto(data, goal)

    def _act(self, path: list[str], said: list[Any]) -> list[Any] | None:
        match path:
            case ["test"]:
                return ["ok"]
            case ["song", "get", name]:
                return self._song(name, said)
            case ["song", "create_scene"]:
                for each in self.tracks:
                    each.slots.append(None)
                return None
            case ["view", "get", "selected_track"]:
                return [range(len(self.tracks)).index(self.selected[0])]
            case ["view", "get", "selected_scene"]:
                return [self.selected[1]]
            case ["track", "get", "devices", "name"]:
                return [said[0], *(each.name for each in self.tracks[said[0]].devices)]
            case ["track", "get", name]:
                return [said[0], getattr(self.tracks[said[0]], name)]
            case ["clip_slot", *rest]:
                return self._slot(rest, said)
            case ["clip", *rest]:
                return self._clip(rest, said)
            case ["device", *rest]:
                return self._device(rest, said)
        raise LookupError(f"Unknown OSC address: {'/'.join(path)}")

    def _song(self, name: str, said: list[Any]) -> list[Any]:
        match name:
            case "track_names":
                return [each.name for each in self.tracks]
            case "scene_names":
                return ["" for _ in self.tracks[0].slots]
            case "track_data":
                first, last, *properties = said
                found: list[Any] = []
                for track in self.tracks[first:last]:
                    for each in properties:
                        owner, attribute = each.split(".")
                        if owner == "track":
                            found.append(getattr(track, attribute))
                        else:
                            found += [slot is not None for slot in track.slots]
                return found
        fixed = {
            "tempo": self.tempo,
            "signature_numerator": self.metre[0],
            "signature_denominator": self.metre[1],
            "is_playing": True,
            "current_song_time": 8.5,
            "num_tracks": len(self.tracks),
            "num_scenes": len(self.tracks[0].slots),
        }
        return [fixed[name]]

    def _slot(self, path: list[str], said: list[Any]) -> list[Any] | None:
        track, slot, *rest = said
        owner = self.tracks[track]
        clip = owner.slots[slot]
        match path:
            case ["get", "has_clip"]:
                return [track, slot, clip is not None]
            case ["create_clip"]:
                if clip is not None or owner.frozen or not owner.has_midi_input:
                    raise RuntimeError("Can't create clip")
                owner.slots[slot] = FakeClip(rest[0])
                return None
            case ["delete_clip"]:
                if clip is None:
                    raise RuntimeError("No clip")
                owner.slots[slot] = None
                return None
            case ["duplicate_clip_to"]:
                assert clip is not None
                copies = [replace(each) for each in clip.notes]
                self.tracks[rest[0]].slots[rest[1]] = replace(clip, notes=copies)
                return None
        raise LookupError(path)

    def _clip(self, path: list[str], said: list[Any]) -> list[Any] | None:
        track, slot, *rest = said
        clip = self.tracks[track].slots[slot]
        if clip is None:
            raise AttributeError("'NoneType' object has no attribute 'notes'")
        match path:
            case ["add", "notes"]:
                for at in range(0, len(rest), 5):
                    clip.add(FakeNote(*rest[at : at + 5]))
                return None
            case ["remove", "notes"]:
                gone = self._among(clip, rest)
                clip.notes = [each for each in clip.notes if each not in gone]
                return None
            case ["get", "notes"]:
                values: list[Any] = [track, slot]
                for note in self._among(clip, rest):
                    values += [note.pitch, note.start, note.duration, note.velocity, note.mute]
                return values
            case ["get", "is_midi_clip"]:
                return [track, slot, True]
            case ["get", name]:
                return [track, slot, getattr(clip, name)]
            case ["set", "name"]:
                clip.name = rest[0]
                return None
        raise LookupError(path)

    def _among(self, clip: FakeClip, area: list[Any]) -> list[FakeNote]:
        low, pitches, start, span = area or (0, 127, -8192.0, 16384.0)
        return [
            each
            for each in clip.notes
            if low <= each.pitch < low + pitches and start <= each.start < start + span
        ]

    def _device(self, path: list[str], said: list[Any]) -> list[Any] | None:
        track, number, *rest = said
        parameters = self.tracks[track].devices[number].parameters
        match path:
            case ["get", "parameters", name]:
                return [track, number, *(getattr(each, name) for each in parameters)]
            case ["get", "parameter", "value"]:
                return [*said, parameters[rest[0]].value]
            case ["get", "parameter", "value_string"]:
                return [*said, f"{parameters[rest[0]].value:.2f} Hz"]
            case ["set", "parameter", "value"]:
                wanted = parameters[rest[0]]
                if not wanted.min <= rest[1] <= wanted.max:
                    raise RuntimeError("Invalid value")
                if wanted.enabled:
                    wanted.value = rest[1]
                return None
        raise LookupError(path)


@asynccontextmanager
async def live() -> AsyncIterator[tuple[FakeLive, int]]:
    """A Live, and the port at which it answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        reply_port = int(probe.getsockname()[1])
    made = FakeLive(reply_port)
    task = asyncio.create_task(made.run())
    try:
        yield made, reply_port
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
