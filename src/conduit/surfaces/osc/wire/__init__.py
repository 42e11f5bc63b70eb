"""Open Sound Control 1.0 as bytes: packets, patterns of addresses, framing of streams. Pure.

::

    data = encode(Message("/conduit/prompt", ("8 bars of dub",)))
    packet = decode(data)

The specification is opensoundcontrol.stanford.edu/spec-1_0.html; 1.1 is Freed and Schmeder,
"Features and Future of Open Sound Control version 1.1" (NIME 2009), of which the framing by SLIP is
taken. The writer is strict; the reader takes what is in use.
"""

from conduit.surfaces.osc.wire.packets import (
    IMMEDIATELY,
    INFINITUM,
    Argument,
    Bundle,
    Char,
    Color,
    Double,
    Infinitum,
    Int64,
    Message,
    Midi,
    Packet,
    Symbol,
    TimeTag,
)
from conduit.surfaces.osc.wire.patterns import Pattern, has_pattern
from conduit.surfaces.osc.wire.reading import decode
from conduit.surfaces.osc.wire.streams import FrameReader, as_slip
from conduit.surfaces.osc.wire.writing import encode

__all__ = [
    "IMMEDIATELY",
    "INFINITUM",
    "Argument",
    "Bundle",
    "Char",
    "Color",
    "Double",
    "FrameReader",
    "Infinitum",
    "Int64",
    "Message",
    "Midi",
    "Packet",
    "Pattern",
    "Symbol",
    "TimeTag",
    "as_slip",
    "decode",
    "encode",
    "has_pattern",
]
