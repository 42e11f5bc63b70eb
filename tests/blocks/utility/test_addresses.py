"""Where requests may go: every range, every way to write an address, every look-up judged."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conduit.blocks.utility.addresses import LookUp, Reach, Scope, judge, look_up
from conduit.contracts.errors import ConfigError, Forbidden, Unavailable
from tests.blocks.utility.hostile import until

PUBLIC = ["93.184.215.14", "8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e"]
PRIVATE = {
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "10.0.0.1": "private",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.168.1.1": "private",
    "100.64.0.1": "behind carrier-grade NAT",
    "100.127.255.254": "behind carrier-grade NAT",
    "::1": "loopback",
    "fc00::1": "private",
    "fd12:3456::1": "private",
    "::ffff:127.0.0.1": "loopback",
    "64:ff9b::10.0.0.1": "private",
}
CLOSED = {
    "0.0.0.0": "unspecified",
    "0.1.2.3": "unspecified",
    "::": "unspecified",
    "169.254.0.1": "link-local",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "2606:4700::1%1": "link-local",
    "224.0.0.1": "multicast",
    "ff02::1": "multicast",
    "255.255.255.255": "reserved",
    "240.0.0.1": "reserved",
    "192.0.0.8": "reserved",
    "198.18.0.1": "reserved",
    "203.0.113.9": "for documentation",
    "2001:db8::1": "for documentation",
    "2002:7f00:1::": "a tunnel",
    "2001:0:7f00:1::": "a tunnel",
    "::127.0.0.1": "reserved",
    "fec0::1": "reserved",
    "4000::1": "reserved",
    "64:ff9b:1::1": "reserved",
    "169.254.169.254": "a cloud's metadata service",
    "fd00:ec2::254": "a cloud's metadata service",
    "100.100.100.200": "a cloud's metadata service",
    "168.63.129.16": "a cloud's metadata service",
    "192.0.0.192": "a cloud's metadata service",
    "::ffff:169.254.169.254": "a cloud's metadata service",
}
v4 = st.ip_addresses(v=4)
v6 = st.ip_addresses(v=6)


@pytest.mark.parametrize("text", PUBLIC)
def test_the_public_internet_is_open(text: str) -> None:
    assert judge(ip_address(text)).scope is Scope.PUBLIC


@pytest.mark.parametrize(("text", "word"), PRIVATE.items())
def test_what_is_at_home_is_private(text: str, word: str) -> None:
    judged = judge(ip_address(text))
    assert (judged.scope, judged.word) == (Scope.PRIVATE, word)


@pytest.mark.parametrize(("text", "word"), CLOSED.items())
def test_what_nobody_should_reach_is_closed(text: str, word: str) -> None:
    judged = judge(ip_address(text))
    assert (judged.scope, judged.word) == (Scope.CLOSED, word)


@given(v4 | v6)
@example(IPv4Address("192.88.99.1"))
@example(IPv6Address("2001:4:112::1"))
def test_nothing_is_public_that_the_standard_library_knows_as_special(
    address: IPv4Address | IPv6Address,
) -> None:
    if judge(address).scope is Scope.PUBLIC:
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        plain = mapped or address
        nat64 = isinstance(plain, IPv6Address) and plain in IPv6Network("64:ff9b::/96")
        assert nat64 or plain.is_global
        assert not any((plain.is_multicast, plain.is_loopback, plain.is_link_local))
        assert not any((plain.is_private, plain.is_unspecified))


@given(v4)
@example(IPv4Address("127.0.0.1"))
@example(IPv4Address("169.254.169.254"))
@example(IPv4Address("8.8.8.8"))
def test_an_ipv4_address_is_the_same_inside_an_ipv6_one(address: IPv4Address) -> None:
    mapped = IPv6Address(int(IPv6Address("::ffff:0:0")) | int(address))
    nat64 = IPv6Address(int(IPv6Address("64:ff9b::")) | int(address))
    assert judge(mapped) == judge(nat64) == judge(address)


@given(v4, st.integers(0, (1 << 80) - 1))
def test_tunnels_are_closed_whatever_they_carry(carried: IPv4Address, rest: int) -> None:
    sixtofour = IPv6Address((0x2002 << 112) | (int(carried) << 80) | rest)
    teredo = IPv6Address((0x20010000 << 96) | (rest << 16 & ((1 << 96) - 1)) | int(carried))
    assert sixtofour.sixtofour == carried
    assert teredo.teredo is not None
    assert judge(sixtofour).scope is judge(teredo).scope is Scope.CLOSED


@given(v6, st.text("abcdefgh0123456789", min_size=1, max_size=8))
def test_a_zone_closes_any_address(address: IPv6Address, zone: str) -> None:
    assert judge(IPv6Address(f"{address}%{zone}")).scope is Scope.CLOSED


def found(*texts: str) -> LookUp:
    async def look_up(host: str) -> tuple[str, ...]:
        return texts

    return look_up


async def test_a_public_name_leads_to_its_addresses() -> None:
    pinned = await Reach().resolve("example.org", found(*PUBLIC, PUBLIC[0]))
    assert pinned == tuple(PUBLIC)


@pytest.mark.parametrize("inside", [*PRIVATE, *CLOSED])
async def test_one_address_out_of_reach_refuses_the_name(inside: str) -> None:
    with pytest.raises(Forbidden, match=r"^evil\.example leads to an address that is"):
        await Reach().resolve("evil.example", found("8.8.8.8", inside, "1.1.1.1"))


@pytest.mark.parametrize("private", [("*",), ("db.internal",), ("*.internal",), ("DB.Internal.",)])
async def test_private_is_opened_on_purpose(private: tuple[str, ...]) -> None:
    reach = Reach(private=private)
    assert await reach.resolve("db.internal", found("10.0.0.5")) == ("10.0.0.5",)


@pytest.mark.parametrize("address", [*CLOSED])
async def test_nothing_opens_what_is_closed(address: str) -> None:
    reach = Reach(private=("*", "db.internal"))
    with pytest.raises(Forbidden) as caught:
        await reach.resolve("db.internal", found(address))
    assert caught.value.hint == "such addresses are never opened"


@pytest.mark.parametrize("private", [(), ("other.internal",), ("*.db.internal",), ("internal",)])
async def test_what_is_opened_for_one_name_stays_shut_for_another(private: tuple[str, ...]) -> None:
    with pytest.raises(Forbidden) as caught:
        await Reach(private=private).resolve("db.internal", found("10.0.0.5"))
    assert caught.value.hint == "Reach(private=('db.internal',)) opens it on purpose"


@pytest.mark.parametrize(
    ("hosts", "host", "allowed"),
    [
        (("api.example.org",), "api.example.org", True),
        (("api.example.org",), "example.org", False),
        (("*.example.org",), "api.example.org", True),
        (("*.example.org",), "a.b.example.org", True),
        (("*.example.org",), "example.org", False),
        (("*.example.org",), "evilexample.org", False),
        (("example.org",), "example.org.evil.net", False),
        ((), "example.org", False),
        (("8.8.8.8", "2606:4700:4700::1111"), "2606:4700:4700::1111", True),
        (("bücher.example",), "xn--bcher-kva.example", True),
    ],
)
async def test_only_the_named_hosts_may_be_asked(
    hosts: tuple[str, ...], host: str, allowed: bool
) -> None:
    reach = Reach(hosts=hosts)
    if allowed:
        assert await reach.resolve(host, found("8.8.8.8"))
    else:
        with pytest.raises(Forbidden, match="not among the hosts"):
            await reach.resolve(host, found("8.8.8.8"))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "10.1.2.3", "localhost", "app.localhost"])
def test_a_literal_address_and_localhost_are_judged_without_a_look_up(host: str) -> None:
    with pytest.raises(Forbidden):
        Reach().require_host(host)
    Reach(private=(host,)).require_host(host)


@pytest.mark.parametrize(
    ("pattern", "host", "port", "opened"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080, True),
        ("127.0.0.1:8080", "127.0.0.1", 9321, False),
        ("[::1]:8080", "::1", 8080, True),
        ("[::1]:8080", "::1", 80, False),
        ("::1", "::1", 80, True),
        ("*.internal:80", "db.internal", 80, True),
        ("*.internal:80", "db.internal", 81, False),
        ("*:443", "db.internal", 443, True),
        ("DB.internal:080", "db.internal", 80, True),
    ],
)
async def test_a_pattern_may_be_for_one_port(
    pattern: str, host: str, port: int, opened: bool
) -> None:
    home = found("10.0.0.5")
    for reach in (Reach(private=(pattern,)), Reach((pattern,), (pattern,))):
        if opened:
            assert await reach.on(port).resolve(host, home)
        else:
            with pytest.raises(Forbidden):
                await reach.on(port).resolve(host, home)
        with pytest.raises(Forbidden):
            await Reach((pattern,)).on(port).resolve(host, home)  # named, and yet private


def test_a_pattern_for_a_port_fits_nothing_until_the_port_is_said() -> None:
    with pytest.raises(Forbidden, match="not among the hosts"):
        Reach(("example.org:80",)).require_host("example.org")


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "*.",
        "a.*.b",
        "https://example.org",
        "example.org:0",
        "example.org:65536",
        "example.org:x",
        ":80",
        "a b",
        "*example",
        "127.1",
        "a/b",
    ],
)
def test_a_pattern_that_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError, match="is not a host pattern"):
        Reach(hosts=(pattern,))


@pytest.mark.parametrize("answer", [(), tuple(f"8.8.4.{n}" for n in range(65)), ("not one",)])
async def test_an_absurd_answer_is_refused(answer: tuple[str, ...]) -> None:
    with pytest.raises(Unavailable):
        await Reach().resolve("example.org", found(*answer))


async def test_the_system_looks_names_up() -> None:
    try:
        known = {str(each[4][0]) for each in socket.getaddrinfo("localhost", None)}
    except OSError:  # a machine without /etc/hosts
        known = set()
    if known:
        assert set(await look_up("localhost")) <= known
    with pytest.raises(Unavailable, match=r"^nowhere\.invalid has no address"):
        await look_up("nowhere.invalid")


async def test_look_ups_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    answered, begun = threading.Event(), []

    def wait(host: str, *_: object, **__: object) -> list[object]:
        begun.append(host)
        assert answered.wait(20)
        return [(0, 0, 0, "", ("8.8.8.8", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    calls = [asyncio.create_task(look_up(f"{n}.example")) for n in range(300)]
    await until(lambda: len(begun) == 128)
    await asyncio.sleep(0.05)
    assert len(begun) == 128
    answered.set()
    assert await asyncio.gather(*calls) == [("8.8.8.8",)] * 300


def test_a_look_up_that_hangs_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    end = threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        end.wait(40)
        return []

    async def impatient() -> None:
        async with asyncio.timeout(0.05):
            await look_up("slow.example")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(impatient())
    assert time.monotonic() - begun < 20
    waiting = [thread for thread in threading.enumerate() if thread.name == "look-up"]
    assert all(thread.daemon for thread in waiting)  # nor the end of the process
    assert waiting
    end.set()
