"""Who gets a session with a host: credentials, approval, and those who begin anew."""

from __future__ import annotations

from random import Random

import pytest

from conduit.contracts.errors import InvalidInput, NotFound, Overloaded, Unavailable
from conduit.midi.network import Access, Closed, Identity, SharedSecret, UserPassword
from conduit.midi.network.codes import AuthState, ByeReason, Capability, NakReason
from conduit.midi.network.commands import (
    Accepted,
    Bye,
    ByeReply,
    Data,
    Invitation,
    InvitationWithSecret,
    InvitationWithUser,
    LoginWanted,
    Nak,
    Pending,
    Ping,
    PingReply,
    RetransmitRequest,
    SessionReset,
    decode,
    encode,
)
from conduit.midi.network.events import Event, Invited, Opened, Received, Restarted
from conduit.midi.network.joining import Joining
from conduit.midi.network.settings import Settings
from conduit.midi.network.visitors import Address
from tests.midi_network.simulated import DEVICE, HOST, Stage, Weather, settings, words_of

NOTE = 0x20903C64
VICTIM: Address = ("198.51.100.9", 5004)
LOCKED = Access(secret="hush", users={"ada": "swordfish"})


def names(events: list[tuple[Address, Event]]) -> list[str]:
    return [type(event).__name__ for _, event in events]


@pytest.mark.parametrize(
    ("access", "credentials", "user"),
    [
        (Access(), None, ""),
        (Access(), SharedSecret("not needed"), ""),
        (LOCKED, SharedSecret("hush"), ""),
        (LOCKED, UserPassword("ada", "swordfish"), "ada"),
        (Access(secret="hush"), SharedSecret("hush"), ""),
    ],
)
@pytest.mark.parametrize("weather", [Weather(), Weather(0.2, 0.3, 0.3)])
def test_who_may_comes_in(
    access: Access, credentials: SharedSecret | UserPassword | None, user: str, weather: Weather
) -> None:
    stage = Stage(access=access, weather=weather, seed=3)
    at = stage.join(credentials)
    stage.run(12)
    assert stage.at_host == [(at, Opened(DEVICE, user))]
    assert stage.at_client[at] == [Opened(HOST)]
    stage.clients[at].send([NOTE], stage.now)
    stage.flush()
    stage.run(2)
    assert stage.at_host[1:] == [(at, Received((NOTE,)))]
    assert stage.host.clients == (at,)


@pytest.mark.parametrize(
    ("access", "credentials", "reason"),
    [
        (LOCKED, SharedSecret("hash"), ByeReason.LOGIN_FAILED),
        (LOCKED, UserPassword("ada", "hush"), ByeReason.LOGIN_FAILED),
        (LOCKED, UserPassword("bob", "swordfish"), ByeReason.LOGIN_FAILED),
        (LOCKED, None, ByeReason.NO_COMMON_LOGIN),
        (Access(secret="hush"), UserPassword("ada", "hush"), ByeReason.NO_COMMON_LOGIN),
        (Access(users={"ada": "x"}), SharedSecret("x"), ByeReason.NO_COMMON_LOGIN),
    ],
)
def test_who_may_not_stays_out(
    access: Access, credentials: SharedSecret | UserPassword | None, reason: ByeReason
) -> None:
    stage = Stage(access=access)
    at = stage.join(credentials)
    stage.run(12)
    [closed] = stage.at_client[at]
    assert isinstance(closed, Closed)
    assert closed.reason == reason
    assert (stage.at_host, stage.host.clients) == ([], ())
    with pytest.raises(Unavailable):
        stage.clients[at].send([NOTE], stage.now)


def test_nobody_at_home() -> None:
    stage = Stage()
    stage.stop = lambda goal, datagram: True
    at = stage.join()
    stage.run(30)
    assert stage.at_client[at] == [Closed(ByeReason.TIMEOUT, by_peer=False)]
    assert stage.lost == 10
    assert stage.clients[at].deadline() is None


def test_guessing_is_slow_and_a_nonce_is_for_one_guess() -> None:
    stage = Stage(access=Access(secret="hush"))
    thief: Address = ("203.0.113.5", 9999)
    nonces = []
    for guess in range(3):
        if not guess:
            stage.forge(thief, Invitation(DEVICE, Capability.SECRET))
        [wanted] = stage.thrown_at(thief)[-1:]
        assert isinstance(wanted, LoginWanted)
        assert wanted.state == (AuthState.WRONG if guess else AuthState.FIRST)
        nonces.append(wanted.nonce)
        stage.forge(thief, InvitationWithSecret(SharedSecret(f"guess {guess}").digest(nonces[-1])))
    assert len(set(nonces)) == 3
    assert stage.thrown_at(thief)[-1] == Bye(ByeReason.LOGIN_FAILED)
    # locked out, from whichever port, even with the right secret; others are not
    again: Address = ("203.0.113.5", 1234)
    stage.forge(again, Invitation(DEVICE, Capability.SECRET))
    assert stage.thrown_at(again) == [Bye(ByeReason.LOGIN_FAILED)]
    honest = stage.join(SharedSecret("hush"))
    stage.run(1)
    assert names(stage.at_host) == ["Opened"]
    # nor does a flood of invented addresses make that forgotten
    for number in range(3000):
        stage.forge((f"10.1.{number // 250}.{number % 250}", 5004), Invitation(DEVICE, 3))
    stage.run(20)
    stage.forge(again, Invitation(DEVICE, Capability.SECRET))
    assert stage.thrown_at(again)[-1] == Bye(ByeReason.LOGIN_FAILED)
    stage.run(41)
    stage.forge(again, Invitation(DEVICE, Capability.SECRET))
    assert isinstance(stage.thrown_at(again)[-1], LoginWanted)
    assert honest in stage.host.clients


