"""Which machines an outgoing request may reach.

A program that fetches an address somebody else wrote can be made to fetch from inside its own
network: a database next door, a cloud's metadata service, itself. So a name is looked up here,
once, every address it has is judged, and the connection goes to the judged address: a second
look-up could answer differently. ``Reach`` says what is open; by default, the public internet.

The ranges are those of the IANA special-purpose address registries (RFC 6890 and its updates).
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Self

from conduit.blocks.utility.url import bracketed, host_of
from conduit.contracts.errors import ConfigError, Forbidden, InvalidInput, Unavailable

Address = IPv4Address | IPv6Address
LookUp = Callable[[str], Awaitable[Sequence[str]]]
"""From a host name to its addresses in text. Raises ``Unavailable`` where there is none."""

_MOST_ADDRESSES = 64
_WITH_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*):(?P<port>[0-9]{1,5})")
_turns = threading.BoundedSemaphore(128)
"""How many look-ups may be under way at once, in all loops together: each has a thread."""


class Scope(enum.Enum):
    """How far away an address is."""

    PUBLIC = enum.auto()
    PRIVATE = enum.auto()
    """This machine or a network of one's own: opened by ``Reach.private`` only."""
    CLOSED = enum.auto()
    """Nothing that a request should ever be sent to, cloud metadata services above all."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What an address is, and the word for it: ``PRIVATE``, ``"loopback"``."""

    scope: Scope
    word: str


_PUBLIC = Judged(Scope.PUBLIC, "public")
_RESERVED = Judged(Scope.CLOSED, "reserved")


def _table(scope: Scope, rows: dict[str, str]) -> list[tuple[IPv4Network | IPv6Network, Judged]]:
    return [
        (ip_network(network), Judged(scope, word))
        for word, networks in rows.items()
        for network in networks.split()
    ]


_SPECIAL = [
    # First match wins, so what is closed inside an otherwise private range comes first.
    *_table(
        Scope.CLOSED,
        {
            # AWS and most others, AWS over IPv6, Google over IPv6, Alibaba, Azure, Oracle
            "a cloud's metadata service": "169.254.169.254 fd00:ec2::254 fd20:ce::254 "
            "100.100.100.200 168.63.129.16 192.0.0.192",
            "unspecified": "0.0.0.0/8 ::",
            "link-local": "169.254.0.0/16 fe80::/10",
            "multicast": "224.0.0.0/4 ff00::/8",
            "for documentation": "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 "
            "3fff::/20",
            # Obsolete ways to send packets to an IPv4 address inside the IPv6 one: Teredo, 6to4
            "a tunnel": "2001::/32 2002::/16 192.88.99.0/24",
            "reserved": "192.0.0.0/24 198.18.0.0/15 240.0.0.0/4 2001::/23",
        },
    ),
    *_table(
        Scope.PRIVATE,
        {
            "loopback": "127.0.0.0/8 ::1",
            "private": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7",
            "behind carrier-grade NAT": "100.64.0.0/10",
        },
    ),
]
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # all that IANA has given out of IPv6
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052; a provider's own prefix cannot be told apart


def judge(address: Address) -> Judged:
    """What an address is.

    An IPv6 address that stands for an IPv4 one (mapped, NAT64) is what that one is, because that is
    where the packets go. An address with a zone id is link-local by meaning.
    """
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return Judged(Scope.CLOSED, "link-local")
        if address.ipv4_mapped is not None:
            return judge(address.ipv4_mapped)
        if address in _NAT64:
            return judge(IPv4Address(int(address) & 0xFFFFFFFF))
    for network, judged in _SPECIAL:
        if address.version == network.version and address in network:
            return judged
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return _RESERVED
    return _PUBLIC


