"""Brave Search: ``GET https://api.search.brave.com/res/v1/web/search?q=…&count=…``.

A query has 400 letters and 50 words at most; snippets hold ``<strong>`` and references."""

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

_MOST_WORDS = 50


def ask(query: Query, key: str, model: str) -> Asking:
    words = " ".join(query.text.split()[:_MOST_WORDS])
    return Asking(
        "GET",
        "/res/v1/web/search",
        query={"q": words, "count": str(query.count)},
        headers={"X-Subscription-Token": key},
    )


def read(reply: Any, count: int) -> Found:
    web = reply.get("web") if isinstance(reply, dict) else None
    found = (
        Hit(
            text(each.get("title")),
            url(each.get("url")),
            text(each.get("description")),
            text(each.get("page_age")) or text(each.get("age")),
        )
        for each in objects(web, "results")
    )
    return Found(hits(found, count))


BRAVE = Provider(
    name="brave",
    title="Brave Search",
    variable="BRAVE_API_KEY",
    url="https://api.search.brave.com",
    ask=ask,
    read=read,
    longest_query=400,
)