def test_what_the_network_doubles_counts_once() -> None:
    stage = Stage(access=Access(secret="hush"))
    at: Address = ("203.0.113.6", 1)
    for _ in range(3):
        stage.forge(at, Invitation(DEVICE, Capability.SECRET))
    nonces = {each.nonce for each in stage.thrown_at(at) if isinstance(each, LoginWanted)}
    assert len(nonces) == 1
    wrong = InvitationWithSecret(SharedSecret("hash").digest(nonces.pop()))
    for _ in range(9):
        stage.forge(at, wrong)
    asked = [each for each in stage.thrown_at(at) if isinstance(each, LoginWanted)]
    assert len({each.nonce for each in asked}) == 2
    stage.forge(at, InvitationWithSecret(SharedSecret("hush").digest(asked[-1].nonce)))
    assert names(stage.at_host) == ["Opened"]


def test_credentials_out_of_turn() -> None:
    stage = Stage(access=LOCKED)
    stage.forge(VICTIM, InvitationWithSecret(bytes(32)))
    assert stage.thrown_at(VICTIM) == [Bye(ByeReason.LOGIN_WITHOUT_INVITATION)]
    # a user's digest where a secret was asked for, and the other way round
    for capability, method in ((1, UserPassword("ada", "swordfish")), (2, SharedSecret("hush"))):
        source: Address = ("203.0.113.8", capability)
        stage.forge(source, Invitation(DEVICE, capability))
        [wanted] = stage.thrown_at(source)
        assert isinstance(wanted, LoginWanted)
        digest = method.digest(wanted.nonce)
        if isinstance(method, UserPassword):
            stage.forge(source, InvitationWithUser(digest, method.user))
        else:
            stage.forge(source, InvitationWithSecret(digest))
        assert isinstance(stage.thrown_at(source)[-1], LoginWanted)
    assert stage.at_host == []


def test_a_client_says_its_secret_to_few_nonces() -> None:
    """A host that only asks and asks collects something to try secrets against."""
    now, random = 10.0, Random(1)
    client = Joining(DEVICE, Settings(), random.randbytes, now, credentials=SharedSecret("hush"))
    for _ in range(50):
        client.receive(encode([LoginWanted(random.randbytes(16), HOST)]), now)
    said = [command for datagram in client.outbox for command in decode(datagram)]
    assert sum(isinstance(each, InvitationWithSecret) for each in said) == 4
    assert client.events == [Closed(ByeReason.LOGIN_FAILED, by_peer=False)]


def test_approval_waits_for_a_person() -> None:
    for access, credentials in (
        (Access(approval=True), None),
        (Access(secret="hush", approval=True), SharedSecret("hush")),
    ):
        stage = Stage(access=access, weather=Weather(0.1, 0.1, 0.1), seed=8)
        yes = stage.join(credentials)
        no = stage.join(credentials, address=("192.0.2.8", 40_000))
        late = stage.join(credentials, address=("192.0.2.9", 40_000))
        stage.run(20)
        assert sorted(stage.at_host) == [(each, Invited(DEVICE)) for each in (yes, no, late)]
        assert not any(stage.at_client.values())
        stage.host.accept(yes, stage.now)
        stage.host.refuse(no, stage.now)
        stage.flush()
        stage.run(10)
        assert stage.at_client[yes] == [Opened(HOST)]
        assert (yes, Opened(DEVICE)) in stage.at_host
        [closed] = stage.at_client[no]
        assert isinstance(closed, Closed)
        assert closed.reason in (ByeReason.REFUSED, ByeReason.TIMEOUT)
        stage.run(120)
        assert isinstance(stage.at_client[late][0], Closed)
        assert stage.host.clients == (yes,)
        with pytest.raises(NotFound):
            stage.host.accept(late, stage.now)


