"""Values of MIDI 1.0 in the resolution of MIDI 2.0, and back (M2-115-U, 3).

Up, the least, the centre and the greatest value stay what they are, whatever the resolutions: below
the centre zeros are appended, above it the bits after the first are repeated. Down, the lower bits
are dropped. So what goes up and comes down again is what it was.
"""

from __future__ import annotations

from conduit.contracts.errors import InvalidInput


def scale_up(value: int, width: int, to_width: int) -> int:
    """``value`` of ``width`` bits in ``to_width`` bits, which are more.

    Raises ``InvalidInput`` for a value that does not fit.
    """
    _check(value, width, width < to_width)
    more = to_width - width
    scaled = value << more
    if value <= 1 << width - 1:
        return scaled
    repeated = width - 1
    bits = value & (1 << repeated) - 1
    while more > 0:
        scaled |= bits << more - repeated if more >= repeated else bits >> repeated - more
        more -= repeated
    return scaled


def scale_down(value: int, width: int, to_width: int) -> int:
    """``value`` of ``width`` bits in ``to_width`` bits, which are fewer. Raises as above."""
    _check(value, width, 0 < to_width < width)
    return value >> width - to_width


def _check(value: int, width: int, ordered: bool) -> None:
    if not ordered or width < 2 or not 0 <= value < 1 << width:
        raise InvalidInput(
            f"{value} cannot be scaled from {width} bits",
            where="scaling",
            hint="scale values of 2 bits or more, up to more bits or down to fewer",
        )
