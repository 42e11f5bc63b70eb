"""aiohttp as the transport: more widely used than our own, and several times slower."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Literal

from conduit.models.exchange import Header
from conduit.models.transport.failures import Failures
from conduit.models.transport.request_head import check_headers
from conduit.models.transport.transport import Limits, Reply

if TYPE_CHECKING:
    import aiohttp


class AiohttpTransport:
    """aiohttp underneath, imported on first use because that takes longer than all of Conduit.

    Redirects are not followed (a key must not travel), cookies are not kept, and replies are asked
    for uncompressed, so that a small reply cannot become a large one.

    The session belongs to the event loop of the first request; after ``aclose`` another loop may
    begin anew.
    """

    def __init__(self, provider: str, limits: Limits) -> None:
        self._failures = Failures(provider, limits)
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def open(
        self, method: Literal["GET", "POST"], url: str, headers: tuple[Header, ...], body: bytes
    ) -> AsyncIterator[Reply]:
        """See ``Transport.open``."""
        from yarl import URL

        check_headers(headers)
        session = self._open_session()
        with self._errors_of_the_tree():
            # What is percent-encoded may be signed: it is sent as it stands.
            address = URL(url, encoded="%" in url)
            response = await session.request(
                method, address, data=body or None, headers=headers, allow_redirects=False
            )
        try:
            encoding = response.headers.get("Content-Encoding", "identity").lower()
            if encoding != "identity":
                raise self._failures.compressed(encoding)
            yield _AiohttpReply(self, response)
        finally:
            # A body read to its end has given its connection back already; any other is cut.
            response.close()

    async def aclose(self) -> None:
        """See ``Transport.aclose``."""
        session, self._session, self._loop = self._session, None, None
        if session is not None:
            await session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None:
            self._session, self._loop = _new_session(self._limits), loop
        elif self._loop is not loop:
            raise self._failures.elsewhere()
        return self._session

    @contextmanager
    def _errors_of_the_tree(self) -> Iterator[None]:
        import aiohttp

        failures = self._failures
        try:
            yield
        except aiohttp.ConnectionTimeoutError:
            raise failures.no_connection() from None
        except aiohttp.SocketTimeoutError:
            raise failures.silent() from None
        except TimeoutError:
            raise failures.too_long() from None
        except aiohttp.ClientConnectorError as error:
            raise failures.cannot_connect(error.os_error) from None
        except (aiohttp.InvalidURL, UnicodeError):
            raise failures.no_address() from None
        except aiohttp.ClientResponseError:
            raise failures.not_http() from None
        except (aiohttp.ClientError, OSError) as error:
            raise failures.dropped(type(error).__name__) from None


class _AiohttpReply:
    def __init__(self, transport: AiohttpTransport, response: aiohttp.ClientResponse) -> None:
        self._errors_of_the_tree = transport._errors_of_the_tree
        self._response = response
        self.status = response.status
        self.media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def header(self, name: str) -> str:
        return ", ".join(self._response.headers.getall(name, ()))

    async def read(self) -> bytes:
        with self._errors_of_the_tree():
            return await self._response.content.readany()


def _new_session(limits: Limits) -> aiohttp.ClientSession:
    import aiohttp

    return aiohttp.ClientSession(
        auto_decompress=False,
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept-Encoding": "identity", "User-Agent": "conduit"},
        skip_auto_headers=("Accept-Encoding",),
        timeout=aiohttp.ClientTimeout(
            total=limits.total_s, connect=limits.connect_s, sock_read=limits.silence_s
        ),
    )
