"""Brave Search: ``GET https://api.search.brave.com/res/v1/web/search?q=…&count=…``.

A query has 400 letters and 50 words at most; snippets hold ``<strong>`` and references."""

from __future__ import annotations

from typing import Any, Final

from conduit.blocks.utility.asking import Asking
from conduit.tools.web.search.provider import Found, Names, Provider, Query, listed

_MOST_WORDS = 50
_NAMES: Final = Names("title", "url", "description", ("page_age", "age"))


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
    return listed(web, "results", _NAMES, count)


BRAVE = Provider(
    name="brave",
    title="Brave Search",
    variable="BRAVE_API_KEY",
    url="https://api.search.brave.com",
    ask=ask,
    read=read,
    longest_query=400,
)
