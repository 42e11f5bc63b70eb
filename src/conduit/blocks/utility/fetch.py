"""One request and its reply over HTTP, within limits that hold against a hostile server.

Every hop is checked before it is made, redirects included: where it leads, whether it may, and
which headers still belong there. Bytes are counted after decompression. Nothing is kept between
two exchanges: no cookies, no connections, no looked-up names.

Loaded on first use, because aiohttp takes longer to import than all of Conduit.
"""

from __future__ import annotations

import asyncio
import http
import os
import socket
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Literal
from urllib.request import getproxies_environment, proxy_bypass

import aiohttp
import yarl
from aiohttp.abc import AbstractResolver, ResolveResult

from conduit import __version__
from conduit.blocks.utility.addresses import LookUp, Reach
from conduit.blocks.utility.url import WebUrl, bracketed, host_of
from conduit.contracts.errors import (
    ConduitError,
    Forbidden,
    InvalidInput,
    TimedOut,
    TooLarge,
    Unavailable,
)

Header = tuple[str, str]
Method = Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]

_REDIRECTS = (301, 302, 303, 307, 308)
_ONLY_ASKS = ("GET", "HEAD", "OPTIONS")
_TRAVELS = {"accept", "accept-language", "user-agent"}
"""Headers that may follow to another origin. Any other might be a key."""
_DESCRIBES_BODY = {"content-type", "content-language"}
_PIECE = 1 << 18
_GZIP = 16 + zlib.MAX_WBITS
_MANY_MEMBERS, _SMALL_MEMBER = 1024, 4096
"""A member costs 20 bytes to send and 30 µs to begin, so many small ones are an attack."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to send, and where. ``body`` is for methods that change something."""

    method: Method
    url: WebUrl
    headers: tuple[Header, ...] = ()
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What an exchange may take. Seconds, bytes of the decompressed body, and hops."""

    total_s: float = 30.0
    """From the first look-up to the last byte: a slow drip is never silent."""
    connect_s: float = 10.0
    largest: int = 8 << 20
    redirects: int = 5
    cut: bool = False
    """A larger body is cut off there, instead of refused."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply, of any status. ``content_type`` and ``retry_after`` are the headers as they
    came, ``url`` is where it came from, after all redirects. ``headers`` are all that came;
    ``truncated`` says that the body was cut off."""

    status: int
    content_type: str
    body: bytes
    url: WebUrl
    retry_after: str = ""
    headers: tuple[Header, ...] = ()
    truncated: bool = False


class Exchange:
    """One request, with the redirects it takes. ``status`` is the last one seen, even where ``run``
    raises."""

    def __init__(self, request: Request, limits: Limits, reach: Reach, look_up: LookUp) -> None:
        self.status: int | None = None
        self._request = request
        self._limits = limits
        self._reach = reach
        self._look_up = look_up

    async def run(self) -> Reply:
        """Send, follow redirects, and read the body.

        Raises ``Unavailable`` (no address, no connection, no trust, no HTTP), ``TimedOut``,
        ``TooLarge``, ``Forbidden`` (out of reach, or a redirect that is not followed).
        """
        try:
            async with asyncio.timeout(self._limits.total_s):
                return await self._follow()
        except TimeoutError:
            raise TimedOut(f"no complete reply within {self._limits.total_s:g} s") from None

    async def _follow(self) -> Reply:
        request = self._request
        pins = _Pins()
        async with _session(pins, self._limits) as session:
            for _ in range(self._limits.redirects + 1):
                proxy = await self._route(request.url, pins)
                async with _sent(session, request, proxy) as response:
                    self.status = response.status
                    location = response.headers.get("Location")
                    if response.status not in _REDIRECTS or location is None:
                        return await self._read(response, request.url)
                request = _redirected(request, response.status, location)
        raise Forbidden(f"more than {self._limits.redirects} redirects, the last to {request.url}")

    async def _route(self, url: WebUrl, pins: _Pins) -> yarl.URL | None:
        """Pin the addresses that the next hop connects to; returns the proxy, if one is used.

        A proxy does the look-up itself, so only names and literal addresses are judged then.
        """
        proxy = _proxy_for(url)
        reach = self._reach.on(url.port)
        if proxy is None:
            pins.set(url.host, await reach.resolve(url.host, self._look_up))
            return None
        reach.require_host(url.host)
        at_home = Reach(private=("*",))  # the operator names the proxy, and it is often a neighbour
        host = proxy.raw_host or ""
        pins.set(host, await at_home.resolve(host_of(bracketed(host)), self._look_up))
        return proxy

    async def _read(self, response: aiohttp.ClientResponse, url: WebUrl) -> Reply:
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("identity", "", "gzip", "x-gzip"):
            raise Unavailable("the reply is compressed in a way that was not asked for")
        gzip = _Gunzip() if encoding.endswith("gzip") else None
        too_large = TooLarge(f"the body exceeds {self._limits.largest} bytes")
        # Also what arrives is bounded, because compressed data may hold any amount of nothing.
        most_received = self._limits.largest + (self._limits.largest >> 6) + 1024
        cut, truncated = self._limits.cut, False
        has_none = response.method == "HEAD"
        if (response.content_length or 0) > most_received and not (cut or has_none):
            raise too_large
        body, received = bytearray(), 0
        with _errors_of_the_tree(url):
            while not truncated and (data := await response.content.readany()):
                received += len(data)
                for piece in gzip.feed(data) if gzip else (data,):
                    body += piece
                    if len(body) > self._limits.largest:
                        if not cut:
                            raise too_large
                        del body[self._limits.largest :]
                        truncated = True
                        break
                    await asyncio.sleep(0)  # so that time can run out between two pieces
                if received > most_received:
                    if not cut:
                        raise too_large
                    truncated = True
        if gzip and not gzip.complete and not (truncated or has_none):
            raise Unavailable("the compressed reply breaks off")
        headers = response.headers
        return Reply(
            response.status,
            headers.get("Content-Type", ""),
            bytes(body),
            url,
            headers.get("Retry-After", ""),
            tuple(headers.items()),
            truncated,
        )


class _Gunzip:
    """Gzip, piece by piece: a small input cannot become more than a piece before it is counted."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._members = 1
        self._received = 0

    @property
    def complete(self) -> bool:
        return self._member.eof or not self._received

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._received += len(data)
        while data:
            if self._member.eof:  # RFC 1952 lets members follow each other
                self._member = zlib.decompressobj(_GZIP)
                self._members += 1
                if self._members > _MANY_MEMBERS + self._received // _SMALL_MEMBER:
                    raise Unavailable("the compressed reply is in too many parts")
            try:
                piece = self._member.decompress(data, _PIECE)
            except zlib.error:
                raise Unavailable("the reply says it is gzip, and is not") from None
            yield piece
            data = self._member.unconsumed_tail or self._member.unused_data


