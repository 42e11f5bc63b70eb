"""Ask the web: GET a page, or POST a dataclass as JSON.

    >>> from conduit.blocks import NoOp
    >>> get = HttpGetBlock("https://example.com")
    >>> page = get(NoOp())                                          # doctest: +SKIP
    >>> page.success and page.data                                  # doctest: +SKIP

What goes wrong outside is an answer, not an exception: ``success`` is false and ``reason`` says
why.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from conduit.blocks.block import Block, I
from conduit.blocks.decode import dumps
from conduit.blocks.effects import Effects, NoOp
from conduit.blocks.function import require_definition
from conduit.blocks.utility.addresses import LookUp, Reach, look_up
from conduit.blocks.utility.charset import text_of
from conduit.blocks.utility.url import WebUrl, read_url
from conduit.contracts.errors import ConduitError, ConfigError

PUBLIC = Reach()
"""The public internet and nothing of one's own network."""
LARGEST = 8 << 20
IDEMPOTENCY_KEY = "Idempotency-Key"
"""By which a server knows a request that it had already (draft-ietf-httpapi-idempotency-key-header;
the key is sent bare, as the services that had the header before the draft want it)."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile("[\t\x20-\x7e]*")
_OF_THE_CONNECTION = {
    "accept-encoding", "connection", "content-length", "expect", "host", "keep-alive",
    "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
}  # fmt: skip
"""Headers that nobody else may give: they could smuggle a second request, or unbound a reply."""


@dataclass(frozen=True, slots=True)
class HttpOperation:
    """What came of a request: a reply with status 2xx is a success.

    ``status_code`` is there whenever a server answered, ``data`` whenever a whole body came that is
    text (pages that tell of an error included), and ``reason`` when ``success`` is false.
    """

    success: bool
    status_code: int | None = None
    data: str | None = None
    reason: str | None = None


class HttpGetBlock(Block[NoOp, HttpOperation]):
    """Fetch one address.

    Args:
        url: an ``http`` or ``https`` address, without user name and password.
        headers: sent along. On a redirect to another origin only Accept, Accept-Language and
            User-Agent go with it, so that no key travels.
        timeout_seconds: for everything, from the look-up to the last byte, redirects included.
            A connection has 10 s of it at most.
        largest: bytes of the body, counted after decompression.
        redirects: how many are followed. Never one from https to http.
        allow: what may be reached; the public internet unless opened. It is asked again for every
            redirect, and the connection goes to the very address that was judged.
        look_up: how a name becomes addresses; the system's way unless given.

    The environment's proxies are used (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY; of kind
    ``http://host:port``). A proxy looks names up itself: names and literal addresses are still
    judged here, but to keep a public name from leading into the proxy's own network is left to it.
    SSL_CERT_FILE and SSL_CERT_DIR say which authorities are trusted. No cookies are kept.

    Text is what decodes in the declared charset (a byte-order mark goes before it; UTF-8 where none
    is declared) without NUL characters. Any other body is a failure.

    Raises ``InvalidInput`` for an impossible URL and ``ConfigError`` for impossible settings.
    """

    name = "http.get"
    summary = "Fetch a web page or a document as text"
    permission = "http.get"
    effects = Effects.NETWORK

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 30.0,
        largest: int = LARGEST,
        redirects: int = 5,
        allow: Reach = PUBLIC,
        look_up: LookUp = look_up,
    ) -> None:
        self._client = _Client(
            read_url(url),
            tuple((headers or {}).items()),
            timeout_seconds,
            largest,
            redirects,
            allow,
            look_up,
        )

    async def forward(self, data: NoOp) -> HttpOperation:
        """Never raises for what goes wrong outside."""
        return await self._client.ask("GET")


class HttpPostBlock(Block[I, HttpOperation]):
    """Send a dataclass as JSON to one address.

    Takes the input's type first, then what ``HttpGetBlock`` takes. Of redirects only 303 is
    followed, as a GET without the data: any other would send the data to a place it was not meant
    for, or lose it.
    """

    name = "http.post"
    summary = "Send data as JSON to a web address"
    permission = "http.post"
    effects = Effects.NETWORK

    def __init__(
        self,
        input_type: type[I],
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 30.0,
        largest: int = LARGEST,
        redirects: int = 5,
        allow: Reach = PUBLIC,
        look_up: LookUp = look_up,
    ) -> None:
        self.input_type, self.output_type = input_type, HttpOperation
        require_definition(self)
        given = {name.lower() for name in headers or {}}
        json = {} if "content-type" in given else {"Content-Type": "application/json"}
        self._client = _Client(
            read_url(url),
            tuple({**json, **(headers or {})}.items()),
            timeout_seconds,
            largest,
            redirects,
            allow,
            look_up,
        )

    async def forward(self, data: I) -> HttpOperation:
        """Never raises for what goes wrong outside."""
        try:
            body = dumps(data)
        except ConduitError as error:
            return HttpOperation(False, reason=_reason(error))
        return await self._client.ask("POST", body)


@dataclass(frozen=True, slots=True)
class _Client:
    """The settings of a block, checked once. Raises ``ConfigError``."""

    url: WebUrl
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    timeout_seconds: float
    largest: int
    redirects: int
    allow: Reach
    look_up: LookUp

    def __post_init__(self) -> None:
        if not 0 < self.timeout_seconds < math.inf:
            raise ConfigError("timeout_seconds must be more than 0 and finite", where="http")
        if self.largest < 1 or self.redirects < 0:
            raise ConfigError("largest must be at least 1, redirects at least 0", where="http")
        for name, value in self.headers:
            if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
                raise ConfigError(f"the header {name!r:.60} cannot be sent", where="http")
            if name.lower() in _OF_THE_CONNECTION:
                raise ConfigError(f"the header {name} is not for you to set", where="http")

    async def ask(self, method: Literal["GET", "POST"], body: bytes | None = None) -> HttpOperation:
        from conduit.blocks.utility.fetch import Exchange, Limits, Request, phrase

        exchange = Exchange(
            Request(method, self.url, self.headers, body),
            Limits(self.timeout_seconds, largest=self.largest, redirects=self.redirects),
            self.allow,
            self.look_up,
        )
        try:
            reply = await exchange.run()
            data = text_of(reply.body, reply.content_type)
        except ConduitError as error:
            said = _reason(error)
            if exchange.status is not None and exchange.status >= 400:
                said = f"answered {phrase(exchange.status)}; {said}"
            return HttpOperation(False, exchange.status, reason=said)
        if 200 <= reply.status < 300:
            return HttpOperation(True, reply.status, data)
        return HttpOperation(False, reply.status, data, f"answered {phrase(reply.status)}")


def with_key(headers: Iterable[tuple[str, str]], key: str) -> tuple[tuple[str, str], ...]:
    """Headers with an idempotency key, if there is one and they have none of their own."""
    given = tuple(headers)
    if not key or any(name.lower() == IDEMPOTENCY_KEY.lower() for name, _ in given):
        return given
    return (*given, (IDEMPOTENCY_KEY, key))


def _reason(error: ConduitError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message
