"""Variable-length quantities: seven bits a byte, most significant first, the top bit set in all but
the last byte. At most four bytes, so at most 2**28 - 1 (Standard MIDI Files 1.0, "Conventions").
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from conduit.contracts.errors import InvalidInput

MAX_VLQ: Final = (1 << 28) - 1
_TOO_FAR = "events lie {} ticks apart, a MIDI file can say at most {}"


def encode_vlq(value: int) -> bytes:
    """One quantity. Raises ``InvalidInput`` outside 0 to :data:`MAX_VLQ`."""
    if not 0 <= value <= MAX_VLQ:
        raise InvalidInput(_TOO_FAR.format(value, MAX_VLQ), hint="shorten the gap")
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(0x80 | (value & 0x7F))
    return bytes(reversed(out))


def vlq_columns(
    values: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Many quantities at once.

    ``values`` is ``(n,)``. Returns bytes ``(n, w)`` and which of them count ``(n, w)``, where ``w``
    is the width of the longest: ``bytes[counts]`` is the encoding. Raises ``InvalidInput``.
    """
    largest = int(values.max(initial=0))
    if largest > MAX_VLQ or int(values.min(initial=0)) < 0:
        raise InvalidInput(_TOO_FAR.format(largest, MAX_VLQ), hint="shorten the gap")
    width = max(1, -(-largest.bit_length() // 7))
    columns = np.empty((len(values), width), np.uint8)
    counts = np.empty((len(values), width), np.bool_)
    for column in range(width):
        shift = 7 * (width - 1 - column)
        columns[:, column] = (values >> shift) & 0x7F
        counts[:, column] = values >= (1 << shift)
    columns[:, :-1] |= 0x80
    counts[:, -1] = True
    return columns, counts
