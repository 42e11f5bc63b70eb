"""UMP words in bulk: how many words a message has, and whether a list of them is whole."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from conduit.contracts.errors import InvalidInput

MESSAGE_WORDS = (1, 1, 1, 2, 2, 4, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4)
"""Words of a message by its type, the first four bits (M2-104-UM, table 4). Reserved types too, so
that they can be passed on. The same as ``conduit.midi.ump.SIZES``: loading that loads all messages,
and who carries words needs to know none."""

COMMAND_WORDS = 64
"""The most words in one UMP Data command (M2-124-UM, 7.1)."""


def whole_words(words: Sequence[int]) -> int:
    """How many of the words, from the start, are whole messages."""
    at = 0
    count = len(words)
    while at < count:
        after = at + MESSAGE_WORDS[words[at] >> 28]
        if after > count:
            break
        at = after
    return at


def check_words(words: Sequence[int]) -> tuple[int, ...]:
    """The words as a tuple. Raises ``InvalidInput`` when one has more than 32 bits, or when the
    last message is cut off."""
    whole = tuple(words)
    try:
        struct.pack(f">{len(whole)}I", *whole)
    except struct.error as error:
        raise InvalidInput(
            "a UMP word is not a whole number from 0 to 2³² − 1",
            hint="pass 32-bit words, as conduit.midi.ump.encode makes them",
        ) from error
    if (good := whole_words(whole)) != len(whole):
        raise InvalidInput(
            f"the last message is cut off: it has {len(whole) - good} of "
            f"{MESSAGE_WORDS[whole[good] >> 28]} words",
            hint="send whole messages: a command of Network MIDI must not split one",
        )
    return whole
