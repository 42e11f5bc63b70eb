"""What a page is about: the range of its passages that reads like a text.

A paragraph speaks for the container around it, and half for the one around that: for each, one
point, one for each comma, one for each hundred letters, three at most. What is mostly links speaks
against itself. This is the scoring of Arc90's Readability, over ranges instead of a tree.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from conduit.tools.web.passages import Container, Page, Passage

_SHORTEST: Final = 25
"""Letters below which a passage says nothing about where the text is."""
_ENOUGH: Final = 200
_GOOD: Final = re.compile(r"article|body|content|entry|main|page|post|story|text|blog")
_BAD: Final = re.compile(
    r"comment|sidebar|footer|footnote|masthead|menu|nav|promo|related|share|social|sponsor|"
    r"advert|banner|cookie|breadcrumb|pagination|popup|subscribe|newsletter|widget"
)


def readable(page: Page) -> Sequence[Passage]:
    """The passages worth reading, in order: of the best container, or all where none stands out."""
    lengths = [len(passage.text) for passage in page.passages]
    links = [_linked(passage) for passage in page.passages]
    best = _best(page, lengths, links)
    if best is None:
        return page.passages
    chosen = page.passages[best.first : best.end]
    kept = sum(lengths[best.first : best.end])
    if kept < _ENOUGH or kept * 4 < sum(lengths) - sum(links):
        return page.passages
    return [*_heading_before(page, best), *chosen]


def _best(page: Page, lengths: list[int], links: list[int]) -> Container | None:
    scores = [_start_of(each) for each in page.containers]
    spoken = [False] * len(scores)
    for at, passage in enumerate(page.passages):
        if lengths[at] < _SHORTEST or passage.kind == "heading":
            continue
        points = 1 + passage.text.count(",") + min(lengths[at] / 100, 3)
        points *= 1 - links[at] / lengths[at]
        inside = passage.container
        for share in (1.0, 0.5, 0.25):
            if inside < 0:
                break
            scores[inside] += points * share
            spoken[inside] = True
            inside = page.containers[inside].parent
    written, linked = _sums(lengths), _sums(links)
    best, most = None, 0.0
    for number, each in enumerate(page.containers):
        inner = written[each.end] - written[each.first]
        if not spoken[number] or not inner:
            continue
        score = scores[number] * (1 - (linked[each.end] - linked[each.first]) / inner)
        if score > most:
            best, most = each, score
    return best


def _start_of(container: Container) -> float:
    """What its name and its labels say, before anything in it is read."""
    score = {"article": 15.0, "main": 15.0, "section": 2.0, "form": -3.0}.get(container.name, 0.0)
    if _BAD.search(container.label):
        score -= 15
    elif _GOOD.search(container.label):
        score += 10
    return score


def _sums(values: list[int]) -> list[int]:
    made = [0]
    for value in values:
        made.append(made[-1] + value)
    return made


def _linked(passage: Passage) -> int:
    return sum(len(span.text) for span in passage.spans if span.href)


def _heading_before(page: Page, chosen: Container) -> list[Passage]:
    """The page's first heading, where it stands before the text."""
    first = next((each for each in page.passages if each.kind == "heading"), None)
    before = page.passages[: chosen.first]
    return [first] if first is not None and any(each is first for each in before) else []
