"""A connected socket to an origin: names looked up, addresses tried, TLS prepared."""

from __future__ import annotations

import asyncio
import functools
import itertools
import socket
import ssl
from collections.abc import Sequence

from conduit.models.transport.request_head import Origin

_NAME_KEPT_S = 10.0
_NEXT_ADDRESS_S = 0.25
"""A head start for each address before the next is tried beside it (RFC 8305, section 5)."""

_Address = tuple[int, tuple[str, int]]


class Dialer:
    """Opens sockets; keeps what names led to for a few seconds, so that a burst of requests asks
    the resolver little."""

    def __init__(self) -> None:
        self._known: dict[Origin, tuple[float, Sequence[_Address]]] = {}

    async def dial(self, origin: Origin) -> socket.socket:
        """A connected socket, without Nagle's delay. Raises ``OSError``."""
        addresses = await self._look_up(origin)
        try:
            if len(addresses) == 1:
                return await _connect(addresses[0])
            return await _connect_first(addresses)
        except OSError:
            self._known.pop(origin, None)
            raise

    async def _look_up(self, origin: Origin) -> Sequence[_Address]:
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                socket.inet_pton(family, origin.host)
            except OSError:
                continue
            return ((family, (origin.host, origin.port)),)
        loop = asyncio.get_running_loop()
        now = loop.time()
        until, addresses = self._known.get(origin, (0.0, ()))
        if now < until:
            return addresses
        found = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        addresses = _taking_turns([(each[0], (str(each[4][0]), origin.port)) for each in found])
        self._known[origin] = (now + _NAME_KEPT_S, addresses)
        return addresses


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Certificates and names are verified against this machine's authorities. One for the whole
    process: to make it takes 20 ms, and it holds all of them."""
    context = ssl.create_default_context()
    speak_http_1(context)
    return context


def speak_http_1(context: ssl.SSLContext) -> None:
    """Agree on nothing newer (RFC 7301): some servers choose HTTP/2 where nothing is said."""
    context.set_alpn_protocols(["http/1.1"])


def _taking_turns(addresses: list[_Address]) -> Sequence[_Address]:
    """The families in turn, the resolver's first one first, so that a broken IPv6 costs one try."""
    first = [each for each in addresses if each[0] == addresses[0][0]]
    other = [each for each in addresses if each[0] != addresses[0][0]]
    paired = itertools.zip_longest(first, other)
    return tuple(each for pair in paired for each in pair if each is not None)


async def _connect(address: _Address) -> socket.socket:
    family, where = address
    connecting = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        connecting.setblocking(False)
        connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(connecting, where)
    except BaseException:
        connecting.close()
        raise
    return connecting


async def _connect_first(addresses: Sequence[_Address]) -> socket.socket:
    """Whichever address answers first; each gets a head start on the next."""
    tries: set[asyncio.Task[socket.socket]] = set()
    error: BaseException = OSError("no address")
    rest = iter(addresses)
    try:
        while True:
            following = next(rest, None)
            if following is not None:
                tries.add(asyncio.create_task(_connect(following)))
            elif not tries:
                raise error
            wait_s = None if following is None else _NEXT_ADDRESS_S
            done, _ = await asyncio.wait(tries, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                tries.discard(each)
                failed = each.exception()
                if failed is None:
                    return each.result()
                error = failed
    finally:
        for each in tries:
            each.cancel()
            each.add_done_callback(_close_unwanted)


def _close_unwanted(late: asyncio.Task[socket.socket]) -> None:
    """It may have connected before it could be stopped."""
    if not late.cancelled() and late.exception() is None:
        late.result().close()
