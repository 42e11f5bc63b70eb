"""A page as a flat row of passages, and the containers around them.

A passage is a heading, a paragraph, an item of a list, a cell of a table. A container (``div``,
``article``) is a range of passages, so choosing what a page is about is choosing a range, and no
tree is built that could be too deep.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Literal

from conduit.tools.web.markup import End, Start, Words, tokens

Kind = Literal["text", "heading", "item", "quote", "code", "rule"]

_DROPPED: Final = frozenset({
    "script", "style", "noscript", "template", "svg", "math", "iframe", "object", "canvas",
    "video", "audio", "select", "button", "textarea", "nav", "footer", "aside", "dialog", "menu",
    "noembed", "noframes", "xmp", "datalist", "map",
})  # fmt: skip
_DROPPED_BLOCKS: Final = frozenset({"nav", "footer", "aside", "dialog", "menu"})
"""Of those, what stands between two passages and not within one."""
_CONTAINERS: Final = frozenset({"body", "div", "section", "article", "main", "form", "center"})
_TRACKED: Final = _CONTAINERS | {"ul", "ol", "li", "blockquote", "pre", "table", "tr", "td", "th"}
_BREAKS: Final = _TRACKED | {
    "p", "h1", "h2", "h3", "h4", "h5", "h6", "dl", "dt", "dd", "header", "figure", "figcaption",
    "address", "hr", "caption", "thead", "tbody", "tfoot", "details", "summary", "fieldset",
    "legend", "label", "option", "html", "head", "hgroup", "search",
}  # fmt: skip
_VOID: Final = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
})  # fmt: skip
_WHOLE_PAGE: Final = frozenset({"html", "body"})
"""Hidden until a script has run, and then shown: there is always something in it to read."""
_HEADING: Final = re.compile(r"h([1-6])")
_UNSEEN: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_SPACE: Final = re.compile(r"\s+")
_DEEPEST_LIST: Final = 6


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a passage; ``href`` where it is a link."""

    text: str
    href: str = ""
    code: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """Where in which table."""

    table: int
    row: int
    column: int


@dataclass(slots=True)
class Passage:
    """``level`` is that of a heading (1 to 6) or the depth of a list (1 to 6); ``number`` counts
    the items of an ordered one, 0 in another."""

    kind: Kind
    spans: list[Span]
    container: int
    level: int = 0
    number: int = 0
    cell: Cell | None = None

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)


@dataclass(slots=True)
class Container:
    """``parent`` is its number, -1 for none; its passages are ``first`` to before ``end``."""

    name: str
    label: str
    parent: int
    first: int
    end: int = 0


@dataclass(slots=True)
class Page:
    """What was read. ``meta`` holds what the head says of the page, by lower-case name.
    ``layout`` are the tables that hold others: they place things, and say nothing."""

    passages: list[Passage] = field(default_factory=list)
    containers: list[Container] = field(default_factory=list)
    title: str = ""
    language: str = ""
    base: str = ""
    byline: str = ""
    meta: dict[str, str] = field(default_factory=dict)
    layout: set[int] = field(default_factory=set)


def read_page(text: str) -> Page:
    """Read a page. Never fails: see ``markup``."""
    reader = _Reader()
    for token in tokens(text):
        if isinstance(token, Words):
            reader.words(token.text)
        elif isinstance(token, Start):
            reader.start(token)
        else:
            reader.end(token)
    return reader.finished()


@dataclass(slots=True)
class _Table:
    number: int
    row: int = -1
    column: int = -1


