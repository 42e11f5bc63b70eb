"""Serper: Google's results. ``POST https://google.serper.dev/search``, ``{"q": …, "num": …}``."""

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
    body = {"q": query.text, "num": query.count}
    return Asking("POST", "/search", headers={"X-API-KEY": key}, body=body)


def read(reply: Any, count: int) -> Found:
    found = (
        Hit(
            text(each.get("title")),
            url(each.get("link")),
            text(each.get("snippet")),
            text(each.get("date")),
        )
        for each in objects(reply, "organic")
    )
    return Found(hits(found, count))


SERPER = Provider(
    name="serper",
    title="Serper",
    variable="SERPER_API_KEY",
    url="https://google.serper.dev",
    ask=ask,
    read=read,
    longest_query=2048,
)
