"""Pedals and pads that know nothing of envelopes: a press that stands for an intent.

What a press is bound to lies in a file of its own, because a machine writes it (``learn``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal

from conduit.blocks import Length, Range, decode, dumps, loads
from conduit.contracts.errors import ConfigError, InvalidInput, StoreError
from conduit.contracts.json import JsonObject
from conduit.midi.ump import (
    Message,
    Midi1ControlChange,
    Midi1NoteOff,
    Midi1NoteOn,
    Midi1ProgramChange,
    Midi2ControlChange,
    Midi2NoteOff,
    Midi2NoteOn,
    Midi2ProgramChange,
)
from conduit.store.files import write_atomically

FILE_NAME: Final = "flex.bindings.json"
MOST_BINDINGS: Final = 1000
_LARGEST: Final = 4 << 20
_MOST_HELD: Final = 4096

Kind = Literal["control", "note", "program"]


@dataclass(frozen=True, slots=True)
class Trigger:
    """A control, a note or a program of a channel. MIDI 1.0 and 2.0 mean the same one."""

    kind: Kind
    group: Annotated[int, Range(0, 15)]
    channel: Annotated[int, Range(0, 15)]
    number: Annotated[int, Range(0, 127)]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}, channel {self.channel + 1}, group {self.group + 1}"


@dataclass(frozen=True, slots=True)
class Binding:
    """What a press asks for. ``device`` is the name of its endpoint; empty: whoever sends it."""

    trigger: Trigger
    intent: Annotated[str, Length(1, 128)]
    body: JsonObject = field(default_factory=dict)
    device: Annotated[str, Length(0, 98)] = ""


def pressed(message: Message) -> tuple[Trigger, bool] | None:
    """Which trigger a message is about, and whether it is down: a control in its upper half, a
    note that begins, any program. None for what is no trigger."""
    match message:
        case Midi1NoteOn(group, channel, note, velocity):
            return Trigger("note", group, channel, note), velocity > 0
        case Midi2NoteOn(group, channel, note):
            return Trigger("note", group, channel, note), True
        case Midi1NoteOff(group, channel, note) | Midi2NoteOff(group, channel, note):
            return Trigger("note", group, channel, note), False
        case Midi1ControlChange(group, channel, index, value):
            return Trigger("control", group, channel, index), value >= 64
        case Midi2ControlChange(group, channel, index, value):
            return Trigger("control", group, channel, index), value >= 1 << 31
        case Midi1ProgramChange(group, channel, program):
            return Trigger("program", group, channel, program), True
        case Midi2ProgramChange(group=group, channel=channel, program=program):
            return Trigger("program", group, channel, program), True
        case _:
            return None


class Presses:
    """The moments at which triggers of one sender go down. A pedal that is held, and a control that
    moves about in its upper half, is pressed once."""

    def __init__(self) -> None:
        self._down: set[Trigger] = set()

    def feed(self, messages: Iterable[Message]) -> list[Trigger]:
        """The triggers that were pressed."""
        found = []
        for message in messages:
            said = pressed(message)
            if said is None:
                continue
            trigger, down = said
            if trigger.kind == "program":
                found.append(trigger)
            elif not down:
                self._down.discard(trigger)
            elif trigger not in self._down and len(self._down) < _MOST_HELD:
                self._down.add(trigger)
                found.append(trigger)
        return found


@dataclass(frozen=True, slots=True)
class Bindings:
    """All that is bound."""

    bindings: Annotated[tuple[Binding, ...], Length(0, MOST_BINDINGS)] = ()

    def of(self, device: str, trigger: Trigger) -> Binding | None:
        """What a press of a device asks for: what was bound for this very device comes first."""
        fits = [each for each in self.bindings if each.trigger == trigger]
        own = [each for each in fits if each.device == device and device]
        anybody = [each for each in fits if not each.device]
        return next(iter([*own, *anybody]), None)

    def bound(self, binding: Binding) -> Bindings:
        """With one more; it replaces what the same press of the same device was bound to."""
        kept = [
            each
            for each in self.bindings
            if (each.trigger, each.device) != (binding.trigger, binding.device)
        ]
        if len(kept) >= MOST_BINDINGS:
            raise InvalidInput(
                f"{MOST_BINDINGS} presses are bound already", hint="take one away: --remove"
            )
        return Bindings((*kept, binding))

    def without(self, number: int) -> Bindings:
        """Without the one at a place, counted from 1. Raises ``InvalidInput``."""
        if not 1 <= number <= len(self.bindings):
            raise InvalidInput(
                f"there is no binding {number}", hint="`conduit flex learn --list` has them"
            )
        return Bindings(self.bindings[: number - 1] + self.bindings[number:])


def load_bindings(path: Path) -> Bindings:
    """Read the file; nothing is bound when there is none. Raises ``ConfigError``."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return Bindings()
    except OSError as error:
        raise ConfigError(
            f"it could not be read: {error.strerror}", where=str(path), hint="check its permissions"
        ) from None
    try:
        if len(data) > _LARGEST:
            raise InvalidInput(f"it exceeds {_LARGEST} bytes")
        return decode(Bindings, loads(data))
    except InvalidInput as error:
        raise ConfigError(
            error.message, where=str(path), hint="bind anew with `conduit flex learn`"
        ) from None


def save_bindings(path: Path, bindings: Bindings) -> None:
    """Write the file, whole or not at all. Raises ``StoreError``."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, dumps(bindings), mode=0o600)
    except OSError as error:
        raise StoreError(
            f"bindings could not be written: {error.strerror}",
            where=str(path),
            hint="check space and permissions",
        ) from None
