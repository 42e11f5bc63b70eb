"""SearXNG, which people run for themselves: ``GET /search?q=…&format=json``.

The format ``json`` must be switched on in its ``settings.yml`` (``search: formats``); without that
it answers 403. It has no parameter for how many results: the first ones are taken."""

from __future__ import annotations

from typing import Any, Final

from conduit.blocks.utility.asking import Asking
from conduit.tools.web.search.provider import Found, Names, Provider, Query, listed

_NAMES: Final = Names("title", "url", "content", ("publishedDate",))


def ask(query: Query, key: str, model: str) -> Asking:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return Asking("GET", "/search", query={"q": query.text, "format": "json"}, headers=headers)


def read(reply: Any, count: int) -> Found:
    return listed(reply, "results", _NAMES, count)


SEARXNG = Provider(
    name="searxng",
    title="SearXNG",
    variable="SEARXNG_URL",
    url="",
    ask=ask,
    read=read,
    longest_query=2048,
)
