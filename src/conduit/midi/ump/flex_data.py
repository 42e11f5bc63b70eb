"""Flex Data: message type D, four words. What concerns tempo, metre and harmony has classes of its
own here; texts are :class:`FlexPacket`, one or many a text, and ``conduit.midi.flex`` joins them.

``address`` says whom a message is for: 0 one channel, 1 the whole group, whose ``channel`` is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from conduit.midi.ump.layout import Bits, Form, Message, Octets

Group = Annotated[int, Bits(0, 24, 4)]
Address = Annotated[int, Bits(0, 20, 2)]
Channel = Annotated[int, Bits(0, 16, 4)]

ADDRESS_CHANNEL: Final = 0
ADDRESS_GROUP: Final = 1

BANK_SETUP: Final = 0
BANK_METADATA: Final = 1
BANK_PERFORMANCE: Final = 2

TENS_OF_NANOSECONDS_PER_MINUTE: Final = 6_000_000_000


@dataclass(frozen=True, slots=True)
class SetTempo(Message):
    """How long a quarter note lasts, in units of 10 ns: 45,454,545 are 132 BPM."""

    group: Group
    quarter_10ns: Annotated[int, Bits(1, 0, 32)]
    address: Address = ADDRESS_GROUP
    channel: Channel = 0

    @property
    def bpm(self) -> float:
        """Quarter notes a minute; 0 when the message says nothing."""
        return TENS_OF_NANOSECONDS_PER_MINUTE / self.quarter_10ns if self.quarter_10ns else 0.0


@dataclass(frozen=True, slots=True)
class SetTimeSignature(Message):
    """The denominator is the exponent of a power of two: 2 stands for quarters."""

    group: Group
    numerator: Annotated[int, Bits(1, 24, 8)]
    denominator: Annotated[int, Bits(1, 16, 8)]
    thirty_seconds: Annotated[int, Bits(1, 8, 8)] = 8
    """Notated 32nds in 24 MIDI clocks, as in a MIDI 1.0 file."""
    address: Address = ADDRESS_GROUP
    channel: Channel = 0


@dataclass(frozen=True, slots=True)
class SetMetronome(Message):
    """MIDI clocks between clicks, up to three groups of accents a bar, and clicks in between."""

    group: Group
    clocks: Annotated[int, Bits(1, 24, 8)]
    accent_1: Annotated[int, Bits(1, 16, 8)]
    accent_2: Annotated[int, Bits(1, 8, 8)] = 0
    accent_3: Annotated[int, Bits(1, 0, 8)] = 0
    subdivision_1: Annotated[int, Bits(2, 24, 8)] = 0
    subdivision_2: Annotated[int, Bits(2, 16, 8)] = 0
    address: Address = ADDRESS_GROUP
    channel: Channel = 0


@dataclass(frozen=True, slots=True)
class SetKeySignature(Message):
    """Sharps above 0, flats below, -8 for a key that is not standard; the tonic is 1 for A to 7 for
    G, 0 when it is not known."""

    group: Group
    sharps: Annotated[int, Bits(1, 28, 4, signed=True)]
    tonic: Annotated[int, Bits(1, 24, 4)]
    address: Address = ADDRESS_GROUP
    channel: Channel = 0


@dataclass(frozen=True, slots=True)
class SetChordName(Message):
    """A chord with up to four alterations, over a bass that may be a chord too.

    Names of kinds and alterations are in ``conduit.midi.flex``. A bass of -8 and 0 is the chord's
    own tonic.
    """

    group: Group
    sharps: Annotated[int, Bits(1, 28, 4, signed=True)]
    tonic: Annotated[int, Bits(1, 24, 4)]
    kind: Annotated[int, Bits(1, 16, 8)]
    alter_1: Annotated[int, Bits(1, 12, 4)] = 0
    degree_1: Annotated[int, Bits(1, 8, 4)] = 0
    alter_2: Annotated[int, Bits(1, 4, 4)] = 0
    degree_2: Annotated[int, Bits(1, 0, 4)] = 0
    alter_3: Annotated[int, Bits(2, 28, 4)] = 0
    degree_3: Annotated[int, Bits(2, 24, 4)] = 0
    alter_4: Annotated[int, Bits(2, 20, 4)] = 0
    degree_4: Annotated[int, Bits(2, 16, 4)] = 0
    bass_sharps: Annotated[int, Bits(3, 28, 4, signed=True)] = -8
    bass: Annotated[int, Bits(3, 24, 4)] = 0
    bass_kind: Annotated[int, Bits(3, 16, 8)] = 0
    bass_alter_1: Annotated[int, Bits(3, 12, 4)] = 0
    bass_degree_1: Annotated[int, Bits(3, 8, 4)] = 0
    bass_alter_2: Annotated[int, Bits(3, 4, 4)] = 0
    bass_degree_2: Annotated[int, Bits(3, 0, 4)] = 0
    address: Address = ADDRESS_GROUP
    channel: Channel = 0


@dataclass(frozen=True, slots=True)
class FlexPacket(Message):
    """Any other: a text or a part of one, or a bank and status that are not known here. The twelve
    bytes are as they came, with their padding."""

    group: Group
    form: Annotated[Form, Bits(0, 22, 2)]
    address: Address
    channel: Channel
    bank: Annotated[int, Bits(0, 8, 8)]
    status: Annotated[int, Bits(0, 0, 8)]
    data: Annotated[bytes, Octets(4, 12)]
