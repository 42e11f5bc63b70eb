"""Lines: a bass that answers the kick, a stab that follows the key.

The musical idea: in techno the bass is percussion with a pitch. What matters first is where it is
not: a bass that *answers* plays in the kick's rests, so that each hit has the floor to itself; a
stab *with* the kick makes one instrument of two. What matters next is length: short notes push,
long ones pull, and the same line at half the length is another groove. And an acid line *slides*: a
note lasts into the next one, which a monophonic synthesizer plays as a glide.

Pitches are degrees of the groove's key (``conduit.rhythm.scale``), kept within the layer's octaves
by moving them in octaves, which changes the height of a note and not its meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from conduit.midi.notes import Flags, Ints
from conduit.rhythm.chance import Floats
from conduit.rhythm.config import LayerConfig, Role
from conduit.rhythm.parameters import KeyConfig, KickLock, MelodyConfig
from conduit.rhythm.pattern import HIT, REST, Kinds, parse_pattern
from conduit.rhythm.scale import root_below, semitones

_SLIDE_PART: Final = 0.125
"""How far a slide reaches into the next note, in steps: long enough for any synthesizer to notice,
too short to hear."""


def lock_to_kick(layers: Sequence[LayerConfig], kinds: Sequence[Kinds]) -> None:
    """Silence pitched layers where their lock to the kick says so, in place.

    ``kinds`` are those of all layers, ``(steps,)`` each. Ghost kicks do not count, and without a
    kick there is nothing to lock to.
    """
    kicks = [each for layer, each in zip(layers, kinds, strict=True) if layer.role is Role.KICK]
    lines = [
        (layer.melody, each)
        for layer, each in zip(layers, kinds, strict=True)
        if layer.melody and layer.melody.kick is not KickLock.FREE
    ]
    if not kicks or not lines:
        return
    sounding: Flags = np.logical_or.reduce([each >= HIT for each in kicks])
    for melody, each in lines:
        each[sounding == (melody.kick is KickLock.ANSWER)] = REST


def melody_pitches(
    melody: MelodyConfig,
    key: KeyConfig,
    lowest: int,
    steps: Ints,
    phrase_steps: int,
    wander: Floats,
    leap: Floats,
) -> Ints:
    """The MIDI notes of each hit, ``(hits, notes of the chord)``.

    The first of a chord lies from the root at or below ``lowest`` to ``melody.octaves`` above it,
    both included. ``steps`` (in order), ``wander`` and ``leap`` are ``(hits,)``.
    """
    root = root_below(key.root, lowest)
    degree = _degrees(melody, steps, phrase_steps, wander)
    plain = semitones(key.scale, degree)
    raised = plain + 12 * (leap < melody.leap)
    first = root + _folded(raised, 0, min(12 * melody.octaves, 127 - root))
    chord = np.array(melody.chord, np.int64)
    above = semitones(key.scale, degree[:, None] + chord) - plain[:, None]
    return _folded(first[:, None] + above, 0, 127)


def _degrees(melody: MelodyConfig, steps: Ints, phrase_steps: int, wander: Floats) -> Ints:
    written = np.array(melody.degrees, np.int64)
    number = steps
    if melody.by == "hit":
        phrase = steps // phrase_steps
        number = np.arange(len(steps)) - np.searchsorted(phrase, phrase)
    strayed = (wander >= 1 - melody.wander / 2).astype(np.int64) - (wander < melody.wander / 2)
    degrees: Ints = written[number % len(written)] + strayed
    return degrees


def _folded(pitch: Ints, low: int, high: int) -> Ints:
    """Moved by octaves to at least ``low``, and then to ``high`` at most, same shape."""
    pitch = pitch - 12 * np.minimum(0, (pitch - low) // 12)
    pitch -= 12 * np.maximum(0, -((high - pitch) // 12))
    return pitch


def gates_of(melody: MelodyConfig, steps: Ints) -> Floats:
    """What the layer's note length is multiplied by on each of the given steps, ``(n,)``."""
    gates = np.array(melody.gates or (1.0,))
    return gates[steps % len(gates)]


def slide(
    melody: MelodyConfig, steps: Ints, ticks: Ints, durations: Ints, step_ticks: float, reach: int
) -> Ints:
    """The durations with those of marked notes reaching a little into the next note, ``(n,)``.

    A note whose next begins more than ``reach`` ticks later is left as it is.
    """
    if not melody.slides or len(steps) < 2:
        return durations
    marks = parse_pattern(melody.slides) != REST
    gap = np.diff(ticks)
    slides = marks[steps[:-1] % len(marks)] & (gap > 0) & (gap <= reach)
    longer = durations.copy()
    longer[:-1] = np.where(slides, gap + max(1, round(_SLIDE_PART * step_ticks)), durations[:-1])
    return longer