class _Pins(AbstractResolver):
    """The addresses that were judged, and no others: aiohttp never looks a name up by itself."""

    def __init__(self) -> None:
        self._addresses: dict[str, tuple[str, ...]] = {}

    def set(self, host: str, addresses: tuple[str, ...]) -> None:
        self._addresses[host] = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        if host not in self._addresses:
            raise OSError(f"{host} has not been judged")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses[host]
        ]

    async def close(self) -> None:
        self._addresses.clear()


@asynccontextmanager
async def _session(pins: _Pins, limits: Limits) -> AsyncIterator[aiohttp.ClientSession]:
    # Not trust_env: that would also send passwords from ~/.netrc.
    async with aiohttp.ClientSession(
        auto_decompress=False,
        connector=aiohttp.TCPConnector(force_close=True, use_dns_cache=False, resolver=pins),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=limits.connect_s),
        headers={"Accept-Encoding": "gzip", "User-Agent": f"conduit/{__version__}"},
    ) as session:
        yield session


@asynccontextmanager
async def _sent(
    session: aiohttp.ClientSession, request: Request, proxy: yarl.URL | None
) -> AsyncIterator[aiohttp.ClientResponse]:
    url = request.url
    with _errors_of_the_tree(url):
        response = await session.request(
            request.method,
            as_yarl(url),
            data=request.body,
            headers=request.headers,
            proxy=proxy,
            allow_redirects=False,
        )
    try:
        yield response
    finally:
        response.close()  # whatever is still to come is not wanted


