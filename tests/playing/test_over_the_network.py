"""A groove played over a real session: nothing missing, in order, with times to be trusted."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from conduit.midi import ump
from conduit.midi.network import Client, Host, Identity, Received
from conduit.midi.performance import Moment, clip_of, jr_seconds
from conduit.midi.score import Score, score_of
from conduit.midi.smf import loads
from conduit.playing.pace import OwnPace
from conduit.playing.player import LoopClock, play
from conduit.rhythm import Style
from conduit.rhythm.engine import play as render
from conduit.rhythm.groove import GrooveRequest, complete, config_of
from conduit.surfaces.flex.links import whole_messages


async def test_a_groove_travels_in_time() -> None:
    """Eight times as fast, to be quick: two bars in half a second."""
    wish = complete(GrooveRequest(style=Style.DUB, bars=2))
    score = score_of(clip_of(loads(render(config_of(wish)).midi_bytes())))
    when = score.moments
    speed = 8.0
    heard: list[ump.Message] = []

    async with await Host.open(Identity("Synth")) as host:
        client = await Client.open("127.0.0.1", host.port, Identity("Conduit"))
        guest = await host.accept()

        async def listen() -> None:
            decoder = ump.Decoder()
            async for event in guest:
                if isinstance(event, Received):
                    heard.extend(decoder.feed(event.words))

        async def send(words: list[int]) -> None:
            for each in whole_messages(words):
                client.send(each)

        listening = asyncio.create_task(listen())
        pace = OwnPace(score, time.monotonic(), speed)
        played = await play(score, send, pace, clock=LoopClock(time.monotonic))
        await client.close()
        async with asyncio.timeout(20):
            await listening
    assert played.moments == len(when)

    music = [each for each in heard if not isinstance(each, ump.JrClock | ump.JrTimestamp)]
    assert music == [message for moment in when for message in moment.messages]
    clocks = [each for each in heard if isinstance(each, ump.JrClock)]
    assert len(clocks) >= 2
    stamps = [each.time for each in heard if isinstance(each, ump.JrTimestamp)]
    meant = [moment.at_s / speed for moment in when for _ in moment.messages]
    off = [
        jr_seconds(stamps[0], each) - (at - meant[0])
        for each, at in zip(stamps, meant, strict=True)
    ]
    # By the stamps, whatever the machine was doing meanwhile, unless it stood still.
    assert played.held_s or max(map(abs, off)) < 1e-4


async def test_what_sounds_is_ended_when_the_player_is_stopped() -> None:
    sent: list[int] = []
    begun = asyncio.Event()

    async def send(words: list[int]) -> None:
        sent.extend(words)
        if on in ump.decode(words):
            begun.set()

    on = ump.Midi2NoteOn(0, 9, 36, 1)
    score = Score((Moment(0.0, (on,)), Moment(60.0, (), 120.0)), 120.0, 60.0, 120.0, 4.0)
    pace = OwnPace(score, time.monotonic())
    playing = asyncio.create_task(play(score, send, pace, clock=LoopClock(time.monotonic)))
    await begun.wait()
    playing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await playing
    last: Any = ump.decode(sent)[-1]
    assert isinstance(last, ump.Midi2NoteOff)
    assert (last.channel, last.note) == (9, 36)
