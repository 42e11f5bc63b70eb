"""Channel voice messages of MIDI 1.0 as those of MIDI 2.0, and back (M2-104-UM, appendix D).

What MIDI 2.0 says in one message MIDI 1.0 may say in four, so the way up has a memory:
:class:`ToMidi2`. What MIDI 1.0 cannot say is left out on the way down. All other messages pass as
they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from conduit.midi.ump import midi1, midi2
from conduit.midi.ump.layout import Message
from conduit.midi.ump.scaling import scale_down, scale_up

BANK_MSB: Final = 0
DATA_MSB: Final = 6
BANK_LSB: Final = 32
DATA_LSB: Final = 38
NRPN_LSB: Final = 98
NRPN_MSB: Final = 99
RPN_LSB: Final = 100
RPN_MSB: Final = 101

_SELECTS: Final = frozenset({NRPN_LSB, NRPN_MSB, RPN_LSB, RPN_MSB})
_COMPOUND: Final = _SELECTS | {BANK_MSB, BANK_LSB, DATA_MSB, DATA_LSB}
"""Controllers that are parts of longer sentences. In MIDI 2.0 nobody may send them."""

_NO_PARAMETER: Final = (0x7F, 0x7F)
_VELOCITY_OF_OFF: Final = 0x40
"""What a note on with a velocity of 0 means as a note off."""


def to_midi1(message: Message) -> list[Message]:
    """The messages of MIDI 1.0 that say the same: none for what it has no words for (controllers of
    single notes, relative ones), up to four for a registered or assignable controller."""
    down = _DOWN.get(type(message))
    return [message] if down is None else down(message)


def _off(m: midi2.Midi2NoteOff) -> list[Message]:
    return [midi1.Midi1NoteOff(m.group, m.channel, m.note, scale_down(m.velocity, 16, 7))]


def _on(m: midi2.Midi2NoteOn) -> list[Message]:
    """Never a velocity of 0, which would be a note off."""
    velocity = scale_down(m.velocity, 16, 7) or 1
    return [midi1.Midi1NoteOn(m.group, m.channel, m.note, velocity)]


def _poly(m: midi2.Midi2PolyPressure) -> list[Message]:
    return [midi1.Midi1PolyPressure(m.group, m.channel, m.note, scale_down(m.pressure, 32, 7))]


def _control(m: midi2.Midi2ControlChange) -> list[Message]:
    if m.index in _COMPOUND:
        return []
    return [midi1.Midi1ControlChange(m.group, m.channel, m.index, scale_down(m.value, 32, 7))]


def _program(m: midi2.Midi2ProgramChange) -> list[Message]:
    program = midi1.Midi1ProgramChange(m.group, m.channel, m.program)
    if not m.bank_valid:
        return [program]
    return [*_controls(m, (BANK_MSB, m.bank_msb), (BANK_LSB, m.bank_lsb)), program]


def _pressure(m: midi2.Midi2ChannelPressure) -> list[Message]:
    return [midi1.Midi1ChannelPressure(m.group, m.channel, scale_down(m.pressure, 32, 7))]


def _bend(m: midi2.Midi2PitchBend) -> list[Message]:
    return [midi1.Midi1PitchBend(m.group, m.channel, scale_down(m.bend, 32, 14))]


def _registered(m: midi2.RegisteredController) -> list[Message]:
    return _parameter(m, RPN_MSB, RPN_LSB)


def _assignable(m: midi2.AssignableController) -> list[Message]:
    return _parameter(m, NRPN_MSB, NRPN_LSB)


def _parameter(m: Any, msb: int, lsb: int) -> list[Message]:
    value = scale_down(m.value, 32, 14)
    said = ((msb, m.bank), (lsb, m.index), (DATA_MSB, value >> 7), (DATA_LSB, value & 0x7F))
    return _controls(m, *said)


def _controls(m: Any, *said: tuple[int, int]) -> list[Message]:
    return [midi1.Midi1ControlChange(m.group, m.channel, index, value) for index, value in said]


def _none(_: Message) -> list[Message]:
    return []


_DOWN: Final[dict[type[Message], Callable[[Any], list[Message]]]] = {
    midi2.Midi2NoteOff: _off,
    midi2.Midi2NoteOn: _on,
    midi2.Midi2PolyPressure: _poly,
    midi2.Midi2ControlChange: _control,
    midi2.Midi2ProgramChange: _program,
    midi2.Midi2ChannelPressure: _pressure,
    midi2.Midi2PitchBend: _bend,
    midi2.RegisteredController: _registered,
    midi2.AssignableController: _assignable,
    midi2.RegisteredPerNoteController: _none,
    midi2.AssignablePerNoteController: _none,
    midi2.RelativeRegisteredController: _none,
    midi2.RelativeAssignableController: _none,
    midi2.PerNotePitchBend: _none,
    midi2.PerNoteManagement: _none,
}


@dataclass(slots=True)
class _Channel:
    """What one channel has said so far."""

    bank_msb: int | None = None
    bank_lsb: int | None = None
    registered: bool = True
    parameter_msb: int | None = None
    parameter_lsb: int | None = None
    data_msb: int | None = None
    waiting: bool = False
    """Whether the upper half of a value came, and the lower may follow."""

    @property
    def parameter(self) -> tuple[int, int] | None:
        if self.parameter_msb is None or self.parameter_lsb is None:
            return None
        found = self.parameter_msb, self.parameter_lsb
        return None if found == _NO_PARAMETER else found


class ToMidi2:
    """Messages of MIDI 1.0 in, those of MIDI 2.0 out.

    The upper half of a value is held until the lower comes or something else is said on the
    channel; :meth:`flush` says that nothing more is to be waited for. Half a bank counts as one
    whose other half is 0.
    """

    def __init__(self) -> None:
        self._channels: dict[tuple[int, int], _Channel] = {}

    def feed(self, messages: Iterable[Message]) -> list[Message]:
        """What can be said now."""
        found: list[Message] = []
        for message in messages:
            up = _UP.get(type(message))
            if up is None and not isinstance(message, midi1.Midi1ControlChange):
                found.append(message)
                continue
            at: Any = message
            key = at.group, at.channel
            channel = self._channels.get(key)
            if channel is None:
                channel = self._channels[key] = _Channel()
            if isinstance(message, midi1.Midi1ControlChange):
                found += _said(key, channel, message)
            else:
                assert up is not None
                found += _held(key, channel)
                found.append(up(message, channel))
        return found

    def flush(self) -> list[Message]:
        """What was held back."""
        return [said for key, each in self._channels.items() for said in _held(key, each)]


def _said(key: tuple[int, int], channel: _Channel, m: midi1.Midi1ControlChange) -> list[Message]:
    if m.index == DATA_LSB:
        return _value(key, channel, m.value)
    found = _held(key, channel)
    if m.index == BANK_MSB:
        channel.bank_msb = m.value
    elif m.index == BANK_LSB:
        channel.bank_lsb = m.value
    elif m.index in _SELECTS:
        _select(channel, m.index, m.value)
    elif m.index == DATA_MSB:
        channel.data_msb, channel.waiting = m.value, channel.parameter is not None
    else:
        found.append(midi2.Midi2ControlChange(*key, m.index, scale_up(m.value, 7, 32)))
    return found


def _select(channel: _Channel, index: int, value: int) -> None:
    registered = index in (RPN_MSB, RPN_LSB)
    if registered != channel.registered:
        channel.registered = registered
        channel.parameter_msb = channel.parameter_lsb = None
    channel.data_msb = None
    if index in (RPN_MSB, NRPN_MSB):
        channel.parameter_msb = value
    else:
        channel.parameter_lsb = value


def _held(key: tuple[int, int], channel: _Channel) -> list[Message]:
    return _value(key, channel, 0) if channel.waiting else []


def _value(key: tuple[int, int], channel: _Channel, low: int) -> list[Message]:
    """The parameter with its value; nothing when either is not known."""
    channel.waiting = False
    parameter = channel.parameter
    if parameter is None or channel.data_msb is None:
        return []
    made = midi2.RegisteredController if channel.registered else midi2.AssignableController
    return [made(*key, *parameter, scale_up(channel.data_msb << 7 | low, 14, 32))]


def _up_off(m: midi1.Midi1NoteOff, _: _Channel) -> Message:
    return midi2.Midi2NoteOff(m.group, m.channel, m.note, scale_up(m.velocity, 7, 16))


def _up_on(m: midi1.Midi1NoteOn, _: _Channel) -> Message:
    if m.velocity == 0:
        velocity = scale_up(_VELOCITY_OF_OFF, 7, 16)
        return midi2.Midi2NoteOff(m.group, m.channel, m.note, velocity)
    return midi2.Midi2NoteOn(m.group, m.channel, m.note, scale_up(m.velocity, 7, 16))


def _up_poly(m: midi1.Midi1PolyPressure, _: _Channel) -> Message:
    return midi2.Midi2PolyPressure(m.group, m.channel, m.note, scale_up(m.pressure, 7, 32))


def _up_program(m: midi1.Midi1ProgramChange, at: _Channel) -> Message:
    known = at.bank_msb is not None or at.bank_lsb is not None
    return midi2.Midi2ProgramChange(
        m.group, m.channel, m.program, known, at.bank_msb or 0, at.bank_lsb or 0
    )


def _up_pressure(m: midi1.Midi1ChannelPressure, _: _Channel) -> Message:
    return midi2.Midi2ChannelPressure(m.group, m.channel, scale_up(m.pressure, 7, 32))


def _up_bend(m: midi1.Midi1PitchBend, _: _Channel) -> Message:
    return midi2.Midi2PitchBend(m.group, m.channel, scale_up(m.bend, 14, 32))


_UP: Final[dict[type[Message], Callable[[Any, _Channel], Message]]] = {
    midi1.Midi1NoteOff: _up_off,
    midi1.Midi1NoteOn: _up_on,
    midi1.Midi1PolyPressure: _up_poly,
    midi1.Midi1ProgramChange: _up_program,
    midi1.Midi1ChannelPressure: _up_pressure,
    midi1.Midi1PitchBend: _up_bend,
}
