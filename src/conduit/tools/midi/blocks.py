"""``flex.decode``: the words of MIDI 2.0, said in words of people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from conduit.blocks import Block, Length, block
from conduit.tools.midi.said import Said

MOST_LETTERS: Final = 1_048_576


@dataclass(frozen=True, slots=True)
class HexWords:
    """Words of 32 bits as text, like ``40992400 c1040000``."""

    words: Annotated[
        str,
        Length(0, MOST_LETTERS),
        "hexadecimal, apart by spaces, commas or lines; 0x before them is allowed",
    ]
    strict: Annotated[bool, "refuse what the standard does not allow, instead of telling it"] = (
        False
    )


@dataclass(frozen=True, slots=True)
class DecodedWords:
    """What the words say, in their order. A text follows its last part."""

    said: tuple[Said, ...]


def midi_blocks() -> tuple[Block[Any, Any], ...]:
    """``flex.decode``."""

    @block("flex.decode", summary="Say what the hexadecimal words of MIDI 2.0 packets mean")
    def decode_words(data: HexWords) -> DecodedWords:
        # Here and not above: the messages take a twentieth of a second to load.
        from conduit.tools.midi.saying import hex_words, said_by

        return DecodedWords(tuple(said_by(hex_words(data.words), strict=data.strict)))

    return (decode_words,)
