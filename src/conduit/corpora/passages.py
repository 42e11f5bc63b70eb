"""Cutting a text into passages that can be found and cited.

Paragraphs are gathered up to ``SIZE`` characters, larger ones are cut between sentences, larger
sentences between words. A heading begins a passage. Passages overlap by whole sentences or
paragraphs where these are short enough, so that what stands at a border is found from both sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conduit.corpora.texts import Span, pieces

SIZE: Final = 1000
"""Characters of a passage at most: about 250 tokens of English."""
OVERLAP: Final = 150
CUT: Final = "c2"
"""Changes whenever the same text would be cut into other passages, or these into other words: then
it is indexed anew."""


def passages(text: str, size: int = SIZE, overlap: int = OVERLAP) -> Iterator[Span]:
    """Where each passage is, in order. Together they hold all of the text but blanks."""
    gathered: list[Span] = []
    fresh = 0  # how many of them are in no passage yet
    bodies = 0  # and how many are no heading
    for piece in pieces(text, size):
        full = bool(gathered) and piece.end - gathered[0].start > size
        if fresh and (full or (piece.heading and bodies)):
            yield Span(gathered[0].start, gathered[-1].end)
            gathered = [] if piece.heading else _tail(gathered, overlap)
            fresh = 0
            while gathered and piece.end - gathered[0].start > size:
                gathered.pop(0)
            bodies = len(gathered)
        gathered.append(piece)
        fresh += 1
        bodies += not piece.heading
    if fresh:
        yield Span(gathered[0].start, gathered[-1].end)


def _tail(gathered: list[Span], overlap: int) -> list[Span]:
    """The last pieces, as many as are within the overlap, but never all of them."""
    end = gathered[-1].end
    kept = [piece for piece in gathered[1:] if end - piece.start <= overlap]
    return [piece for piece in kept if not piece.heading]
