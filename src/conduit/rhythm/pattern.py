"""Patterns as a drummer would type them.

One character a step: ``.`` rest, ``-`` ghost, ``x`` hit, ``X`` accent, ``?`` a hit that may or may
not play. Spaces and ``|`` are only for the eye: ``"X... x.?. | X... x..-"``.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from conduit.contracts.errors import InvalidInput
from conduit.rhythm.euclid import euclid

REST, GHOST, HIT, ACCENT, MAYBE = range(5)
SYMBOLS: Final = ".-xX?"

Kinds: TypeAlias = npt.NDArray[np.uint8]
"""What happens on each step: ``REST``, ``GHOST``, ``HIT``, ``ACCENT`` or ``MAYBE``."""

BLANK: Final = str.maketrans("", "", " |")


def parse_pattern(text: str, where: str = "pattern") -> Kinds:
    """The steps of a pattern, ``(n,)``. Raises ``InvalidInput`` naming the first wrong step."""
    symbols = text.translate(BLANK)
    for place, symbol in enumerate(symbols):
        if symbol not in SYMBOLS:
            raise InvalidInput(
                f"step {place + 1} is {symbol!r}, legal are . (rest) - (ghost) x (hit) "
                "X (accent) ? (maybe)",
                where=where,
            )
    return np.array([SYMBOLS.index(symbol) for symbol in symbols], np.uint8)


def euclid_pattern(pulses: int, steps: int) -> Kinds:
    """A Euclidean rhythm as hits, ``(steps,)``."""
    return np.where(euclid(pulses, steps), HIT, REST).astype(np.uint8)