class _Reader:
    """The state of reading: what is open, and the passage under way."""

    def __init__(self) -> None:
        self._page = Page(containers=[Container("html", "", -1, 0)])
        self._open: list[str] = []
        self._inside: list[int] = [0]
        self._scopes: list[Counter[str]] = [Counter()]
        """How often each name is open since the last table: an end tag does not reach out of it."""
        self._spans: list[Span] = []
        self._heading = 0
        self._lists: list[int] = []
        self._item = False
        self._quotes = 0
        self._tables: list[_Table] = []
        self._count_of_tables = 0
        self._pre = 0
        self._href = ""
        self._code = False
        self._dropping = ""
        self._drops = 0
        self._capturing = ""

    def words(self, text: str) -> None:
        if self._capturing == "title":
            self._page.title = self._page.title or _SPACE.sub(" ", text).strip()[:500]
        elif not self._drops:
            self._spans.append(Span(text, self._href, self._code))

    def start(self, tag: Start) -> None:
        name = tag.name
        if self._drops and self._dropping == "p" and name in _BREAKS:
            self._drops = 0  # whatever begins a passage ends the one before it
        if self._drops:
            self._drops += name == self._dropping and name not in _VOID
            return
        if name == "meta":
            self._note(tag.attributes)
        elif name in ("html", "base", "link"):
            self._note_place(name, tag.attributes)
        elif name == "title":
            self._capturing = name
        if name in _VOID:
            if name == "br":
                self._spans.append(Span("\n"))
            elif name == "hr":
                self._flush()
                self._page.passages.append(Passage("rule", [], self._inside[-1]))
            return
        hidden = name not in _WHOLE_PAGE and _is_hidden(tag.attributes)
        if name in _DROPPED or hidden:
            if name in _BREAKS or name in _DROPPED_BLOCKS:
                self._flush()
            self._dropping, self._drops = name, 1
            return
        if name in _BREAKS:
            self._flush()
        if heading := _HEADING.fullmatch(name):
            self._heading = int(heading[1])
        elif name == "a":
            self._href = tag.attributes.get("href", "")
        elif name in ("code", "kbd", "samp") and not self._pre:
            self._code = True
        if name in _TRACKED:
            self._push(tag)
        if tag.attributes.get("rel") == "author" or "author" in tag.attributes.get("itemprop", ""):
            self._page.meta.setdefault("rel-author", "")

    def end(self, tag: End) -> None:
        name = tag.name
        if self._capturing == name:
            self._capturing = ""
            return
        if self._drops:
            self._drops -= name == self._dropping
            return
        if name in _BREAKS or name == "p":
            self._flush()
        if _HEADING.fullmatch(name):
            self._heading = 0
        elif name == "a":
            self._href = ""
        elif name in ("code", "kbd", "samp"):
            self._code = False
        elif name in _TRACKED and (self._scopes[-1][name] or name == "table"):
            self._pop_to(name)

    def finished(self) -> Page:
        self._flush()
        for number in self._inside:
            self._page.containers[number].end = len(self._page.passages)
        return self._page

    def _push(self, tag: Start) -> None:
        name = tag.name
        if name in ("li", "td", "th", "tr"):
            self._close_before(name)
        self._open.append(name)
        self._scopes[-1][name] += 1
        if name in _CONTAINERS:
            given = tag.attributes
            label = f"{given.get('class', '')} {given.get('id', '')} {given.get('role', '')}"
            page = self._page
            page.containers.append(
                Container(name, label[:300].lower(), self._inside[-1], len(page.passages))
            )
            self._inside.append(len(page.containers) - 1)
        elif name in ("ul", "ol"):
            self._lists.append(0 if name == "ol" else -1)
        elif name == "li":
            self._item = True
            if self._lists and self._lists[-1] >= 0:
                self._lists[-1] += 1
        elif name == "blockquote":
            self._quotes += 1
        elif name == "pre":
            self._pre += 1
        elif name == "table":
            if self._tables:
                self._page.layout.add(self._tables[-1].number)
            self._tables.append(_Table(self._count_of_tables))
            self._count_of_tables += 1
            self._scopes.append(Counter())
        elif self._tables and name == "tr":
            self._tables[-1].row += 1
            self._tables[-1].column = -1
        elif self._tables and name in ("td", "th"):
            self._tables[-1].column += 1

    def _close_before(self, name: str) -> None:
        """``<li>`` ends the item before it, ``<td>`` the cell: their end tags may be left out."""
        outer = {"li": ("ul", "ol"), "td": ("tr",), "th": ("tr",), "tr": ("table",)}[name]
        ends = {"li": ("li",), "td": ("td", "th"), "th": ("td", "th"), "tr": ("tr",)}[name]
        if self._open and self._open[-1] in ends and self._open[-1] not in outer:
            self._pop_to(self._open[-1])
        if name == "tr" and self._open and self._open[-1] in ("td", "th"):
            self._pop_to(self._open[-1])
            if self._open and self._open[-1] == "tr":
                self._pop_to("tr")

    def _pop_to(self, name: str) -> None:
        """Close what is open up to ``name``. Each is closed once, so this is linear in all."""
        if name == "table" and not self._tables:
            return
        while self._open:
            top = self._open.pop()
            if top == "table":
                self._scopes.pop()
                self._tables.pop()
            self._scopes[-1][top] -= 1
            if top in _CONTAINERS:
                self._page.containers[self._inside.pop()].end = len(self._page.passages)
            elif top in ("ul", "ol"):
                self._lists.pop()
            elif top == "li":
                self._item = False
            elif top == "blockquote":
                self._quotes -= 1
            elif top == "pre":
                self._pre -= 1
            if top == name:
                return

    def _flush(self) -> None:
        """End the passage under way."""
        spans, self._spans = self._spans, []
        spans = spans if self._pre else _squeezed(spans)
        if not any(span.text.strip() for span in spans):
            return
        cell = None
        if self._tables and self._tables[-1].column >= 0:
            table = self._tables[-1]
            cell = Cell(table.number, max(table.row, 0), table.column)
        made = Passage("text", spans, self._inside[-1], cell=cell)
        if self._heading:
            made.kind, made.level = "heading", self._heading
        elif self._pre:
            made.kind = "code"
        elif self._lists and self._item:
            made.kind, made.level = "item", min(len(self._lists), _DEEPEST_LIST)
            made.number = max(self._lists[-1], 0)
        elif self._quotes:
            made.kind = "quote"
        self._page.passages.append(made)

    def _note(self, given: dict[str, str]) -> None:
        name = (given.get("name") or given.get("property") or given.get("itemprop") or "").lower()
        if name and len(self._page.meta) < 200:
            said = _SPACE.sub(" ", given.get("content", "")).strip()[:500]
            self._page.meta.setdefault(name[:100], said)

    def _note_place(self, name: str, given: dict[str, str]) -> None:
        if name == "html":
            self._page.language = given.get("lang", "")[:35]
        elif name == "base" and not self._page.base:
            self._page.base = given.get("href", "")


def _is_hidden(given: dict[str, str]) -> bool:
    return bool(given) and (
        "hidden" in given
        or given.get("aria-hidden", "").lower() == "true"
        or bool(_UNSEEN.search(given.get("style", "")))
    )


def _squeezed(spans: list[Span]) -> list[Span]:
    """Without needless space. A line break that was asked for stays one."""
    made: list[Span] = []
    ended = True  # nothing before: leading space is needless
    for span in spans:
        if span.text == "\n" and not span.href:
            made.append(span)
            ended = True
            continue
        text = _SPACE.sub(" ", span.text)
        if ended:
            text = text.lstrip()
        if text:
            ended = text.endswith(" ")
            made.append(span if text == span.text else Span(text, span.href, span.code))
    return made
