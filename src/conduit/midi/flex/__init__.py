"""Flex Data: texts that travel with MIDI, and the names of what else does.

    >>> from conduit.midi.flex import BANK_PERFORMANCE, LYRICS, TextAssembler, text_packets
    >>> words = text_packets("Hap", bank=BANK_PERFORMANCE, status=LYRICS)
    >>> [f"{word:08x}" for word in words]
    ['d0100201', '48617000', '00000000', '00000000']
    >>> TextAssembler().feed(words)
    [FlexText(group=0, channel=None, bank=2, status=1, text='Hap', melismas=0)]

Tempo, metre, key and chord are single packets, so they are messages of ``conduit.midi.ump``.
"""

from conduit.midi.flex.names import (
    ACCOMPANYING_PERFORMER,
    ALTERATIONS,
    ARRANGER,
    BANK_METADATA,
    BANK_PERFORMANCE,
    BANK_SETUP,
    CHORD_KINDS,
    CLIP_NAME,
    COMPOSER,
    COMPOSITION_NAME,
    COPYRIGHT,
    INSTRUMENT,
    LYRICIST,
    LYRICS,
    LYRICS_LANGUAGE,
    PRIMARY_PERFORMER,
    PROJECT_NAME,
    PUBLISHER,
    RECORDING_DATE,
    RECORDING_LOCATION,
    RUBY,
    RUBY_LANGUAGE,
    TEXT_NAMES,
    TONICS,
    UNKNOWN_METADATA,
    UNKNOWN_PERFORMANCE,
)
from conduit.midi.flex.text import FlexText, Place, TextAssembler, text_packets
from conduit.midi.ump.reassembly import Fault, Limits, Wrong

__all__ = [
    "ACCOMPANYING_PERFORMER",
    "ALTERATIONS",
    "ARRANGER",
    "BANK_METADATA",
    "BANK_PERFORMANCE",
    "BANK_SETUP",
    "CHORD_KINDS",
    "CLIP_NAME",
    "COMPOSER",
    "COMPOSITION_NAME",
    "COPYRIGHT",
    "INSTRUMENT",
    "LYRICIST",
    "LYRICS",
    "LYRICS_LANGUAGE",
    "PRIMARY_PERFORMER",
    "PROJECT_NAME",
    "PUBLISHER",
    "RECORDING_DATE",
    "RECORDING_LOCATION",
    "RUBY",
    "RUBY_LANGUAGE",
    "TEXT_NAMES",
    "TONICS",
    "UNKNOWN_METADATA",
    "UNKNOWN_PERFORMANCE",
    "Fault",
    "FlexText",
    "Limits",
    "Place",
    "TextAssembler",
    "Wrong",
    "text_packets",
]
