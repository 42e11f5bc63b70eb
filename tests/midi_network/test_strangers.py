"""What a host gives to floods, forgeries and the dead: little, and never somebody else's."""

from __future__ import annotations

from random import Random

import pytest

from conduit.contracts.errors import NotFound
from conduit.midi.network import Access, Closed, Identity, SharedSecret
from conduit.midi.network.codes import ByeReason, Capability
from conduit.midi.network.commands import (
    Accepted,
    Bye,
    ByeReply,
    Data,
    Invitation,
    InvitationWithSecret,
    Nak,
    Ping,
    PingReply,
    RetransmitRequest,
    SessionReset,
    encode,
)
from conduit.midi.network.visitors import Address
from tests.midi_network.simulated import DEVICE, HOST, Stage, settings

NOTE = 0x20903C64
VICTIM: Address = ("198.51.100.9", 5004)
LOCKED = Access(secret="hush", users={"ada": "swordfish"})


def test_approval_is_asked_for_by_real_addresses_only() -> None:
    stage = Stage(access=Access(approval=True))
    for number in range(200):
        stage.forge((f"198.51.100.{number}", 5004), Invitation(DEVICE))
    stage.run(10)
    assert stage.at_host == []


def test_peers_that_leave_without_a_word_make_room() -> None:
    stage = Stage(settings=settings(sessions=4, invitations_per_s=100))
    for generation in range(3):
        for number in range(4):
            stage.join(address=("192.0.2.7", 41_000 + 10 * generation + number))
        stage.run(2)
        assert len(stage.host.clients) == 4
        turned_away = stage.join(address=("192.0.2.99", 41_000 + generation))
        stage.run(1)
        assert stage.at_client[turned_away] == [Closed(ByeReason.TOO_MANY_SESSIONS, by_peer=True)]
        stage.clients.clear()
        stage.run(10)
        assert stage.host.clients == ()
    assert stage.host.deadline() is None


def test_one_device_cannot_take_every_place() -> None:
    stage = Stage(settings=settings(sessions=6, sessions_per_address=4, invitations_per_s=100))
    greedy = [stage.join(address=("192.0.2.66", 1000 + number)) for number in range(20)]
    stage.run(1)
    assert len(stage.host.clients) == 4
    other = stage.join()
    stage.run(1)
    assert other in stage.host.clients
    assert sum(not stage.clients[each].closed for each in greedy) == 4


def test_nobody_is_sent_more_than_came_from_there() -> None:
    """The source of a datagram is whatever its sender wrote. Each of these is tried from an address
    of its own, and again and again."""
    tiny = Identity("a", "b")
    tries: list[bytes] = [
        encode([Invitation(tiny, Capability.SECRET | Capability.USER)]),
        encode([Invitation(Identity(""))]),
        encode([Invitation(Identity("x" * 98, "y" * 42), 3, padded=True)]),
        encode([InvitationWithSecret(bytes(32))]),
        encode([Ping(1)]),
        encode([Ping(1)] * 150),
        encode([Data(0)]),
        encode([Bye()]),
        encode([SessionReset()]),
        encode([RetransmitRequest(0, 0)]),
        encode([PingReply(0), PingReply(1)]),
        b"MIDI\x77\0\0\0",
        b"MIDI\x20\xff\0\0",
        b"",
        b"garbage",
        encode([Invitation(tiny), Data(0, (NOTE,)), RetransmitRequest(0), Ping(9)]),
    ]
    for access in (Access(), LOCKED, Access(approval=True)):
        stage = Stage(access=access, settings=settings(invitations_per_s=1000))
        for number, datagram in enumerate(tries):
            source: Address = (f"198.51.100.{number}", 5004)
            for _ in range(20):
                stage.forge(source, raw=datagram)
                stage.run(0.05)
            stage.run(40)
            sent, came = stage.bytes_to.get(source, 0), stage.bytes_from.get(source, 0)
            assert sent <= came, (access, datagram)
        assert stage.at_host == []


def test_a_forged_source_gets_no_data_and_takes_no_place_for_long() -> None:
    stage = Stage(settings=settings(sessions=8))
    real = stage.join()
    stage.run(1)
    for number in range(500):
        stage.forge((f"198.51.{number // 250}.{number % 250}", 5004), Invitation(DEVICE))
        stage.run(0.01)
    newcomer = stage.join(address=("192.0.2.50", 1))
    stage.run(1)
    assert set(stage.host.clients) == {real, newcomer}
    assert len(stage.host._guests) <= 8
    assert len(stage.host._strangers) <= 1024
    with pytest.raises(NotFound):
        stage.host.send(("198.51.1.9", 5004), [NOTE], stage.now)


def test_what_is_remembered_of_strangers_is_bounded_and_slow_ones_are_not_hurt() -> None:
    stage = Stage(settings=settings(strangers=64))
    random = Random(4)
    for _ in range(3000):
        stage.forge((f"10.0.{random.randrange(250)}.{random.randrange(250)}", 1), Ping(1))
    assert len(stage.host._strangers) <= 64
    # one address asks without end; it gets what the rate allows, somebody else is let in at once
    flood: Address = ("203.0.113.77", 7)
    for _ in range(300):
        stage.forge(flood, Invitation(DEVICE))
    answered = [each for each in stage.thrown_at(flood) if isinstance(each, Accepted)]
    assert 1 <= len(answered) <= 16
    honest = stage.join()
    stage.run(1)
    assert honest in stage.host.clients


def test_strangers_are_told_that_there_is_no_session() -> None:
    stage = Stage()
    for port, command, answer in (
        (1, Ping(5), PingReply(5)),
        (2, Data(0, (NOTE,)), Bye(ByeReason.NOT_ESTABLISHED)),
        (3, SessionReset(), Bye(ByeReason.NOT_ESTABLISHED)),
        (4, Bye(), ByeReply()),
    ):
        source: Address = ("203.0.113.1", port)
        stage.forge(source, command)
        assert stage.thrown_at(source) == [answer]
    for quiet in (Nak(1, b"\x20\0\0\0"), ByeReply(), Accepted(HOST)):
        stage.forge(VICTIM, quiet)
    assert stage.thrown_at(VICTIM) == []


def test_random_datagrams_from_everywhere_break_no_host() -> None:
    stage = Stage(access=LOCKED, settings=settings(sessions=4, strangers=32))
    at = stage.join(SharedSecret("hush"))
    stage.run(1)
    random = Random(9)
    kinds = (1, 2, 3, 0x10, 0x11, 0x12, 0x20, 0x21, 0x80, 0x81, 0x82, 0x83, 0x8F, 0xF1, 0xFF, 0x44)
    for number in range(6000):
        tail = bytearray(random.randbytes(random.choice((0, 4, 8, 12, 36, 60))))
        if len(tail) > 3:
            tail[0], tail[1] = random.choice(kinds), random.choice((0, 1, 2, 8, 14))
        source = at if number % 3 == 0 else (f"10.9.8.{random.randrange(40)}", number % 7)
        stage.forge(source, raw=b"MIDI" + bytes(tail))
        if number % 10 == 0:
            stage.run(0.01)
    stage.run(5)
    assert len(stage.host._guests) <= 4
    # nothing but a goodbye in its name ends the session of the client that is there
    assert at in stage.host.clients
    assert not stage.clients[at].closed
