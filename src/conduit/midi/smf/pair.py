"""Pairing note-ons with note-offs, a whole track at once.

Within one channel and pitch, the first note-off ends the first note still sounding. A note-off with
nothing sounding is ignored; a note-on that nothing ends sounds to the end of the track.
"""

from __future__ import annotations

import numpy as np

from conduit.midi.notes import NOTE_DTYPE, Flags, Ints, NoteArray

_LONGEST = np.iinfo(np.int32).max


def pair_notes(ticks: Ints, events: Ints, end_tick: int) -> NoteArray:
    """Notes of a track.

    ``ticks`` and ``events`` are ``(n,)``, in file order, so ticks never fall; an event is
    ``on << 18 | channel << 14 | pitch << 7 | velocity``. Returns ``(m,)`` notes of layer 0, grouped
    by channel and pitch.
    """
    drum = (events >> 7) & 0x7FF
    order = np.argsort(drum.astype(np.int16), kind="stable")
    drum, ticks, events = drum[order], ticks[order], events[order]
    is_on = events >> 18 == 1

    stray = _stray_offs(drum, is_on)
    ons, offs = np.flatnonzero(is_on), np.flatnonzero(~is_on & ~stray)
    # The k-th note-on of a drum goes with its k-th note-off: look up each pair's rank.
    on_rank, off_rank = _rank(drum[ons]), _rank(drum[offs])
    longest = max(len(events), 1)
    wanted = drum[ons] * longest + on_rank
    there = drum[offs] * longest + off_rank
    place = np.searchsorted(there, wanted)
    ended = place < len(there)
    ended[ended] = there[place[ended]] == wanted[ended]

    end = np.full(len(ons), end_tick, np.int64)
    end[ended] = ticks[offs[place[ended]]]
    notes = np.empty(len(ons), NOTE_DTYPE)
    notes["tick"] = ticks[ons]
    notes["duration"] = np.clip(end - ticks[ons], 1, _LONGEST)
    notes["channel"] = drum[ons] >> 7
    notes["pitch"] = drum[ons] & 0x7F
    notes["velocity"] = events[ons] & 0x7F
    notes["layer"] = 0
    return notes


def _group_starts(drum: Ints) -> Ints:
    """For each element, the index at which its group begins."""
    fresh = np.ones(len(drum), np.bool_)
    fresh[1:] = drum[1:] != drum[:-1]
    return np.maximum.accumulate(np.where(fresh, np.arange(len(drum)), 0))


def _rank(drum: Ints) -> Ints:
    """For each element, how many of its group come before it."""
    ranks: Ints = np.arange(len(drum)) - _group_starts(drum)
    return ranks


def _stray_offs(drum: Ints, is_on: Flags) -> Flags:
    """Note-offs with nothing sounding: where the balance of a drum reaches a new low below zero."""
    if not len(drum):
        return np.zeros(0, np.bool_)
    step = np.where(is_on, 1, -1)
    total = np.cumsum(step)
    start = _group_starts(drum)
    balance = total - (total[start] - step[start])
    # Each group is moved below all before it, so that one running minimum serves them all.
    shift = _groups(start) * (2 * len(drum) + 2)
    low = np.minimum.accumulate(np.minimum(balance, 0) - shift) + shift
    before = np.zeros_like(low)
    before[1:] = low[:-1]
    before[start == np.arange(len(drum))] = 0
    stray: Flags = ~is_on & (balance < before)
    return stray


def _groups(start: Ints) -> Ints:
    """The number of each element's group, counted from zero."""
    groups: Ints = np.cumsum(start == np.arange(len(start))) - 1
    return groups
