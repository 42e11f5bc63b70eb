"""A session through all that a network does to it, on a clock that only the test moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput, Overloaded, Unavailable
from conduit.midi.network import Closed, Gap, Received, Restarted
from conduit.midi.network.codes import ByeReason, NakReason
from conduit.midi.network.commands import (
    Bye,
    ByeReply,
    Data,
    Nak,
    Ping,
    PingReply,
    RetransmitError,
    RetransmitRequest,
    SessionReset,
    SessionResetReply,
    decode,
    encode,
)
from tests.midi_network.alone import Alone, numbered
from tests.midi_network.simulated import Stage, Weather, settings, words_of

NOTE = 0x20903C64


def test_a_goodbye_comes_after_what_waits_and_repeats_the_last_notes() -> None:
    stage = Stage()
    at = stage.join()
    stage.run(1)
    sent = [0x20900000 | number for number in range(9000)]
    for word in sent:
        stage.clients[at].send([word], stage.now)
    stage.clients[at].close(stage.now)
    datagrams = stage.clients[at].outbox
    del datagrams[-1]  # the last note is lost, and so is one in the middle
    del datagrams[40]
    stage.flush()
    stage.run(2)
    assert words_of(event for _, event in stage.at_host) == sent
    assert stage.at_host[-1] == (at, Closed(ByeReason.USER, by_peer=True))
    # what is missing even then is told
    alone = Alone()
    alone.hear(Data(0, (1,)), Data(3, (4,)), Bye(1))
    assert alone.happened() == [Received((1,)), Gap(1, 2), Received((4,)), Closed(1, by_peer=True)]


def test_one_forged_number_changes_nothing_and_many_lead_to_a_reset() -> None:
    alone = Alone()
    alone.hear(Data(0, (1,)))
    for far in (300, 30_000, 60_000):
        alone.hear(Data(far, (9,)))
    alone.hear(Data(1, (2,)))
    assert words_of(alone.happened()) == [1, 2]
    said = alone.hear(*(Data(20_000 + number, (9,)) for number in range(7)))
    assert said == []
    assert alone.hear(Data(20_007, (9,))) == [SessionReset()]
    assert alone.hear(Data(2, (3,))) == []
    assert alone.session.counters.received == 2


def test_a_reset_has_both_sides_count_from_0() -> None:
    alone = Alone()
    alone.hear(Data(0, (1,)), Data(1, (2,)))
    alone.wait(3)
    alone.session.restart(alone.now)
    assert alone.said() == [SessionReset()]
    alone.session.send([NOTE], alone.now)
    assert alone.hear(Data(2, (3,))) == []  # of the old count
    assert alone.wait(0.3)[:1] == [SessionReset()]
    said = alone.hear(SessionResetReply())
    assert numbered(said) == [0, 0, 1]  # the empty one, then what waited
    alone.hear(Data(0, (7,)), SessionResetReply())
    assert alone.happened() == [
        Received((1,)),
        Received((2,)),
        Restarted(by_peer=False),
        Received((7,)),
    ]


def test_a_reset_of_the_peer_is_obeyed_once() -> None:
    alone = Alone()
    alone.wait(3)
    for _ in range(3):
        alone.send(NOTE)
    said = alone.hear(SessionReset())
    assert said[0] == SessionResetReply()
    assert numbered(said) == [0]
    alone.send(NOTE)
    alone.hear(Data(0, (1,)))
    # the same again, late: answered, but what has been sent since still counts
    assert alone.hear(SessionReset()) == [SessionResetReply()]
    assert numbered(alone.send(NOTE)) == [0, 1, 2]
    assert alone.happened() == [Restarted(by_peer=True), Received((1,))]


def test_both_sides_reset_at_once() -> None:
    stage = Stage(weather=Weather(0.1, 0.2, 0.3), seed=4)
    at = stage.join()
    stage.run(5)
    for round_ in range(3):
        session = stage.clients[at].session
        assert session is not None
        session.restart(stage.now)
        stage.host.restart(at, stage.now)
        stage.flush()
        stage.run(3)
        before = len(words_of(stage.at_client[at]))
        stage.host.send(at, [NOTE + round_] * 3, stage.now)
        stage.clients[at].send([NOTE + round_] * 3, stage.now)
        stage.flush()
        stage.run(3)
        assert words_of(stage.at_client[at])[before:] == [NOTE + round_] * 3
        assert words_of(e for _, e in stage.at_host)[before:] == [NOTE + round_] * 3


def test_silence_is_asked_about_and_ends_the_session() -> None:
    alone = Alone()
    alone.hear(Data(0))
    pings = [each for each in alone.wait(3) if isinstance(each, Ping)]
    assert len(pings) == 1
    assert alone.hear(PingReply(pings[0].id)) == []
    assert alone.session.counters.round_trip_s > 0
    start = alone.now
    said = alone.wait(30)
    assert sum(isinstance(each, Ping) for each in said) == 3
    assert said[-1] == Bye(ByeReason.TIMEOUT)
    assert alone.happened()[-1] == Closed(ByeReason.TIMEOUT, by_peer=False)
    assert alone.session.deadline() is None
    assert alone.now - start == 30
    with pytest.raises(Unavailable, match="closed"):
        alone.session.send([NOTE], alone.now)


def test_a_bye_is_repeated_until_it_is_heard() -> None:
    alone = Alone()
    alone.session.close(alone.now, ByeReason.POWER_DOWN, "going home")
    bye = [Data(0), Bye(ByeReason.POWER_DOWN, "going home")]
    assert alone.said() == bye
    assert alone.wait(0.6) == bye
    alone.hear(ByeReply())
    assert alone.happened() == [Closed(ByeReason.POWER_DOWN, by_peer=False, text="going home")]
    deaf = Alone()
    deaf.session.close(deaf.now)
    assert len(deaf.said() + deaf.wait(9)) == 6
    assert deaf.session.closed
    polite = Alone()
    assert polite.hear(Bye(ByeReason.USER, "so long")) == [ByeReply()]
    assert polite.happened() == [Closed(ByeReason.USER, by_peer=True, text="so long")]
    assert polite.hear(Ping(1)) == []


def test_faults_are_refused_and_refusals_are_not_answered() -> None:
    alone = Alone()
    unknown, short_ping = b"MIDI\x41\x01\x07\x08\0\0\0\0", b"MIDI\x20\0\0\0"
    assert alone.hear(unknown) == [Nak(NakReason.NOT_SUPPORTED, b"\x41\x01\x07\x08")]
    assert alone.hear(short_ping) == [Nak(NakReason.MALFORMED, b"\x20\0\0\0")]
    assert alone.hear(PingReply(99)) == [Nak(NakReason.BAD_PING_REPLY, b"\x21\x01\0\0")]
    # half a message: what is whole counts
    half = Data(0, (NOTE, 0x40903C00))
    assert alone.hear(half) == [Nak(NakReason.MALFORMED, b"\xff\x02\0\0")]
    assert words_of(alone.happened()) == [NOTE]
    # two that refuse each other would never end: amidi2net's NAK has a code that is not ours
    for answer in (b"MIDI\x7f\x01\x01\0\x8f\x02\x01\0", encode([Nak(1, b"\x8f\x01\x01\0")])):
        assert alone.hear(answer) == []
    assert alone.session.counters.malformed == 4
    assert len(alone.hear(*[unknown] * 400)) < 50


def test_words_that_are_no_messages_are_refused() -> None:
    alone = Alone()
    with pytest.raises(InvalidInput):
        alone.session.send([0x40903C00], alone.now)
    with pytest.raises(InvalidInput):
        alone.session.send([1 << 40], alone.now)
    assert alone.send() == []


def test_nothing_is_sent_to_an_address_that_is_not_proved() -> None:
    alone = Alone(settings(waiting_words=10), verified=False)
    assert alone.send(NOTE) == []
    assert alone.wait(20) == []
    assert alone.hear(RetransmitRequest(0)) == []
    with pytest.raises(Overloaded):
        alone.session.send([NOTE] * 10, alone.now)
    # its data is kept until then, as far as it goes
    alone.hear(*(Data(number, (number,)) for number in range(1000)))
    assert len(alone.session.events) == 64
    ping = decode(b"MIDI" + alone.session.ping(alone.now))[0]
    assert isinstance(ping, Ping)
    assert numbered(alone.hear(PingReply(ping.id))) == [0, 0, 1]


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_commands_break_a_session_or_make_it_grow(data: st.DataObject) -> None:
    command = st.one_of(
        st.builds(Data, st.integers(0, 700), st.lists(st.integers(0, 2**32 - 1), max_size=9)),
        st.builds(Data, st.integers(0, 65_535), st.just(())),
        st.builds(RetransmitRequest, st.integers(0, 65_535), st.integers(0, 65_535)),
        st.builds(RetransmitError, st.integers(0, 65_535)),
        st.builds(Nak, st.integers(0, 3), st.binary(min_size=4, max_size=4)),
        st.builds(PingReply, st.integers(0, 3)),
        st.sampled_from([SessionReset(), SessionResetReply(), ByeReply()]),
    )
    alone = Alone()
    for commands in data.draw(st.lists(st.lists(command, max_size=8), max_size=20)):
        alone.session.receive(
            [Data(e.sequence, tuple(e.words)) if isinstance(e, Data) else e for e in commands],
            alone.now,
        )
        alone.wait(data.draw(st.sampled_from([0.0, 0.01, 0.5])))
    held = alone.session._incoming._held
    assert len(held) <= 1024
    assert sum(map(len, held.values())) == alone.session._incoming._held_words
    assert not alone.session.closed or isinstance(alone.happened()[-1], Closed)