def test_a_client_that_begins_anew_is_let_in_and_both_count_from_0() -> None:
    stage = Stage()
    at = stage.join()
    stage.run(3)
    stage.clients[at].send([NOTE] * 5, stage.now)
    stage.flush()
    stage.run(1)
    stage.leave_silently(at)
    stage.join(address=at)
    stage.run(3)
    stage.clients[at].send([NOTE + 1], stage.now)
    stage.host.send(at, [NOTE + 2], stage.now)
    stage.flush()
    stage.run(1)
    assert stage.at_host[-2:] == [(at, Restarted(by_peer=False)), (at, Received((NOTE + 1,)))]
    assert words_of(stage.at_client[at]) == [NOTE + 2]
    # another device at the same address does not inherit who was there
    other = Identity("Another pedal", "pedal-2")
    stage.leave_silently(at)
    stage.join(address=at, identity=other)
    stage.run(1)
    assert names(stage.at_host[-2:]) == ["Closed", "Opened"]
    assert stage.at_host[-1] == (at, Opened(other))
    # where credentials are asked for, it has to show them again
    locked = Stage(access=Access(secret="hush"))
    at = locked.join(SharedSecret("hush"))
    locked.run(3)
    locked.leave_silently(at)
    locked.join(SharedSecret("hush"), address=at)
    locked.run(12)
    assert names(locked.at_host) == ["Opened", "Closed", "Opened"]
    assert locked.at_client[at] == [Opened(HOST)]


def test_a_client_believes_nothing_before_it_is_accepted() -> None:
    client = Joining(DEVICE, Settings(), Random(1).randbytes, 0.0)
    client.outbox.clear()
    for datagram in (
        encode([Data(0, (NOTE,)), RetransmitRequest(0), SessionReset(), ByeReply()]),
        encode([Nak(NakReason.NOT_SUPPORTED, b"\x20\0\0\0")]),
        b"MIDI\x99\0\0\0",
        b"junk",
    ):
        client.receive(datagram, 0.1)
    assert (client.outbox, client.events) == ([], [])
    client.receive(encode([Pending(HOST)] * 9), 0.2)
    client.receive(encode([Ping(3)]), 0.3)
    assert client.outbox == [encode([PingReply(3)])]
    client.receive(encode([Ping(number) for number in range(100)]), 0.35)
    assert len(client.outbox) == 10
    client.receive(encode([Accepted(HOST), Data(0, (NOTE,))]), 0.4)
    assert client.events == [Opened(HOST), Received((NOTE,))]
    client.receive(encode([Accepted(HOST)] * 3), 0.5)
    assert len(client.events) == 2


def test_a_host_that_says_pending_for_ever_is_left() -> None:
    client = Joining(DEVICE, Settings(), Random(1).randbytes, 0.0)
    now = 0.0
    while not client.closed and now < 500:
        client.receive(encode([Pending(HOST)]), now)
        now += 0.5
        client.tick(now)
    assert 119 < now < 122
    assert client.events == [Closed(ByeReason.TIMEOUT, by_peer=False)]


def test_an_invitation_can_be_withdrawn_or_not_understood() -> None:
    stage = Stage(access=Access(approval=True))
    at = stage.join()
    stage.run(1)
    stage.clients[at].close(stage.now)
    stage.flush()
    stage.run(1)
    assert names(stage.at_host) == ["Invited", "Closed"]
    client = Joining(DEVICE, Settings(), Random(1).randbytes, 0.0)
    client.receive(encode([Nak(NakReason.NOT_SUPPORTED, b"\x01\x04\x02\0", "what?")]), 0.1)
    assert client.events == [Closed(ByeReason.PROTOCOL_ERROR, by_peer=True, text="what?")]


def test_a_client_like_pymidi2_that_reads_no_further_than_it_must() -> None:
    """It invites without a name, throws away what comes with the acceptance, repeats nothing, and
    answers pings only once it plays."""
    stage = Stage()
    at: Address = ("192.0.2.30", 6000)
    stage.forge(at, raw=b"MIDI\x01\0\0\0")
    assert stage.thrown_at(at) == [Accepted(Identity(""))]
    stage.forge(at, Data(0, (NOTE,)))
    stage.forge(at, Data(1, (NOTE + 1,)))
    [ping] = [each for each in stage.thrown_at(at) if isinstance(each, Ping)]
    stage.forge(at, PingReply(ping.id))
    assert [event for _, event in stage.at_host] == [
        Opened(Identity("")),
        Received((NOTE,)),
        Received((NOTE + 1,)),
    ]


def test_the_owner_closes_and_a_full_waiting_line_is_said() -> None:
    stage = Stage(settings=settings(waiting_words=100))
    at = stage.join()
    stage.run(1)
    stage.host.restart(at, stage.now)
    with pytest.raises(Overloaded):
        stage.host.send(at, [NOTE] * 101, stage.now)
    stage.run(1)
    stage.host.close(at, stage.now, ByeReason.POWER_DOWN, "good night")
    stage.flush()
    stage.run(1)
    assert stage.at_client[at][-1] == Closed(ByeReason.POWER_DOWN, by_peer=True, text="good night")
    assert stage.at_host[-1] == (at, Closed(ByeReason.POWER_DOWN, by_peer=False, text="good night"))
    with pytest.raises(NotFound):
        stage.host.close(at, stage.now)
    with pytest.raises(InvalidInput):
        Stage().join(identity=Identity(""))