@dataclass(frozen=True, slots=True)
class Reach:
    """Where outgoing requests may go.

    Both fields hold host patterns: ``"*"`` for any, ``"*.example.org"`` for every name below
    ``example.org`` (not itself), else one name or address. With ``:8080`` after it, it is for that
    port alone.

        >>> Reach()                                           # the public internet
        Reach(hosts=('*',), private=())
        >>> Reach(hosts=("api.example.org",))                 # one public host and no other
        Reach(hosts=('api.example.org',), private=())
        >>> Reach(private=("db.internal", "127.0.0.1"))       # and these two at home
        Reach(hosts=('*',), private=('db.internal', '127.0.0.1'))
        >>> Reach(private=("127.0.0.1:8080",)).on(8080)
        Reach(hosts=('*',), private=('127.0.0.1',))

    Nothing opens link-local, multicast, unspecified and reserved addresses, and nothing opens the
    metadata services of clouds.

    Raises ``ConfigError`` for a pattern that is none.
    """

    hosts: tuple[str, ...] = ("*",)
    """The hosts that may be asked at all."""
    private: tuple[str, ...] = ()
    """Those of them that may lie on this machine or in a private network."""

    def __post_init__(self) -> None:
        for name in ("hosts", "private"):
            object.__setattr__(self, name, tuple(map(_pattern, getattr(self, name))))

    def on(self, port: int) -> Self:
        """What holds for requests to one port. A pattern for a port matches nothing until then."""
        return replace(self, hosts=_on_port(self.hosts, port), private=_on_port(self.private, port))

    def require_host(self, host: str) -> None:
        """Raise ``Forbidden`` unless a host, in its canonical form, may be asked by its name.

        This is all that can be said where a proxy does the looking up, so addresses and
        ``localhost`` are judged here too.
        """
        if not _matches(self.hosts, host):
            raise Forbidden(f"{host} is not among the hosts that may be asked")
        if (literal := _literal(host)) is not None:
            self.require_addresses(host, [literal])
        elif host == "localhost" or host.endswith(".localhost"):  # RFC 6761: always loopback
            self.require_addresses(host, [IPv4Address("127.0.0.1")])

    def require_addresses(self, host: str, addresses: Iterable[Address]) -> None:
        """Raise ``Forbidden`` unless a host may lie at every one of these addresses."""
        for address in addresses:
            judged = judge(address)
            if judged.scope is Scope.PUBLIC:
                continue
            if judged.scope is Scope.PRIVATE and _matches(self.private, host):
                continue
            where = "is" if _literal(host) else "leads to"
            raise Forbidden(
                f"{host} {where} an address that is {judged.word}",
                hint=f"Reach(private=({host!r},)) opens it on purpose"
                if judged.scope is Scope.PRIVATE
                else "such addresses are never opened",
            )

    async def resolve(self, host: str, look_up: LookUp) -> tuple[str, ...]:
        """The addresses to connect to for a host in its canonical form, each of them allowed.

        One address out of reach refuses the host: a name that mixes them is up to something.
        Raises ``Forbidden``, and ``Unavailable`` when the name has no address.
        """
        self.require_host(host)
        if _literal(host) is not None:
            return (host,)
        found = [_parsed(text) for text in await look_up(host)]
        if not found:
            raise Unavailable(f"{host} has no address")
        if len(found) > _MOST_ADDRESSES:
            raise Unavailable(f"{host} has more than {_MOST_ADDRESSES} addresses")
        self.require_addresses(host, found)
        return tuple(dict.fromkeys(map(str, found)))


async def look_up(host: str) -> tuple[str, ...]:
    """Ask the system for the addresses of a name. Raises ``Unavailable``.

    The system's call cannot be stopped, and a loop that ends waits for the threads of its pool; so
    it runs in a thread of its own, which nobody waits for when time is up.
    """
    while not _turns.acquire(blocking=False):  # noqa: ASYNC110 - a thread of any loop ends a turn
        await asyncio.sleep(0.01)
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[str, ...] | OSError] = loop.create_future()

    def settle(found: tuple[str, ...] | OSError) -> None:
        if not answer.done():
            answer.set_result(found)

    def ask() -> None:
        try:
            found: tuple[str, ...] | OSError = _ask_the_system(host)
        except (OSError, UnicodeError) as error:
            found = error if isinstance(error, OSError) else OSError(str(error))
        finally:
            _turns.release()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, found)

    try:
        threading.Thread(target=ask, name="look-up", daemon=True).start()
    except RuntimeError:
        _turns.release()
        raise Unavailable("no thread is left to look a name up in") from None
    found = await answer
    if isinstance(found, OSError):
        raise Unavailable(
            f"{host} has no address: {found.strerror or found}",
            hint="is the name right, and is this machine online?",
        )
    return found


def _ask_the_system(host: str) -> tuple[str, ...]:
    flags = socket.AI_ADDRCONFIG  # no IPv6 addresses for a machine without IPv6
    entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=flags)
    # A link-local IPv6 address keeps its zone, so that it is seen to be one.
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in entries))


def _parsed(text: str) -> Address:
    try:
        return ip_address(text)
    except ValueError:
        raise Unavailable("the look-up gave something that is no address") from None


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _pattern(text: str) -> str:
    try:
        if with_port := _WITH_PORT.fullmatch(text):
            return f"{bracketed(_host_pattern(with_port['host']))}:{_port(with_port['port'])}"
        return _host_pattern(text)
    except InvalidInput as error:
        raise ConfigError(
            f"{text!r:.80} is not a host pattern: {error.message}",
            where="Reach",
            hint="'*', '*.example.org', 'api.example.org' or '10.0.0.5:8080', without a scheme",
        ) from None


def _host_pattern(text: str) -> str:
    if text == "*":
        return text
    star, name = ("*.", text[2:]) if text.startswith("*.") else ("", text.strip("[]"))
    return star + host_of(bracketed(name))


def _port(digits: str) -> int:
    if not 0 < int(digits) < 1 << 16:
        raise InvalidInput(f"{digits} is no port")
    return int(digits)


def _on_port(patterns: tuple[str, ...], port: int) -> tuple[str, ...]:
    """Those for any port and for this one, all without it."""
    found = []
    for pattern in patterns:
        with_port = _WITH_PORT.fullmatch(pattern)
        if not with_port:
            found.append(pattern)
        elif int(with_port["port"]) == port:
            found.append(with_port["host"])
    return tuple(found)


def _matches(patterns: tuple[str, ...], host: str) -> bool:
    return any(
        pattern in ("*", host) or (pattern.startswith("*.") and host.endswith(pattern[1:]))
        for pattern in patterns
    )
