"""SearXNG, which people run for themselves: ``GET /search?q=…&format=json``.

The format ``json`` must be switched on in its ``settings.yml`` (``search: formats``); without that
it answers 403. It has no parameter for how many results: the first ones are taken."""

from __future__ import annotations

from typing import Any

from conduit.tools.web.search.provider import (
    Asking,
    Found,
    Hit,
    Provider,
    Query,
    hits,
    objects,
    text,
    url,
)


def ask(query: Query, key: str, model: str) -> Asking:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return Asking("GET", "/search", query={"q": query.text, "format": "json"}, headers=headers)


def read(reply: Any, count: int) -> Found:
    found = (
        Hit(
            text(each.get("title")),
            url(each.get("url")),
            text(each.get("content")),
            text(each.get("publishedDate")),
        )
        for each in objects(reply, "results")
    )
    return Found(hits(found, count))


SEARXNG = Provider(
    name="searxng",
    title="SearXNG",
    variable="SEARXNG_URL",
    url="",
    ask=ask,
    read=read,
    longest_query=2048,
    needs_key=False,
)
