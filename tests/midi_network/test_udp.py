"""Host and client over real sockets, as a program uses them."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
import uvloop

from conduit.contracts.errors import (
    Forbidden,
    InvalidInput,
    NotFound,
    Overloaded,
    TimedOut,
    Unauthenticated,
    Unavailable,
)
from conduit.midi.network import (
    Access,
    Advertisement,
    ByeReason,
    Client,
    Closed,
    Connection,
    Host,
    Identity,
    Overrun,
    Received,
    Restarted,
    Settings,
    SharedSecret,
    UserPassword,
    find,
)
from conduit.midi.network.udp import connection
from tests.midi_network.proxy import Proxy
from tests.midi_network.simulated import Weather, settings

CONDUIT, PEDAL = Identity("Conduit", "conduit-1"), Identity("Pedal", "pedal-1")
NOTE = 0x20903C64


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with await Host.open(CONDUIT) as opened:
        yield opened


async def join(host: Host, chosen: Settings | None = None) -> Client:
    return await Client.open("127.0.0.1", host.port, PEDAL, settings=chosen)


async def words(joined: Connection, count: int) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        event = await asyncio.wait_for(joined.receive(), 30)
        assert isinstance(event, Received), event
        found += event.words
    return found


async def test_words_go_both_ways_and_a_goodbye_ends_it(host: Host) -> None:
    client = await join(host)
    guest = await host.accept()
    assert (client.peer, guest.peer, host.guests) == (CONDUIT, PEDAL, (guest,))
    client.send([NOTE, 0x40903C00, 0xFFFF0000])
    guest.send([0x10F80000] * 200)
    assert await words(guest, 3) == [NOTE, 0x40903C00, 0xFFFF0000]
    assert await words(client, 200) == [0x10F80000] * 200
    with pytest.raises(InvalidInput, match="cut off"):
        client.send([0x40903C00])
    client.send([NOTE])
    await client.close(text="that is all")
    assert [event async for event in guest] == [Received((NOTE,))]
    assert guest.closed == Closed(ByeReason.USER, by_peer=True, text="that is all")
    assert await client.receive() is None
    for closed in (client, guest):
        with pytest.raises(Unavailable):
            closed.send([NOTE])
    assert guest.counters.received == 3  # one of them was empty
    assert host.guests == ()


async def test_nothing_is_lost_between_two_real_sockets(host: Host) -> None:
    """5 % lost, 10 % late and out of order, 10 % twice."""
    await play_through_bad_weather(host)


def test_it_does_the_same_under_the_event_loop_of_the_server() -> None:
    async def alone() -> None:
        async with await Host.open(CONDUIT) as host:
            await play_through_bad_weather(host)

    uvloop.run(alone())


async def play_through_bad_weather(host: Host) -> None:
    proxy = Proxy(host.port, Weather(0.05, 0.1, 0.1), seed=11)
    port = await proxy.open()
    quick = settings(invitation_repeat_s=0.1, invitation_tries=100)
    client = await Client.open("127.0.0.1", port, PEDAL, settings=quick)
    guest = await host.accept()
    sent = [0x20900000 | number for number in range(600)]

    async def play(joined: Connection) -> None:
        for at in range(0, len(sent), 2):
            joined.send(sent[at : at + 2])
            await asyncio.sleep(0.001)

    playing = asyncio.gather(play(client), play(guest))
    assert await words(guest, len(sent)) == sent
    assert await words(client, len(sent)) == sent
    await playing
    assert proxy.dropped > 10
    await client.close()
    proxy.close()


@pytest.mark.parametrize(
    ("access", "credentials", "error"),
    [
        (Access(secret="hush"), None, Unauthenticated),
        (Access(secret="hush"), SharedSecret("hash"), Unauthenticated),
        (Access(users={"ada": "x"}), UserPassword("ada", "y"), Unauthenticated),
        (Access(approval=True), None, Forbidden),
        (Access(users={"ada": "x"}), UserPassword("ada", "x"), None),
    ],
)
async def test_who_may_and_who_may_not(
    access: Access,
    credentials: SharedSecret | UserPassword | None,
    error: type[Exception] | None,
) -> None:
    async with await Host.open(CONDUIT, access=access) as host:

        async def send_away() -> None:
            knock = await host.knock()
            assert knock.peer == PEDAL
            knock.refuse()
            with pytest.raises(NotFound):
                knock.accept()

        person = asyncio.create_task(send_away())
        opening = Client.open("127.0.0.1", host.port, PEDAL, credentials=credentials)
        if error is None:
            await opening
            assert (await host.accept()).user == "ada"
        else:
            with pytest.raises(error) as caught:
                await opening
            assert not any(secret in str(caught.value) for secret in ("hush", "hash"))
        person.cancel()


async def test_a_person_says_yes_and_everybody_leaves_with_the_host() -> None:
    host = await Host.open(CONDUIT, access=Access(approval=True))
    opening = asyncio.create_task(join(host))
    (await host.knock()).accept()
    client = await opening
    guest = await host.accept()
    guest.restart()
    assert await client.receive() == Restarted(by_peer=True)
    assert await guest.receive() == Restarted(by_peer=False)
    waiting = asyncio.create_task(join(host))
    await host.knock()
    await host.close()
    with pytest.raises(Unavailable, match="switched off"):
        await waiting
    assert await client.receive() is None
    assert client.closed == Closed(ByeReason.POWER_DOWN, by_peer=True)


async def test_why_a_session_does_not_come_to_be() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        port = deaf.getsockname()[1]
        impatient = settings(invitation_repeat_s=0.01, invitation_tries=2)
        with pytest.raises(TimedOut, match="does not answer"):
            await Client.open("127.0.0.1", port, PEDAL, settings=impatient)
        with pytest.raises(Unavailable, match="cannot listen"):
            await Host.open(CONDUIT, port=port)
        opening = asyncio.create_task(Client.open("127.0.0.1", port, PEDAL))
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
    # nobody listens there at all: the network says so, which anybody could, and silence decides
    with pytest.raises(TimedOut):
        await Client.open("127.0.0.1", port, PEDAL, settings=impatient)
    for name in ("no such host.invalid", "\ud800", "a\0b"):
        with pytest.raises(Unavailable, match="cannot be reached"):
            await Client.open(name, 5004, PEDAL)
    for number in (0, 70_000):
        with pytest.raises(InvalidInput, match="no port"):
            await Client.open("127.0.0.1", number, PEDAL)
    async with await Host.open(CONDUIT, settings=settings(sessions=1)) as full:
        client = await join(full)
        await full.accept()
        with pytest.raises(Overloaded):
            await join(full)
        await client.close()


async def test_more_than_fits_a_burst_is_drained(host: Host) -> None:
    client = await join(host)
    guest = await host.accept()
    sent = [0x20900000 | number for number in range(60_000)]
    for joined in (client, guest):
        joined.send(sent)
        with pytest.raises(Overloaded):
            joined.send(sent)
    await client.drain()
    await guest.drain()
    client.send([NOTE])
    assert await words(guest, 60_001) == [*sent, NOTE]
    assert await words(client, 60_000) == sent
    guest.send(sent)
    leaving = asyncio.create_task(guest.drain())
    await client.close()
    await leaving


async def test_a_reader_that_is_too_slow_is_told(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_EVENTS", 32)
    client = await join(host)
    guest = await host.accept()
    for number in range(60):
        client.send([0x20900000 | number])
    await client.close()
    assert await guest.receive() == Overrun(28)
    assert await words(guest, 32) == [0x20900000 | number for number in range(28, 60)]
    assert await guest.receive() is None


async def test_a_host_is_found_over_multicast(host: Host) -> None:
    """On the loopback, and on a port of its own, where nobody else speaks."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    label = f"Bühne {port}"
    try:
        advertisement = await Advertisement.open(
            host, label=label, interface="127.0.0.1", port=port
        )
    except Unavailable as error:
        pytest.skip(f"no multicast here: {error}")
    [service] = await find(20, interface="127.0.0.1", port=port, enough=1)
    assert (service.instance, service.identity, service.port) == (label, CONDUIT, host.port)
    client = await Client.open(service.addresses[0], service.port, PEDAL)
    await client.close()
    assert advertisement.instance == label
    await advertisement.close()
    with pytest.raises(InvalidInput, match="no label"):
        await Advertisement.open(host, label="x" * 64, interface="127.0.0.1", port=port)
    for nowhere in ("no address", "\0", "ü"):
        with pytest.raises(Unavailable, match="no multicast"):
            await find(1, interface=nowhere, port=port)
    async with await Host.open(CONDUIT, address="localhost") as named:
        assert named.address in ("127.0.0.1", "::1")


def test_sockets_are_loaded_by_who_needs_them() -> None:
    code = (
        "import sys, conduit.midi.network as n; assert 'asyncio' not in sys.modules;"
        "n.Host; assert 'asyncio' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(ImportError):
        from conduit.midi.network import Nothing  # type: ignore[attr-defined]  # noqa: F401
