"""Serper: Google's results. ``POST https://google.serper.dev/search``, ``{"q": …, "num": …}``."""

from __future__ import annotations

from typing import Any, Final

from conduit.blocks.utility.asking import Asking
from conduit.tools.web.search.provider import Found, Names, Provider, Query, listed

_NAMES: Final = Names("title", "link", "snippet", ("date",))


def ask(query: Query, key: str, model: str) -> Asking:
    body = {"q": query.text, "num": query.count}
    return Asking("POST", "/search", headers={"X-API-KEY": key}, body=body)


def read(reply: Any, count: int) -> Found:
    return listed(reply, "organic", _NAMES, count)


SERPER = Provider(
    name="serper",
    title="Serper",
    variable="SERPER_API_KEY",
    url="https://google.serper.dev",
    ask=ask,
    read=read,
    longest_query=2048,
)
