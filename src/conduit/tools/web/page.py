"""Loading a page: the request, what kind of thing came, and its text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from conduit.blocks.utility.addresses import LookUp, Reach, look_up
from conduit.blocks.utility.retry_after import seconds_of
from conduit.blocks.utility.url import WebUrl, read_url
from conduit.contracts.errors import (
    Forbidden,
    InvalidInput,
    NotFound,
    RateLimited,
    Unavailable,
)

if TYPE_CHECKING:
    from conduit.tools.web.passages import Page

LARGEST: Final = 4 << 20
"""Bytes of a page, after decompression."""
_MOST_TEXT: Final = 2_000_000
_LONGEST_LINK: Final = 500
_MARKUP: Final = ("text/html", "application/xhtml+xml")
_TEXTS: Final = re.compile(
    r"text/[\w.+-]+|application/(?:json|xml|javascript|yaml|x-ndjson|[\w.-]+\+(?:json|xml))"
)
_ACCEPT: Final = "text/html, application/xhtml+xml, text/plain, application/json, */*;q=0.5"
_LOOKS_LIKE_MARKUP: Final = re.compile(
    rb"\s{0,200}(?:\xef\xbb\xbf)?\s{0,200}<(?:!doctype html|html|head|body|div|p|h1|!--)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A page as text. ``whole`` is false where the text goes on beyond what is kept."""

    url: str
    media_type: str
    text: str
    title: str = ""
    byline: str = ""
    published: str = ""
    language: str = ""
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Came:
    """What a server sent, before it is read."""

    url: WebUrl
    content_type: str
    body: bytes


class Loader:
    """Fetches pages within a reach, every redirect judged anew."""

    def __init__(self, reach: Reach, look_up: LookUp = look_up) -> None:
        self._reach = reach
        self._look_up = look_up

    async def fetch(self, address: str, timeout_s: float) -> Came:
        """Raises ``InvalidInput``, ``Forbidden``, ``NotFound``, ``RateLimited``, ``TooLarge``,
        ``TimedOut`` and ``Unavailable``."""
        from conduit.blocks.utility.fetch import Exchange, Limits, Request, phrase

        url = read_url(address)
        self._reach.on(url.port).require_host(url.host)
        exchange = Exchange(
            Request("GET", url, (("Accept", _ACCEPT),)),
            Limits(timeout_s, largest=LARGEST),
            self._reach,
            self._look_up,
        )
        reply = await exchange.run()
        if 200 <= reply.status < 300:
            return Came(reply.url, reply.content_type, reply.body)
        said = f"{reply.url} answered {phrase(reply.status)}"
        if reply.status in (404, 410):
            raise NotFound(said, hint="is the address right?")
        if reply.status in (401, 402, 403, 407, 451):
            raise Forbidden(said, hint="the site does not show this page to programs; try another")
        if reply.status == 429:
            raise RateLimited(said, retry_after_s=seconds_of(reply.retry_after), hint="try later")
        raise Unavailable(said, hint="try later, or another page")


def read(came: Came, *, links: bool) -> Loaded:
    """The text of what came. Takes a second for some megabytes of markup, so use a thread.

    Raises ``InvalidInput`` for what is no text.
    """
    # What reads pages is loaded when one came.
    from conduit.tools.web.decoding import page_text
    from conduit.tools.web.markdown import markdown
    from conduit.tools.web.passages import read_page
    from conduit.tools.web.readable import readable

    kind = _kind(came)
    if kind not in _MARKUP:
        text = page_text(came.body, came.content_type, markup=kind.endswith("xml"))
        return Loaded(str(came.url), kind, text[:_MOST_TEXT], whole=len(text) <= _MOST_TEXT)
    page = read_page(page_text(came.body, came.content_type, markup=True))
    text, whole = markdown(
        readable(page), page.layout, _MOST_TEXT, _resolver(came.url, page) if links else None
    )
    meta = page.meta
    return Loaded(
        url=str(came.url),
        media_type=kind,
        text=text,
        title=meta.get("og:title") or page.title,
        byline=meta.get("author") or meta.get("article:author") or meta.get("byl", ""),
        published=meta.get("article:published_time") or meta.get("date", ""),
        language=page.language,
        whole=whole,
    )


def _kind(came: Came) -> str:
    """The media type of a text. Raises ``InvalidInput`` for anything else."""
    declared = came.content_type.partition(";")[0].strip().lower()[:100]
    if came.body.startswith(b"%PDF-") or declared == "application/pdf":
        raise InvalidInput(
            "this is a PDF, and only pages and plain texts are read",
            where=str(came.url),
            hint="look for the same text as a web page",
        )
    if declared in _MARKUP:
        return declared
    if declared in ("", "application/octet-stream", "text/plain", "unknown/unknown"):
        if _LOOKS_LIKE_MARKUP.match(came.body) and declared != "text/plain":
            return "text/html"
        if b"\0" not in came.body[:4096] or declared == "text/plain":
            return "text/plain"
    elif _TEXTS.fullmatch(declared):
        return declared
    raise InvalidInput(
        f"this is {declared or 'no text'}, and only pages and plain texts are read",
        where=str(came.url),
        hint="look for a page about it",
    )


def _resolver(url: WebUrl, page: Page) -> Callable[[str], str]:
    """From what a link says to its address, or to nothing where it leads nowhere on the web."""
    base = url
    if page.base:
        try:
            base = url.joined(page.base)
        except InvalidInput:
            base = url

    def resolve(href: str) -> str:
        if href.startswith("#") or len(href) > _LONGEST_LINK:
            return ""
        try:
            there = base.joined(href.strip())
        except InvalidInput:
            return ""
        query = f"?{there.query}" if there.query else ""
        found = f"{there}{query}"
        return "" if len(found) > _LONGEST_LINK else found.replace("(", "%28").replace(")", "%29")

    return resolve
