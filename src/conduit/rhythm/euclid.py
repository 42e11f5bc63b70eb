"""Euclidean rhythms: a number of hits spread over a number of steps as evenly as steps allow.

The musical idea: evenness is what makes a pattern roll. Three hits over eight steps is the
tresillo, five over eight the cinquillo, four over sixteen four-on-the-floor; numbers that do not
divide give the tension techno percussion lives on.

The algorithm is Bjorklund's, as described in G. Toussaint, "The Euclidean algorithm generates
traditional musical rhythms" (BRIDGES 2005): pair hits with rests, then pair what is left over with
those pairs, as Euclid's algorithm does with numbers.
"""

from __future__ import annotations

from conduit.contracts.errors import InvalidInput


class EuclidError(InvalidInput, ValueError):
    """The numbers do not make a Euclidean rhythm. Also a ``ValueError``."""


def euclid(pulses: int, steps: int, rotation: int = 0) -> tuple[bool, ...]:
    """``pulses`` hits over ``steps`` steps, starting on a hit.

    ``rotation`` moves the pattern that many steps later, around the end (negative: earlier).
    Raises ``ValueError`` unless ``steps >= 1`` and ``0 <= pulses <= steps``.
    """
    if steps < 1 or not 0 <= pulses <= steps:
        raise EuclidError(
            f"no Euclidean rhythm has {pulses} pulses in {steps} steps",
            hint="steps is at least 1, and pulses from 0 to steps",
        )
    heads = [[True] for _ in range(pulses)]
    tails = [[False] for _ in range(steps - pulses)]
    while heads and tails:
        pairs = [head + tail for head, tail in zip(heads, tails, strict=False)]
        heads, tails = pairs, heads[len(pairs) :] or tails[len(pairs) :]
        if len(tails) <= 1:
            break
    mask = [hit for group in heads + tails for hit in group]
    start = -rotation % steps
    return tuple(mask[start:] + mask[:start])
