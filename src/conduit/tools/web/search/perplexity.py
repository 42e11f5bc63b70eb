"""Perplexity as a tool: an answer that cites its sources.

``POST https://api.perplexity.ai/chat/completions`` with one message; ``search_results`` are the
sources with their titles, ``citations`` the addresses alone, which older replies have only."""

from __future__ import annotations

from typing import Any

from conduit.blocks.utility.asking import Asking, text
from conduit.tools.web.search.provider import (
    Found,
    Hit,
    Provider,
    Query,
    answer,
    hits,
    objects,
    url,
)

_MOST_CITATIONS = 100


def ask(query: Query, key: str, model: str) -> Asking:
    body = {"model": model, "messages": [{"role": "user", "content": query.text}]}
    return Asking(
        "POST", "/chat/completions", headers={"Authorization": f"Bearer {key}"}, body=body
    )


def read(reply: Any, count: int) -> Found:
    results = [
        Hit(
            text(each.get("title")),
            url(each.get("url")),
            text(each.get("snippet")),
            text(each.get("date")),
        )
        for each in objects(reply, "search_results")
    ]
    listed = reply.get("citations") if isinstance(reply, dict) else None
    cited = [url(each) for each in listed] if isinstance(listed, list) else []
    cited = cited or [hit.url for hit in results]
    found = results or [Hit(each, each, "") for each in cited]
    said = ""
    for choice in objects(reply, "choices"):
        message = choice.get("message")
        said = answer(message.get("content")) if isinstance(message, dict) else ""
        break
    return Found(hits(found, count), said, tuple(cited[:_MOST_CITATIONS]))


PERPLEXITY = Provider(
    name="perplexity",
    title="Perplexity",
    variable="PERPLEXITY_API_KEY",
    url="https://api.perplexity.ai",
    ask=ask,
    read=read,
    longest_query=4000,
    model="sonar",
    patience_s=60.0,
)
