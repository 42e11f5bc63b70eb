"""A session through all that a network does to it, on a clock that only the test moves."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput, Overloaded, Unavailable
from conduit.midi.network import Closed, Counters, Gap, Limits, Received, Restarted, Timing
from conduit.midi.network.codes import ByeReason, NakReason
from conduit.midi.network.commands import (
    Bye,
    ByeReply,
    Command,
    Data,
    Nak,
    Ping,
    PingReply,
    RetransmitError,
    RetransmitRequest,
    SessionReset,
    SessionResetReply,
    Unusable,
    decode,
    encode,
)
from conduit.midi.network.events import Event
from conduit.midi.network.incoming import Incoming
from conduit.midi.network.outgoing import Outgoing
from conduit.midi.network.session import Session
from conduit.midi.network.settings import Settings
from tests.midi_network.simulated import Stage, Weather, settings, words_of

NOTE = 0x20903C64


class Alone:
    """A session whose other side is the test."""

    def __init__(self, chosen: Settings | None = None, *, verified: bool = True) -> None:
        self.now = 50.0
        random = Random(3).randbytes
        self.session = Session(chosen or Settings(), random, self.now, verified=verified)
        self.said()

    def hear(self, *commands: Command | bytes) -> list[Command | Unusable]:
        """What it says to these."""
        for command in commands:
            data = command if isinstance(command, bytes) else encode([command])
            self.session.receive(decode(data), self.now)
        return self.said()

    def wait(self, seconds: float) -> list[Command | Unusable]:
        until = self.now + seconds
        said: list[Command | Unusable] = []
        while (due := self.session.deadline()) is not None and due <= until:
            assert due >= self.now - 1e-9, "a deadline that has passed would be waited for for ever"
            self.now = max(due, self.now)
            self.session.tick(self.now)
            said += self.said()
        self.now = until
        return said

    def send(self, *words: int) -> list[Command | Unusable]:
        self.session.send(words, self.now)
        return self.said()

    def said(self) -> list[Command | Unusable]:
        said = [command for datagram in self.session.outbox for command in decode(datagram)]
        self.session.outbox.clear()
        return said

    def happened(self) -> list[Event]:
        events = list(self.session.events)
        self.session.events.clear()
        return events


def numbered(commands: list[Command | Unusable]) -> list[int]:
    return [each.sequence for each in commands if isinstance(each, Data)]


@pytest.mark.parametrize("repeats", [0, 2])
@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_lost_in_bad_weather(repeats: int, seed: int) -> None:
    """5 % lost, 10 % reordered, 10 % twice, both ways, with and without error correction."""
    stage = Stage(weather=Weather(0.05, 0.1, 0.1), seed=seed, settings=settings(repeats=repeats))
    at = stage.join()
    stage.run(5)
    up, down = [], []
    for number in range(1000):
        up.append(0x20900000 | number)
        stage.clients[at].send(up[-1:], stage.now)
        if number % 3 == 0:
            down.append(0x20800000 | number)
            stage.host.send(at, down[-1:], stage.now)
        stage.flush()
        stage.run(0.002)
    stage.run(3)
    assert words_of(event for _, event in stage.at_host) == up
    assert words_of(stage.at_client[at]) == down
    assert stage.lost > 50
    counters = stage.host.counters(at)
    assert counters.lost == 0
    # what the two ways of repair are for: one costs nothing but bytes, the other a round trip
    assert counters.repaired > 50 if repeats else counters.retransmitted > 50


def test_a_storm_is_survived_and_what_it_took_is_told() -> None:
    stage = Stage(weather=Weather(0.4, 0.3, 0.3), seed=1, settings=settings(ask_tries=2))
    at = stage.join()
    stage.run(20)
    sent = list(range(0x20900000, 0x20900000 + 400))
    for word in sent:
        stage.clients[at].send([word], stage.now)
        stage.flush()
        stage.run(0.01)
    stage.run(3)
    events = [event for _, event in stage.at_host]
    arrived = words_of(events)
    assert arrived == sorted(set(arrived))
    assert set(arrived) < set(sent)
    told = sum(event.count for event in events if isinstance(event, Gap))
    assert told >= len(sent) - len(arrived)


def test_numbers_wrap_and_the_last_message_is_not_forgotten() -> None:
    a, b = Outgoing(Limits()), []
    counters = Counters()
    incoming = Incoming(Timing(), Limits(), counters, b)
    random = Random(2)
    for number in range(66_500):
        datagram = a.datagram((number,))
        if random.random() < 0.05:
            continue
        commands = [each for each in decode(datagram) if isinstance(each, Data)]
        for each in commands:
            incoming.take(each.sequence, each.words, 1.0, repeated=each is not commands[-1])
        asked = incoming.tick(2.0, 0.0)
        if asked is not None:
            again = a.again(asked.sequence, asked.count)
            assert isinstance(again, list)
            for each in decode(again[0]):
                assert isinstance(each, Data)
                incoming.take(each.sequence, each.words, 1.0, repeated=False)
    arrived = words_of(b)
    assert arrived == list(range(len(arrived)))
    assert len(arrived) > 66_490
    assert counters.repaired > 3000


def test_forward_error_correction_repeats_what_came_before() -> None:
    alone = Alone()
    assert numbered(alone.send(NOTE)) == [0, 1]  # the number 0 was an empty command
    assert numbered(alone.send(NOTE)) == [0, 1, 2]
    assert numbered(alone.send(NOTE)) == [1, 2, 3]
    # many words: in several commands, and no message is split
    many = alone.send(NOTE, *[0x40903C00, 0xFFFF0000] * 150)
    assert numbered(many)[::3] == [2, 3, 4, 5, 6]
    assert [len(each.words) for each in many if isinstance(each, Data)][2::3] == [
        63,
        64,
        64,
        64,
        46,
    ]
    # afterwards, empty commands repeat the last ones, more and more rarely
    idle = alone.wait(10)
    assert numbered(idle)[:6] == [7, 8, 9, 8, 9, 10]
    assert len(numbered(idle)) < 36


def test_a_burst_is_collected_into_fuller_commands_and_nothing_waits_without_end() -> None:
    alone = Alone()
    sent = [0x20900000 | number for number in range(20_000)]
    said = [command for word in sent for command in alone.send(word)]
    at_once = numbered(said)[-1]
    assert 100 < at_once < 200
    assert alone.session.waiting == 20_000 - at_once
    soon = alone.wait(0.1)
    assert alone.session.waiting == 0
    new = {each.sequence: each.words for each in said + soon if isinstance(each, Data)}
    assert [word for sequence in sorted(new) for word in new[sequence]] == sent
    assert sum(1 for words in new.values() if words) == at_once + -(-(20_000 - at_once) // 64)
    for word in sent * 3:
        alone.session.send([word], alone.now)
    with pytest.raises(Overloaded, match="wait to be sent"):
        alone.session.send(sent, alone.now)


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


def test_what_is_asked_for_is_sent_again_as_long_as_it_is_kept() -> None:
    alone = Alone(settings(history=8))
    for _ in range(20):
        alone.send(NOTE)
    assert numbered(alone.hear(RetransmitRequest(15, 2))) == [15, 16]
    assert numbered(alone.hear(RetransmitRequest(18))) == [18, 19, 20]
    assert numbered(alone.hear(RetransmitRequest(15, 60_000))) == list(range(15, 21))
    for gone in (5, 12, 21, 40_000):
        assert alone.hear(RetransmitRequest(gone, 1)) == [RetransmitError(13)]
    # a burst of requests brings no flood
    answers = alone.hear(*[RetransmitRequest(13)] * 500)
    assert len(answers) < 50 * 8


def test_missing_commands_are_waited_for_asked_for_and_given_up() -> None:
    alone = Alone()
    alone.hear(Data(0, (1,)), Data(1, (2,)))
    assert alone.hear(Data(4, (5,)), Data(5, (6,)), Data(4, (5,))) == []
    assert words_of(alone.happened()) == [1, 2]
    assert alone.wait(0.01) == [RetransmitRequest(2, 2)]
    alone.hear(Data(3, (4,)))  # the later of the two, which can wait
    assert alone.wait(0.031) == [RetransmitRequest(2, 1)]
    alone.hear(Data(2, (3,)))
    assert words_of(alone.happened()) == [3, 4, 5, 6]
    alone.hear(Data(8, (9,)))
    asked = alone.wait(1)
    assert [each for each in asked if isinstance(each, RetransmitRequest)] == (
        [RetransmitRequest(6, 2)] * 10
    )
    assert alone.happened() == [Gap(6, 2), Received((9,))]
    assert alone.session.counters.lost == 2
    assert alone.session.counters.duplicates == 1


def test_a_peer_that_cannot_send_again_holds_nobody_up() -> None:
    """7.2.3: after a NAK it must not be asked again (microsoft/MIDI issue 1003 was about that)."""
    alone = Alone()
    alone.hear(Data(0, (1,)), Data(2, (3,)))
    assert alone.wait(0.01) == [RetransmitRequest(1, 1)]
    assert alone.hear(Nak(NakReason.NOT_SUPPORTED, bytes.fromhex("80010001"))) == []
    alone.wait(0.1)
    assert alone.happened()[1:] == [Gap(1, 1), Received((3,))]
    alone.hear(Data(4, (5,)))
    assert RetransmitRequest not in map(type, alone.wait(0.5))
    assert alone.happened() == [Gap(3, 1), Received((5,))]


def test_a_retransmit_error_ends_the_wait() -> None:
    windows = Alone()  # says what is the earliest that it has
    windows.hear(Data(0, (1,)), Data(5, (6,)))
    windows.wait(0.01)
    windows.hear(RetransmitError(3))
    assert windows.happened()[1:] == [Gap(1, 2)]
    assert windows.wait(0.001) == [RetransmitRequest(3, 2)]
    amidi2net = Alone()  # says what it was asked for
    amidi2net.hear(Data(0, (1,)), Data(3, (4,)))
    assert amidi2net.wait(0.005) == [RetransmitRequest(1, 2)]
    amidi2net.hear(RetransmitError(1))
    assert amidi2net.wait(0.001) == [RetransmitRequest(2, 1)]
    nobody = Alone()
    nobody.hear(RetransmitError(9), Data(0, (1,)))
    assert nobody.happened() == [Received((1,))]


def test_a_peer_may_count_from_1_or_from_anywhere() -> None:
    one = Alone()  # as Windows MIDI Services does
    one.hear(Data(1, (2,)))
    assert one.wait(0.01) == [RetransmitRequest(0, 1)]
    one.hear(RetransmitError(1))
    assert one.happened() == [Received((2,))]  # and no gap
    anywhere = Alone()
    anywhere.hear(Data(40_000, (1,)), Data(40_001, (2,)))
    assert words_of(anywhere.happened()) == [1, 2]


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


def test_who_is_late_catches_up_and_says_what_that_cost() -> None:
    alone = Alone()
    alone.hear(Data(0, (1,)), Data(3, (4,)))
    for number in (3000, 3001, 3002, 9000, 3003):  # one of them does not follow the others
        assert alone.hear(Data(number, (9,))) == []
    said = alone.hear(*(Data(number, (number,)) for number in range(3004, 3012)))
    assert said == []
    assert alone.happened() == [
        Received((1,)),
        Gap(1, 2),
        Received((4,)),
        Gap(4, 3006),
        Received((3010,)),
        Received((3011,)),
    ]


def test_a_peer_in_trouble_is_given_time() -> None:
    def sent_in(alone: Alone, seconds: float) -> int:
        alone.session.send([NOTE] * 60_000, alone.now)
        alone.said()
        return sum(len(each.words) for each in alone.wait(seconds) if isinstance(each, Data))

    quick, slow = Alone(), Alone()
    for _ in range(6):
        slow.hear(RetransmitRequest(0))
        slow.wait(0.06)
    assert sent_in(quick, 0.04) > 5 * sent_in(slow, 0.04) > 0


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
