"""The chain: where the steered layers decide their steps.

The musical idea: a hat player knows the part, and leans. Each step has a probability, made from
what is written there, how busy the player is asked to be, how much off the beat, and whether the
step before was played::

    p = 1/2 + fidelity/2 × (+1 written, -1 not) + density + sync × weakness ± persistence/2

with ``weakness`` from -1 (the downbeat) to 1 (the weakest steps), ``+`` after a hit and ``-`` after
a rest: a Markov chain of first order with two states, whose odds are biased by the metre. It is
linear, not logistic, because sums and products are the same numbers on every machine.

A step plays where its held random number lies below ``p``. So a loop stays a loop while nobody
turns a knob, and a knob turned a little changes a step or two.

**All bars at once.** For given numbers a step is a function of the one before: always a hit, always
a rest, the same, or the opposite. The state is therefore that of the last step that was "always",
turned over once for each "opposite" since: no loop over steps.
"""

from __future__ import annotations

import numpy as np

from conduit.midi.notes import Flags, Ints
from conduit.rhythm.chance import Floats


def weakness(weights: Ints) -> Floats:
    """How weak each step of a bar is, from -1 to 1, ``(steps,)``."""
    span = int(weights.max() - weights.min())
    return 2 * (weights.max() - weights) / span - 1 if span else np.zeros(len(weights))


def chain(need: Floats, pull: Floats, persistence: float, forced: Flags, before: Flags) -> Flags:
    """Run the chain over bars that each follow the same one.

    ``need`` is ``(layers, steps)``: the random number less what is written; a step plays after a
    rest where ``need < pull - persistence/2``, after a hit where ``need < pull + persistence/2``.
    ``pull`` is ``(bars, 1, steps)``. ``forced`` is ``(layers, steps)`` flags of steps that play
    whatever comes; ``need`` is infinite where none may. ``before`` is ``(layers,)``: whether the
    last step before played. Returns ``(bars, layers, steps)``.
    """
    after_rest = (need < pull - persistence / 2) | forced
    if not persistence:
        return after_rest
    after_hit = (need < pull + persistence / 2) | forced
    steps = need.shape[-1]
    index = np.arange(steps)
    last = np.maximum.accumulate(np.where(after_rest == after_hit, index, -1), axis=-1)
    begins = np.arange(0, after_rest.size, steps).reshape(*after_rest.shape[:-1], 1)
    known = after_rest.ravel()[np.maximum(last, 0) + begins]
    state = np.where(last >= 0, known, before[:, None])
    if persistence > 0:
        return state
    turned: Flags = state ^ ((index - last) % 2 == 1)
    return turned
