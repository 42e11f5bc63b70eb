"""What the numbers of Flex Data are called."""

from __future__ import annotations

from typing import Final

BANK_SETUP: Final = 0
BANK_METADATA: Final = 1
BANK_PERFORMANCE: Final = 2

UNKNOWN_METADATA: Final = 0x00
PROJECT_NAME: Final = 0x01
COMPOSITION_NAME: Final = 0x02
CLIP_NAME: Final = 0x03
COPYRIGHT: Final = 0x04
COMPOSER: Final = 0x05
LYRICIST: Final = 0x06
ARRANGER: Final = 0x07
PUBLISHER: Final = 0x08
PRIMARY_PERFORMER: Final = 0x09
ACCOMPANYING_PERFORMER: Final = 0x0A
RECORDING_DATE: Final = 0x0B
RECORDING_LOCATION: Final = 0x0C
INSTRUMENT: Final = 0x0D

UNKNOWN_PERFORMANCE: Final = 0x00
LYRICS: Final = 0x01
LYRICS_LANGUAGE: Final = 0x02
RUBY: Final = 0x03
RUBY_LANGUAGE: Final = 0x04

TEXT_NAMES: Final = {
    (BANK_METADATA, UNKNOWN_METADATA): "unknown metadata text",
    (BANK_METADATA, PROJECT_NAME): "project name",
    (BANK_METADATA, COMPOSITION_NAME): "composition name",
    (BANK_METADATA, CLIP_NAME): "clip name",
    (BANK_METADATA, COPYRIGHT): "copyright notice",
    (BANK_METADATA, COMPOSER): "composer name",
    (BANK_METADATA, LYRICIST): "lyricist name",
    (BANK_METADATA, ARRANGER): "arranger name",
    (BANK_METADATA, PUBLISHER): "publisher name",
    (BANK_METADATA, PRIMARY_PERFORMER): "primary performer name",
    (BANK_METADATA, ACCOMPANYING_PERFORMER): "accompanying performer name",
    (BANK_METADATA, RECORDING_DATE): "recording date",
    (BANK_METADATA, RECORDING_LOCATION): "recording location",
    (BANK_METADATA, INSTRUMENT): "instrument used",
    (BANK_PERFORMANCE, UNKNOWN_PERFORMANCE): "unknown performance text",
    (BANK_PERFORMANCE, LYRICS): "lyrics",
    (BANK_PERFORMANCE, LYRICS_LANGUAGE): "lyrics language",
    (BANK_PERFORMANCE, RUBY): "ruby",
    (BANK_PERFORMANCE, RUBY_LANGUAGE): "ruby language",
}
"""By bank and status. ``instrument used`` is newer than the others."""

TONICS: Final = ("unknown", "A", "B", "C", "D", "E", "F", "G")

CHORD_KINDS: Final = (
    "no chord",
    "major",
    "major 6th",
    "major 7th",
    "major 9th",
    "major 11th",
    "major 13th",
    "minor",
    "minor 6th",
    "minor 7th",
    "minor 9th",
    "minor 11th",
    "minor 13th",
    "dominant",
    "dominant 9th",
    "dominant 11th",
    "dominant 13th",
    "augmented",
    "augmented 7th",
    "diminished",
    "diminished 7th",
    "half diminished",
    "major-minor",
    "pedal",
    "power",
    "suspended 2nd",
    "suspended 4th",
    "7 suspended 4th",
)

ALTERATIONS: Final = ("none", "add", "subtract", "raise", "lower")
