"""Answers about Conduit from its own documentation, with the page they came from.

Pages are cut at their headings; sections are ranked by BM25 (Robertson and Zaragoza, 2009) with
the words of page and section titles counted several times.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from conduit.blocks import Block, Effects, Length, block

_K1 = 1.4
_B = 0.6
_TITLE_WEIGHT = 4
_LEAST_SHARE = 0.5
"""Of the weight of a question's words, the share a section must cover to count as an answer."""
_LONGEST_ANSWER = 900
_LESS_LIKELY = {"decisions/": 0.5, "reference/": 0.7}
"""Pages that explain a choice or list everything answer fewer questions than guides do."""

_STOP = frozenset(
    "a an and are as at be by can could do does for from give how i in is it its me my of on or "
    "please should tell than that the their them then there these they this to use using want "
    "was what when where which who why will with would you your conduit about describe explain "
    "mean".split()
)
_HEADING = re.compile(r"^(#{1,4})\s+(.+?)\s*#*$")
_FENCE = re.compile(r"^\s*(?:```|~~~)")


@dataclass(frozen=True, slots=True)
class DocQuestion:
    """A question about Conduit."""

    question: Annotated[str, Length(1, 2000), "the question, in the person's words"]


@dataclass(frozen=True, slots=True)
class DocAnswer:
    """What the documentation says. ``found`` is false when it does not say anything fitting."""

    found: bool
    answer: str
    page: Annotated[str, "page it came from, relative to docs/"]
    section: str
    see_also: list[str]


@dataclass(frozen=True, slots=True)
class Section:
    page: str
    title: str
    text: str
    words: Counter[str]
    length: int


class Documentation:
    """The Markdown pages below a folder, indexed on first use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        pages = sorted(self._folder.rglob("*.md"))
        return tuple(
            section
            for path in pages
            for section in _cut(path.relative_to(self._folder).as_posix(), path.read_text("utf-8"))
        )

    @cached_property
    def _rarity(self) -> dict[str, float]:
        """Inverse document frequency of every word."""
        seen = Counter(word for section in self.sections for word in section.words)
        total = len(self.sections)
        return {w: math.log(1 + (total - n + 0.5) / (n + 0.5)) for w, n in seen.items()}

    def answer(self, question: str) -> DocAnswer:
        """The section that fits a question best, and the next best pages."""
        if asked := self._titles.get(_plain(question)):
            return DocAnswer(True, _shortened(asked.text), asked.page, asked.title, [])
        words = set(_words(question))
        ranked = sorted(self.sections, key=lambda s: -self._score(s, words))
        if not ranked or not words or self._covered(ranked[0], words) < _LEAST_SHARE:
            return DocAnswer(False, "The documentation does not say.", "", "", [])
        best = ranked[0]
        others = [f"{s.page}: {s.title}" for s in ranked[1:4] if self._score(s, words) > 0]
        return DocAnswer(True, _shortened(best.text), best.page, best.title, others)

    @cached_property
    def _titles(self) -> dict[str, Section]:
        """Sections whose title is a question, by that question; the first page's wins."""
        return {_plain(s.title): s for s in reversed(self.sections) if s.title.endswith("?")}

    @cached_property
    def _mean_length(self) -> float:
        return sum(section.length for section in self.sections) / len(self.sections)

    def _score(self, section: Section, words: set[str]) -> float:
        norm = _K1 * (1 - _B + _B * section.length / self._mean_length)
        weight = next((w for p, w in _LESS_LIKELY.items() if section.page.startswith(p)), 1.0)
        return weight * sum(
            self._rarity.get(w, 0.0) * section.words[w] * (_K1 + 1) / (section.words[w] + norm)
            for w in words
            if w in section.words
        )

    def _covered(self, section: Section, words: set[str]) -> float:
        """How much of the question, weighed by rarity, the section speaks of."""
        rarest = max(self._rarity.values(), default=1.0)
        weight = {w: self._rarity.get(w, rarest) for w in words}
        return sum(weight[w] for w in words if w in section.words) / sum(weight.values())


def documentation_blocks(documentation: Documentation) -> tuple[Block[Any, Any], ...]:
    """``docs.answer``."""

    @block(
        "docs.answer",
        summary="Answer a question about Conduit from its documentation, with the page",
        effects=Effects.READS,
    )
    def answer(request: DocQuestion) -> DocAnswer:
        return documentation.answer(request.question)

    return (answer,)


def _cut(page: str, text: str) -> list[Section]:
    """Cut a page at its headings; headings inside code fences are code."""
    sections: list[Section] = []
    title = page_title = page
    lines: list[str] = []
    fenced = False

    def close() -> None:
        body = "\n".join(lines).strip()
        if body:
            named = _words(f"{title} {page_title} {page.replace('/', ' ').replace('.md', '')}")
            words = Counter(_words(body))
            words.update(named * _TITLE_WEIGHT)
            sections.append(Section(page, title, body, words, sum(words.values())))

    for line in text.splitlines():
        fenced ^= bool(_FENCE.match(line))
        heading = None if fenced else _HEADING.match(line)
        if heading:
            close()
            lines = []
            title = heading.group(2)
            page_title = title if len(heading.group(1)) == 1 else page_title
        else:
            lines.append(line)
    close()
    return sections


def _plain(text: str) -> str:
    """A question without case, punctuation and doubled spaces."""
    return " ".join(re.findall(r"[a-z0-9]+", text.casefold()))


def _words(text: str) -> list[str]:
    return [
        _stem(word)
        for word in re.findall(r"[a-z0-9][a-z0-9_.-]*[a-z0-9]|[a-z0-9]", text.casefold())
        if word not in _STOP
    ]


def _stem(word: str) -> str:
    """Enough of a stemmer for questions: plurals and -ing, -ed."""
    for ending in ("ing", "ies", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + ("y" if ending == "ies" else "")
    return word


def _shortened(text: str) -> str:
    """Whole paragraphs up to the limit; at least the first, cut if it must be."""
    kept = ""
    for paragraph in re.split(r"\n\s*\n", text):
        if kept and len(kept) + len(paragraph) > _LONGEST_ANSWER:
            break
        kept = f"{kept}\n\n{paragraph}" if kept else paragraph
    return kept if len(kept) <= 2 * _LONGEST_ANSWER else kept[: 2 * _LONGEST_ANSWER] + " …"
