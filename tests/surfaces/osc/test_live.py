"""Clips, parameters and the set of a Live through AbletonOSC, whatever gets lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.agents.live.typed import LiveNote, MidiBlock, ParameterBlock, ParameterChange, Target
from conduit.contracts.errors import (
    ConduitError,
    Conflict,
    InvalidInput,
    NotFound,
    TimedOut,
    TooLarge,
    Unavailable,
)
from conduit.surfaces.osc.live.clips import UNFINISHED, apply_clip, read_clip
from conduit.surfaces.osc.live.context import read_context
from conduit.surfaces.osc.live.notes import Note, compared, messages, read_notes, settled, windows
from conduit.surfaces.osc.live.parameters import apply_parameters
from conduit.surfaces.osc.live.wire import LiveWire
from conduit.surfaces.osc.wire import Message, encode
from tests.surfaces.osc.fake_live import LARGEST, FakeClip, FakeLive, FakeNote, live


@asynccontextmanager
async def opened(patience_s: float = 0.3) -> AsyncIterator[tuple[FakeLive, LiveWire]]:
    async with live() as (there, reply_port):
        wire = await LiveWire.open("127.0.0.1", there.port, reply_port, patience_s=patience_s)
        try:
            yield there, wire
        finally:
            wire.close()


def block(
    count: int = 8, name: str = "Dub", length: float | None = None, **target: Any
) -> MidiBlock:
    """Quarter notes, and one long note below them."""
    notes = [LiveNote(40 + each % 8, each * 0.25, 0.2, 90.0) for each in range(count)]
    return MidiBlock("Dub", length, tuple(notes), Target(**target))


def counted() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number


async def test_a_clip_is_made_named_and_looked_at() -> None:
    async with opened() as (there, wire):
        there.tracks[0].slots[0] = FakeClip(4.0, "before")
        overlapping = (
            LiveNote(36, 0.0, 2.0, 100.0, probability=0.5),
            LiveNote(36, 1.0, 0.5, 80.0),
            LiveNote(36, 1.0, 0.25, 81.0),
            LiveNote(127, 4.5, 0.5, 127.0, velocity_deviation=-5.0),
        )
        made = await apply_clip(wire, MidiBlock("Dub", None, overlapping))
        clip = there.tracks[0].slots[1]
        assert clip is not None
        assert (clip.name, clip.length) == ("Dub", 8.0)  # to the next bar of 4/4
        assert [(n.pitch, n.start, n.duration, n.velocity) for n in clip.notes] == [
            (36, 0.0, 1.0, 100.0),
            (36, 1.0, 0.25, 81.0),
            (127, 4.5, 0.5, 127.0),
        ]
        assert (made.track, made.slot, made.notes, made.shortened, made.flattened) == (
            0,
            1,
            3,
            2,
            2,
        )
        there.metre = (7, 8)
        made = await apply_clip(wire, block(track="drums", slot=2))
        assert made.length_beats == 3.5


async def test_a_long_clip_arrives_whole_although_datagrams_get_lost() -> None:
    async with opened(0.1) as (there, wire):
        losing = counted()
        there.loses = lambda address: address.startswith("/live/clip/") and next(losing) % 9 == 0
        made = await apply_clip(wire, block(700, length=200.0))
        clip = there.tracks[0].slots[0]
        assert clip is not None
        assert (clip.name, len(clip.notes), made.notes) == ("Dub", 700, 700)
        there.loses = lambda _: False
        read = await read_clip(wire, 0, 0)  # for which one answer has no place
        assert len(read) == 700
        assert 300 <= len(await read_clip(wire, 0, 0, most=300)) < 700
        chord = [FakeNote(each % 128, each * 1e-3, 0.1, 64.0, False) for each in range(1000)]
        there.tracks[0].slots[1] = FakeClip(4.0, "Dense", chord)
        assert len(await read_clip(wire, 0, 1)) == 1000
        for endless in (float("inf"), 3e38):  # as no clip is
            there.tracks[0].slots[2] = FakeClip(endless, "Endless", chord[:5])
            there.heard.clear()
            assert len(await read_clip(wire, 0, 2)) == 5
            assert len(there.heard) < 100
        with pytest.raises(TooLarge, match="20,001 notes"):
            await apply_clip(wire, block(20_001))


FAULTS: list[tuple[dict[str, Any], type[ConduitError], str]] = [
    ({"track": "Vox"}, InvalidInput, "takes no notes"),
    ({"track": "Group"}, InvalidInput, "holds no clips"),
    ({"track": "Frozen"}, Conflict, "Live made no clip: .*create clip"),
    ({"track": "Bass"}, Conflict, "2 have the name"),
    ({"track": "Harp"}, NotFound, "no track 'Harp'"),
    ({"track": 77}, NotFound, "no track 77"),
    ({"slot": 0}, Conflict, "is taken"),
    ({"slot": 50}, Conflict, "no such slot"),
    ({"view": "arrangement"}, InvalidInput, "session only"),
    ({"mode": "replace", "slot": 3}, InvalidInput, "no clip to change"),
]


async def test_what_cannot_be_is_refused_and_changes_nothing() -> None:
    async with opened() as (there, wire):
        there.tracks[0].slots[0] = FakeClip(4.0, "before", [FakeNote(60, 0.0, 1.0, 99.0, False)])
        before = repr(there.tracks)
        for target, error, said in FAULTS:
            with pytest.raises(error, match=said):
                await apply_clip(wire, block(**target))
            assert repr(there.tracks) == before
        there.selected[0] = 99  # a return track
        with pytest.raises(InvalidInput, match="refuses"):
            await apply_clip(wire, block())
        assert repr(there.tracks) == before


async def test_no_half_of_a_clip_stays_behind() -> None:
    async with opened(0.15) as (there, wire):
        before = repr(there.tracks)

        # notes never arrive
        there.loses = lambda address: address == "/live/clip/add/notes"
        with pytest.raises(Conflict, match="8 notes are not there"):
            await apply_clip(wire, block())
        assert repr(there.tracks) == before

        # somebody plays into it
        def play(address: str) -> None:
            clip = there.tracks[0].slots[0]
            if address == "/live/clip/get/notes" and clip is not None and clip.notes:
                clip.add(FakeNote(99, 3.0, 1.0, 1.0, False))

        there.loses, there.before = (lambda _: False), play
        with pytest.raises(Conflict, match="1 that should not be"):
            await apply_clip(wire, block())
        assert repr(there.tracks) == before

        # whoever asked is gone in the middle
        begun = asyncio.Event()
        there.before = lambda address: begun.set() if address == "/live/clip/add/notes" else None
        there.loses = lambda address: address == "/live/clip/get/notes" and begun.is_set()
        task = asyncio.create_task(apply_clip(wire, block()))
        await begun.wait()
        clip = there.tracks[0].slots[0]
        assert clip is not None
        assert clip.name == UNFINISHED
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert repr(there.tracks) == before

        # Live stops answering: it is said where to look
        begun.clear()
        there.loses = lambda address: begun.is_set()
        with pytest.raises(Unavailable, match="could not be taken away") as told:
            await apply_clip(wire, block())
        assert (told.value.where, "delete it" in told.value.hint) == ("track 0, slot 0", True)


async def test_a_clip_that_somebody_else_puts_there_is_not_touched() -> None:
    async with opened() as (there, wire):
        theirs = FakeClip(4.0, "theirs", [FakeNote(60, 0.0, 1.0, 99.0, False)])

        def faster(address: str) -> None:
            if address == "/live/clip_slot/create_clip":
                there.tracks[0].slots[0] = theirs

        there.before = faster
        with pytest.raises(Conflict, match=r"another clip now: .*create clip"):
            await apply_clip(wire, block())
        assert there.tracks[0].slots[0] is theirs
        assert (theirs.name, len(theirs.notes)) == ("theirs", 1)


async def test_notes_are_replaced_or_merged_and_put_back_when_that_fails() -> None:
    async with opened() as (there, wire):
        old = [FakeNote(60, 0.0, 4.0, 99.0, False, 0.5), FakeNote(127, 2.0, 1.0, 99.0, True, 0.25)]
        there.tracks[0].slots[0] = FakeClip(4.0, "Keys", [replace(each) for each in old])

        def clip() -> FakeClip:
            found = there.tracks[0].slots[0]
            assert found is not None
            return found

        await apply_clip(wire, block(4, mode="merge", slot=0))
        assert sorted(note.pitch for note in clip().notes) == [40, 41, 42, 43, 60, 127]
        kept = [note.probability for note in clip().notes if note.pitch >= 60]
        assert kept == [0.5, 0.25]
        before = repr(there.tracks)
        there.loses = lambda address: address == "/live/clip/add/notes"
        with pytest.raises(Conflict, match="are not there"):
            await apply_clip(wire, block(mode="replace", slot=0))
        assert repr(there.tracks) == before  # with probabilities, which it cannot read
        there.loses = lambda _: False
        made = await apply_clip(wire, block(mode="replace"))  # in the selected scene
        assert [note.pitch for note in clip().notes] == [40, 41, 42, 43, 44, 45, 46, 47]
        assert (clip().name, made.name) == ("Keys", "Keys")
        assert there.tracks[0].slots[1:] == [None, None, None]
        there.tracks[0].slots[1:] = [FakeClip(1.0), FakeClip(1.0), FakeClip(1.0)]
        with pytest.raises(Conflict, match="no slot is empty"):
            await apply_clip(wire, block(mode="replace"))
        made = await apply_clip(wire, block())
        assert (made.slot, len(there.tracks[1].slots)) == (4, 5)  # a scene was added
        made = await apply_clip(wire, block(mode="new_scene", track=4))
        assert made.slot == 5


async def test_parameters_are_set_within_their_range_all_or_none() -> None:
    async with opened(0.15) as (there, wire):
        cutoff, mode, _ = there.tracks[0].devices[0].parameters
        losing = counted()
        there.loses = lambda _: next(losing) % 5 == 0

        def change(name: str | int, value: float | str, **more: Any) -> ParameterChange:
            return ParameterChange("Filter", name, value, **more)

        done = await apply_parameters(
            wire, ParameterBlock((change("cutoff", 500.0), change(1, 2.6, track="Drums")))
        )
        assert (cutoff.value, mode.value) == (127.0, 3.0)
        assert (done[0].before, done[0].after, done[0].shown) == (0.5, 127.0, "127.00 Hz")
        there.loses = lambda _: False
        before = repr(there.tracks)
        faults: list[tuple[ParameterChange, type[ConduitError], str]] = [
            (change("Macro", 1.0), Conflict, "stays at 0.25"),
            (change("Reso", 1.0), NotFound, "no parameter"),
            (change(9, 1.0), NotFound, "no parameter 9"),
            (change("Mode", "Low"), InvalidInput, "takes a number"),
            (change("Mode", 1.0, ramp_ms=5.0), InvalidInput, "no ramps"),
            (change("Mode", float("nan")), InvalidInput, "finite"),
            (ParameterChange("Reverb", 0, 1.0), NotFound, "no device"),
        ]
        for each, error, said in faults:
            with pytest.raises(error, match=said):
                await apply_parameters(wire, ParameterBlock((change("Cutoff", 1.0), each)))
            assert repr(there.tracks) == before


async def test_the_set_is_read_as_far_as_it_tells() -> None:
    async with opened() as (there, wire):
        notes = [FakeNote(36, 0.25 * each, 0.1, 64.0, each == 0) for each in range(900)]
        there.tracks[0].slots[0] = FakeClip(300.0, "Long", notes)
        there.tracks += [there.tracks[1]] * 60
        context = await read_context(wire)
        assert (context.tempo, context.playing, context.position) == (124.0, True, 8.5)
        kinds = [each.kind for each in context.tracks]
        assert (kinds[:4], len(kinds)) == (["midi", "audio", "group", "midi"], 66)
        assert (context.selected.track, context.selected.scene, len(context.scenes)) == (0, 0, 4)
        assert context.clip is not None
        assert (context.clip.name, context.clip.note_count) == ("Long", 900)
        assert context.clip.notes[0].mute
        assert [each.name for each in context.devices[0].parameters] == ["Cutoff", "Mode", "Macro"]
        assert context.devices[0].parameters[0].max == 127.0
        there.selected[0] = 99
        context = await read_context(wire)
        assert (context.selected.track, context.clip, context.devices) == (None, None, ())


async def test_a_live_that_is_not_there_is_said_kindly() -> None:
    async with live() as (there, reply_port):
        there.silent = True
        with pytest.raises(Unavailable, match="no Live answers") as told:
            await LiveWire.open("127.0.0.1", there.port, reply_port, patience_s=0.05)
        assert "AbletonOSC as a control surface" in told.value.hint
        there.silent = False
        wire = await LiveWire.open("127.0.0.1", there.port, reply_port, patience_s=0.05)
        with pytest.raises(Unavailable, match="cannot listen"):
            await LiveWire.open("127.0.0.1", there.port, reply_port)
        there.silent = True
        with pytest.raises(TimedOut, match="did not answer"):
            await read_context(wire)
        assert await asyncio.gather(wire.query("/live/test", tries=1), return_exceptions=True)
        wire.close()
    with pytest.raises(Unavailable, match="cannot be found"):
        await LiveWire.open("no such host")


live_notes = st.builds(
    LiveNote,
    st.integers(0, 3),
    st.integers(0, 40).map(lambda each: each / 4),
    st.integers(1, 12).map(lambda each: each / 4),
    st.integers(1, 127).map(float),
)


@given(st.lists(live_notes, max_size=30))
@settings(max_examples=60)
def test_notes_settle_as_live_settles_them(notes: list[LiveNote]) -> None:
    clip = FakeClip(16.0)
    for each in sorted(notes, key=lambda note: note.start):
        clip.add(FakeNote(each.pitch, each.start, each.duration, each.velocity, False))
    there = [Note(n.pitch, n.start, n.duration, n.velocity, n.mute) for n in clip.notes]
    wanted = settled(notes)
    assert compared(wanted, there) == ([], [])
    assert settled(wanted) == wanted
    if wanted:
        gone, *rest = wanted
        assert compared(wanted, rest) == ([gone], [])
        other = replace(gone, velocity=gone.velocity + 20)
        assert compared(wanted, [other, *rest]) == ([gone], [])
        stray = Note(99, 1.0, 1.0, 1.0)
        assert compared(wanted, [stray, *wanted]) == ([], [stray])


@given(st.integers(1, 1200), st.sampled_from([1, 3, 100]))
@settings(max_examples=30)
def test_pieces_fit_and_windows_cover_all(count: int, chord: int) -> None:
    notes = [Note(each % chord, each // chord * 0.5, 0.5, 100.0) for each in range(count)]
    pieces = list(messages(notes))
    assert [note for each in pieces for note in read_notes(each)] == notes
    assert all(len(encode(Message("/live/clip/add/notes", (0, 0, *e)))) < 1400 for e in pieces)
    borders = windows(notes)
    answers = [[n for n in notes if start <= n.start < start + span] for start, span in borders]
    assert sum(map(len, answers)) == count
    sizes = [
        len(encode(Message("/live/clip/get/notes", tuple(v for a in messages(e) for v in a))))
        for e in answers
    ]
    assert max(sizes) < LARGEST / 2
    for (start, span), (after, _) in pairwise(borders):
        assert start + span == pytest.approx(after)
