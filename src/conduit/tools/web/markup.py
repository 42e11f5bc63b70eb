"""HTML as a row of tokens: names, texts and the few attributes that reading a page needs.

Whatever is written is HTML to a browser, so nothing is refused here: a tag that never ends, a
comment that never ends and bare text are read as the HTML standard says (13.2.5, "Tokenization").
Each letter is looked at a bounded number of times, and nothing is nested: a page of a hundred
thousand open tags costs what its bytes cost. ``html.parser`` does neither on every Python that
Conduit runs on.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_NAME: Final = re.compile(r"[a-zA-Z][^\s/>\x00]{0,199}")
_REST_OF_NAME: Final = re.compile(r"[^\s/>]*+")
_ATTRIBUTE: Final = re.compile(r"[\s/]*+([^\s=>/][^\s=>/]*+|(?<=[\s/])=)?\s*+(=)?\s*+")
_BARE: Final = re.compile(r"[^\s>]*+")
_COMMENT_END: Final = re.compile("--!?>")
_RAW_END: Final = {
    name: re.compile(rf"(?i)</{name}(?=[\s/>])")
    for name in ("script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes")
}
"""What holds text alone: in them a tag is no tag until their own end."""
_LONG_NUMBER: Final = re.compile(r"&#(?:0*+[0-9]{8,}|[xX]0*+[0-9a-fA-F]{7,});?")
_KEPT: Final = frozenset({
    "alt", "aria-hidden", "charset", "class", "content", "datetime", "hidden", "href", "id",
    "itemprop", "lang", "name", "property", "rel", "role", "style",
})  # fmt: skip
_LONGEST: Final = 2000
"""Letters of an attribute that are kept."""


@dataclass(frozen=True, slots=True)
class Start:
    """A tag that opens. ``attributes`` are lower-case names; the first of two counts."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class End:
    """A tag that closes."""

    name: str


@dataclass(frozen=True, slots=True)
class Words:
    """Text, with its references (``&amp;``) resolved."""

    text: str


Token = Start | End | Words


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a page, in order."""
    at, size = 0, len(text)
    while at < size:
        tag = text.find("<", at)
        if tag < 0:
            yield Words(unescaped(text[at:]))
            return
        if tag > at:
            yield Words(unescaped(text[at:tag]))
        token, at = _tag(text, tag)
        if token is None:
            continue
        yield token
        if isinstance(token, Start) and (end := _RAW_END.get(token.name)):
            found = end.search(text, at)
            stop = found.start() if found else size
            if token.name in ("title", "textarea"):
                yield Words(unescaped(text[at:stop]))
            yield End(token.name)
            at = _after(text, ">", stop)


def unescaped(text: str) -> str:
    """Text with its references resolved. A number that no letter has is the replacement letter;
    ``html.unescape`` fails on one of thousands of digits."""
    if "&" not in text:
        return text
    return html.unescape(_LONG_NUMBER.sub("\N{REPLACEMENT CHARACTER}", text))


def _tag(text: str, at: int) -> tuple[Token | None, int]:
    """What begins at a ``<``, and where it ends. None is what shows nothing: a comment."""
    following = text[at + 1 : at + 2]
    if following == "!" and text.startswith("--", at + 2):
        return None, _after_comment(text, at + 4)
    if following in ("!", "?"):
        return None, _after(text, ">", at)
    closing = following == "/"
    name = _NAME.match(text, at + 1 + closing)
    if name is None:
        if closing:  # </> is nothing, </3 a comment
            return None, _after(text, ">", at)
        return Words("<"), at + 1
    here = _REST_OF_NAME.match(text, name.end()).end()  # type: ignore[union-attr]  # may be empty
    attributes, stop = _attributes(text, here)
    if stop < 0:  # the page ends inside a tag: it is none
        return None, len(text)
    known = name.group().lower()
    return (End(known) if closing else Start(known, attributes)), stop


def _attributes(text: str, at: int) -> tuple[dict[str, str], int]:
    """The attributes that are kept, and where the tag ends; -1 when it never does."""
    found: dict[str, str] = {}
    size = len(text)
    while at < size:
        match = _ATTRIBUTE.match(text, at)
        assert match is not None  # it may be empty
        here = match.end()
        if here >= size:
            break
        value, following = "", text[here]
        if match[2] and following != ">":
            if following in "\"'":
                stop = text.find(following, here + 1)
                if stop < 0:
                    break
                start, after = here + 1, stop + 1
            else:
                bare = _BARE.match(text, here)
                assert bare is not None  # it may be empty
                start, stop = here, bare.end()
                after = stop
            value = text[start : min(stop, start + _LONGEST)]
            here = after
        elif following == ">":
            pass
        elif here == at:  # a letter that begins nothing
            here += 1
        name = (match[1] or "").lower()
        if name in _KEPT and name not in found:
            found[name] = unescaped(value)
        if match[2] and following == ">":
            return found, here + 1
        if here < size and text[here] == ">":
            return found, here + 1
        at = here
    return found, -1


def _after(text: str, sought: str, at: int) -> int:
    found = text.find(sought, at)
    return len(text) if found < 0 else found + len(sought)


def _after_comment(text: str, at: int) -> int:
    """``<!-->`` and ``<!--->`` are whole; ``--!>`` ends one too."""
    for short in (">", "->"):
        if text.startswith(short, at):
            return at + len(short)
    end = _COMMENT_END.search(text, at)
    return end.end() if end else len(text)
