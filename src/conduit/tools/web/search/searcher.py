"""Asking a search provider over HTTP, and naming what goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from conduit.blocks import loads
from conduit.blocks.utility.addresses import LookUp, look_up
from conduit.blocks.utility.asking import Asking
from conduit.blocks.utility.retry_after import seconds_of
from conduit.blocks.utility.url import WebUrl
from conduit.blocks.utility.web_service import exchange
from conduit.contracts.errors import (
    ConduitError,
    ConfigError,
    Forbidden,
    MalformedJson,
    RateLimited,
    TooLarge,
    Unavailable,
)
from conduit.tools.web.search.provider import Found, Provider, Query
from conduit.tools.web.search.settings import SETTINGS, SearchSettings

if TYPE_CHECKING:
    from conduit.blocks.utility.fetch import Reply

_LARGEST: Final = 2 << 20
"""Bytes of a reply; twenty results are some fifty thousand."""


class Searcher:
    """Asks the one provider that is set up."""

    def __init__(self, settings: SearchSettings, look_up: LookUp = look_up) -> None:
        self._settings = settings
        self._look_up = look_up

    @property
    def name(self) -> str:
        """Of the provider; empty for none."""
        return self._settings.provider.name if self._settings.provider else ""

    def why_not(self) -> str:
        """Why nothing can be searched for; empty when it can."""
        return "" if self._settings.ready else self._settings.missing

    async def search(self, query: Query) -> Found:
        """Raises ``Unavailable``, ``TooLarge`` for a query, ``RateLimited``, ``TimedOut`` and
        ``ConfigError`` for a key that is not taken. None of them holds the key or the query."""
        provider, url = self._settings.provider, self._settings.url
        if provider is None or url is None or not self._settings.ready:
            raise Unavailable(
                self.why_not(),
                where="web.search",
                hint=f"or name a provider under web_search in {SETTINGS}",
            )
        if len(query.text) > provider.longest_query:
            raise TooLarge(
                f"{provider.title} takes {provider.longest_query} letters, and this query has "
                f"{len(query.text)}",
                where="query",
                hint="look for less at once",
            )
        asking = provider.ask(query, self._settings.key, self._settings.model)
        reply = await self._exchange(provider, url, asking)
        return provider.read(_json(provider, reply), query.count)

    async def _exchange(self, provider: Provider, url: WebUrl, asking: Asking) -> Reply:
        try:
            return await exchange(
                url,
                asking,
                patience_s=provider.patience_s,
                largest=_LARGEST,
                look_up=self._look_up,
            )
        except Forbidden:
            raise Unavailable(
                f"{provider.title} leads elsewhere, or lies where nothing may be asked",
                where="web.search",
                hint=f"check web_search.url in {SETTINGS}",
            ) from None
        except TooLarge:
            raise _bad(provider, f"its reply exceeds {_LARGEST} bytes") from None


def _json(provider: Provider, reply: Reply) -> Any:
    """What a good reply says. Raises for any other; nothing of its body is quoted, which could
    repeat the key."""
    if reply.status == 429:
        raise RateLimited(
            f"{provider.title} is asked too often",
            retry_after_s=seconds_of(reply.retry_after),
            where="web.search",
            hint="wait, or look at the plan of the key",
        )
    if reply.status in (401, 402, 403):
        raise _refused(provider, reply.status)
    if not 200 <= reply.status < 300:
        raise _bad(provider, f"it answered {reply.status}")
    try:
        said = loads(reply.body)
    except MalformedJson:
        page = reply.content_type.startswith("text/html")
        raise _bad(provider, "it sent a page, not JSON" if page else "it sent no JSON") from None
    if not isinstance(said, dict):
        raise _bad(provider, "what it sent is not its protocol")
    return said


def _refused(provider: Provider, status: int) -> ConduitError:
    if not provider.url:  # one's own, which takes no key
        return Unavailable(
            f"{provider.title} answered {status}",
            where="web.search",
            hint="is `json` among search.formats in its settings.yml?",
        )
    return ConfigError(
        f"{provider.title} does not take the key (it answered {status})",
        where="web.search",
        hint=f"check {provider.variable}, or web_search.key in {SETTINGS}, and the plan of the key",
    )


def _bad(provider: Provider, why: str) -> Unavailable:
    return Unavailable(
        f"{provider.title} gave no results: {why}",
        where="web.search",
        hint="try later; `conduit tools list` shows its state",
    )
