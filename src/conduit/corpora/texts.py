"""Words, sentences and paragraphs of a text, by where they are in it.

Everything here takes time in proportion to the text, whatever the text is: each expression can
start only where it will match, or gives nothing back once it has.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_WORD: Final = re.compile(r"[぀-ヿ㐀-䶿一-鿿豈-﫿가-힯]|[^\W_぀-ヿ㐀-䶿一-鿿豈-﫿가-힯]++")
"""A run of letters and digits; where a script writes no spaces between words, a character."""
_SENTENCE_END: Final = re.compile(  # with the marks of Chinese and Japanese, which ruff suspects
    r"(?<![.!?…])[.!?…]++[\"'”’)\]»]*+(?=\s)|[。！？]++[”’」』）]*+|\n"  # noqa: RUF001
)
_HEADING: Final = re.compile(r" {0,3}#{1,6}(?:\s|$)")
_LONGEST_WORD: Final = 64
_ACCENTED: Final = re.compile("[^\\W_][\u0300-\u036f]{1,8}")
_JOINING: Final = frozenset("\u200d\ufe0e\ufe0f")
_FARTHEST_JOIN: Final = 16


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text: ``text[start:end]``, in characters (code points)."""

    start: int
    end: int
    heading: bool = False


def words(text: str) -> list[str]:
    """The words of a text, in lower case; of one that is very long, its beginning."""
    return [word[:_LONGEST_WORD].casefold() for word in _WORD.findall(composed(text))]


def composed(text: str) -> str:
    """With letters and their accents as one character where there is one: ``é`` however it was
    typed. A piece at a time, since a whole text with many accents in a row would take the square
    of their number."""
    if text.isascii():
        return text
    return _ACCENTED.sub(lambda found: unicodedata.normalize("NFC", found[0]), text)


def paragraphs(text: str) -> Iterator[Span]:
    """Runs of lines without an empty one between them, trimmed; a heading is one of its own."""
    start = end = -1
    for line_start, line_end in _lines(text):
        first, last = trimmed(text, line_start, line_end)
        if first == last:
            if start >= 0:
                yield Span(start, end)
            start = -1
        elif _HEADING.match(text, line_start, line_end):
            if start >= 0:
                yield Span(start, end)
            yield Span(first, last, heading=True)
            start = -1
        else:
            start = first if start < 0 else start
            end = last
    if start >= 0:
        yield Span(start, end)


def sentences(text: str, start: int, end: int) -> Iterator[Span]:
    """The sentences between two places, trimmed. A line is never more than one."""
    at = start
    for found in _SENTENCE_END.finditer(text, start, end):
        after = found.end()
        if found.group() != "\n" and _goes_on(text, after, end):
            continue
        first, last = trimmed(text, at, after)
        if first < last:
            yield Span(first, last)
        at = after
    first, last = trimmed(text, at, end)
    if first < last:
        yield Span(first, last)


def pieces(text: str, largest: int) -> Iterator[Span]:
    """Paragraphs; of those that are larger, sentences; of those that are larger, parts. Together
    they hold all of a text but blanks."""
    for paragraph in paragraphs(text):
        if paragraph.end - paragraph.start <= largest:
            yield paragraph
            continue
        for sentence in sentences(text, paragraph.start, paragraph.end):
            if sentence.end - sentence.start <= largest:
                yield sentence
            else:
                yield from parts(text, sentence, largest)


def parts(text: str, span: Span, largest: int) -> Iterator[Span]:
    """A span cut where there is a blank in the second half, else between two characters as seen."""
    at = span.start
    while span.end - at > largest:
        cut = at + largest
        blank = next((i for i in range(cut, at + largest // 2, -1) if text[i].isspace()), 0)
        cut = blank or _between_characters(text, at, cut)
        first, last = trimmed(text, at, cut)
        if first < last:
            yield Span(first, last)
        at = cut
    first, last = trimmed(text, at, span.end)
    if first < last:
        yield Span(first, last)


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The same without blanks on both sides."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _lines(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        yield at, end
        at = end + 1


def _goes_on(text: str, at: int, end: int) -> bool:
    """Whether a small letter follows, as after "e.g."."""
    while at < end and text[at].isspace() and text[at] != "\n":
        at += 1
    return at < end and text[at].islower()


def _between_characters(text: str, start: int, cut: int) -> int:
    """Not before what belongs to the character before it: an accent, a part of an emoji."""
    for at in range(cut, max(start, cut - _FARTHEST_JOIN), -1):
        joined = (
            text[at] in _JOINING
            or text[at - 1] == "\u200d"
            or unicodedata.combining(text[at])
            or "\U0001f3fb" <= text[at] <= "\U0001f3ff"
        )
        if not joined:
            return at
    return cut
