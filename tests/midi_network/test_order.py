"""What is sent arrives in order and once, or is said to be lost, whatever the network does."""

from __future__ import annotations

from random import Random

import pytest

from conduit.contracts.errors import Overloaded
from conduit.midi.network import Counters, Gap, Limits, Received, Timing
from conduit.midi.network.codes import NakReason
from conduit.midi.network.commands import (
    Data,
    Nak,
    RetransmitError,
    RetransmitRequest,
    decode,
)
from conduit.midi.network.incoming import Incoming
from conduit.midi.network.outgoing import Outgoing
from tests.midi_network.alone import Alone, numbered
from tests.midi_network.simulated import Stage, Weather, settings, words_of

NOTE = 0x20903C64


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


def test_what_is_asked_for_is_sent_again_as_long_as_it_is_kept() -> None:
    alone = Alone(settings(history=8))
    for _ in range(20):
        alone.send(NOTE)
    assert numbered(alone.hear(RetransmitRequest(15, 2))) == [15, 16]
    assert numbered(alone.hear(RetransmitRequest(18))) == [18, 19, 20]
    assert numbered(alone.hear(RetransmitRequest(15, 60_000))) == list(range(15, 21))
    for gone in (5, 12, 21, 40_000):
        assert alone.hear(RetransmitRequest(gone, 1)) == [RetransmitError(13)]
    # a burst of requests brings no flood: so many answers in a second, and so many bytes
    assert len(alone.hear(*[RetransmitRequest(13)] * 500)) < 100 * 8
    alone = Alone()
    alone.send(*[NOTE] * 64 * 40)
    answers = alone.hear(*[RetransmitRequest(1)] * 100)
    assert (
        100_000 < 4 * sum(len(each.words) for each in answers if isinstance(each, Data)) < 375_000
    )


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


def test_of_a_long_gap_each_part_is_asked_for_as_soon_as_the_last_has_come() -> None:
    alone = Alone()
    alone.hear(Data(0, (1,)), Data(10, (11,)))
    assert alone.wait(0.005) == [RetransmitRequest(1, 9)]
    alone.hear(*(Data(number, (number + 1,)) for number in range(1, 6)))
    assert alone.wait(0.005) == [RetransmitRequest(6, 4)]


def test_what_waits_behind_a_gap_is_bounded_in_words_too() -> None:
    alone = Alone()
    alone.hear(Data(0, (1,)))
    for number in range(2, 400):
        alone.session.receive([Data(number, (NOTE,) * 255)], alone.now)
    gap, *rest = alone.happened()[1:]
    assert gap == Gap(1, 1)
    assert len(words_of(rest)) == 398 * 255


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
