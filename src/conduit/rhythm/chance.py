"""Chance that can be repeated, anywhere.

A number depends only on the seed, the layer's name and the purpose it is drawn for. So one layer
can be edited, muted or moved and no other changes; and raising a probability adds hits to those
that were there, because each step keeps the number it is compared with.

Numbers are the top 53 bits of PCG64's raw output (O'Neill 2014), seeded from
``(seed, "layer/purpose")`` by NumPy's ``SeedSequence``. NumPy promises to keep both streams as they
are (NEP 19), which it does not for its distribution functions; the rest is exact arithmetic. Hence
equal notes on every machine.

**Memory.** A good groove repeats. Choices are made for a cycle of bars that is repeated through the
phrase; at each new phrase a part of them is made again. The pattern wanders, and never shakes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

_UNIT = 2.0**-53


def uniform(seed: int, layer: str, purpose: str, count: int) -> Floats:
    """``count`` numbers, ``0 <= u < 1``. More of them begin with the same ones."""
    name = int.from_bytes(f"{layer}/{purpose}".encode(), "big")
    bits = np.random.PCG64(np.random.SeedSequence((seed, name)))
    raw: npt.NDArray[np.uint64] = bits.random_raw(count)
    return (raw >> np.uint64(11)).astype(np.float64) * _UNIT


@dataclass(frozen=True, slots=True)
class Memory:
    """Random numbers for every step of a groove, in two temperaments.

    ``steps`` is a whole number of cycles, and a cycle is no longer than a phrase.
    """

    seed: int
    steps: int
    phrase_steps: int
    cycle_steps: int
    evolve: float
    still: bool = False
    """All numbers are one half: every choice falls as it more often would."""

    def fresh(self, layer: str, purpose: str) -> Floats:
        """A new number for every step, ``(steps,)``."""
        if self.still:
            return np.full(self.steps, 0.5)
        return uniform(self.seed, layer, purpose, self.steps)

    def held(self, layer: str, purpose: str) -> Floats:
        """Numbers that repeat cycle after cycle, partly renewed at each phrase, ``(steps,)``."""
        if self.still:
            return np.full(self.steps, 0.5)
        phrases = -(-self.steps // self.phrase_steps)
        drawn = uniform(self.seed, layer, purpose, phrases * 2 * self.cycle_steps)
        value, luck = drawn.reshape(phrases, 2, self.cycle_steps).transpose(1, 0, 2)
        made = np.where(luck < self.evolve, np.arange(phrases)[:, None], 0)
        remembered = np.take_along_axis(value, np.maximum.accumulate(made, axis=0), axis=0)
        repeated = remembered[:, np.arange(self.phrase_steps) % self.cycle_steps]
        return repeated.ravel()[: self.steps]