def as_yarl(url: WebUrl) -> yarl.URL:
    """An address for aiohttp, put together from parts, so that nothing is read anew."""
    return yarl.URL.build(
        scheme=url.scheme,
        authority=f"{bracketed(url.host)}:{url.port}",
        path=url.path,
        query_string=url.query,
        encoded=True,
    )


def _redirected(request: Request, status: int, location: str) -> Request:
    """The request that a redirect asks for. Raises ``Forbidden``, or ``Unavailable``.

    What changes something follows only 303, as a GET without its body: any other redirect would
    either send the data to another place than it was meant for or lose it, depending on who reads
    the standard.
    """
    here = request.url
    try:
        there = here.joined(location)
    except InvalidInput as error:
        raise Unavailable(f"{here} redirects to nowhere: {error.message}") from None
    asks = request.method in _ONLY_ASKS
    if not asks and status != 303:
        raise Forbidden(
            f"{here} redirects the data to {there}", hint="send it to that address if it is right"
        )
    if here.scheme == "https" and there.scheme == "http":
        raise Forbidden(f"{here} redirects to {there}, which is not encrypted")
    kept = request.headers
    if there.origin != here.origin:
        kept = tuple(h for h in kept if h[0].lower() in _TRAVELS)
    if not asks:
        kept = tuple(h for h in kept if h[0].lower() not in _DESCRIBES_BODY)
    method = request.method if asks else "GET"
    return replace(request, method=method, url=there, headers=kept, body=None)


def _proxy_for(url: WebUrl) -> yarl.URL | None:
    """The proxy that HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY name for an address."""
    proxies = getproxies_environment()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(f"{url.host}:{url.port}"):
        return None
    try:
        read = yarl.URL(proxy if "://" in proxy else f"http://{proxy}")
        known = read.scheme == "http" and read.raw_host and read.port
    except ValueError:
        raise Unavailable("the proxy in the environment is not an address") from None
    if not known:
        raise Unavailable(
            "the proxy in the environment is of an unknown kind", hint="http://host:port is known"
        )
    return read


@contextmanager
def _errors_of_the_tree(url: WebUrl) -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, OSError) as error:
        raise _named(error, url) from None


def _named(error: aiohttp.ClientError | OSError, url: WebUrl) -> ConduitError:
    """What went wrong, in words of ours: those of the library may hold the query or a password."""
    where = f"{url.scheme}://{url.authority}"
    match error:
        case aiohttp.ConnectionTimeoutError():
            return TimedOut(f"no connection to {where} in time")
        case aiohttp.ClientConnectorCertificateError():
            why = getattr(error.certificate_error, "verify_message", "")
            return Unavailable(
                f"the certificate of {where} is not trusted{why and f': {why:.200}'}",
                hint="SSL_CERT_FILE names the authorities that are trusted",
            )
        case aiohttp.ClientConnectorSSLError():
            return Unavailable(f"no TLS connection to {where}")
        case aiohttp.ClientHttpProxyError():
            return Unavailable(f"the proxy refused to connect to {where}: {phrase(error.status)}")
        case aiohttp.ClientProxyConnectionError():
            return Unavailable("the proxy in the environment does not answer")
        case aiohttp.ClientConnectorError():
            number = error.errno
            reason = os.strerror(number) if number else "none of its addresses answers"
            return Unavailable(f"cannot connect to {where}: {reason}")
        case aiohttp.ClientResponseError():
            return Unavailable(f"{where} does not speak HTTP, or its headers are too large")
        case aiohttp.ClientPayloadError():
            return Unavailable(f"the reply of {where} breaks off, or is not HTTP")
    return Unavailable(f"{where} dropped the connection")


def phrase(status: int) -> str:
    """A status as people know it: ``404 Not Found``."""
    try:
        return f"{status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
