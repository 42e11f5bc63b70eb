"""An answer that arrives in pieces, readable as far as it has come.

What has arrived is kept as a growing tree: a piece is read once, added to the tree and forgotten,
so that time is linear in the text however small the pieces are. Nothing is copied for a consumer
either: a view is a window on the tree, and converts what is asked of it when it is asked.

A text is visible as it grows, a number or a constant once it has ended. An answer that is not quite
JSON is read leniently instead, each time it has grown by half, so that a consumer sees it in fewer,
larger steps.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from conduit.mdl.finding import THOUGHT_ENDS
from conduit.mdl.growing import Growing
from conduit.mdl.lenient import read
from conduit.mdl.partial import Partial
from conduit.mdl.repair import Parsed
from conduit.mdl.scalars import fold
from conduit.mdl.wanted import class_of

T = TypeVar("T")

_THOUGHT = re.compile(r"<(think|thinking|thought|reasoning)>", re.IGNORECASE)
_LONGEST_MARK = 16
_GROWN = 1.5


class PartialText(Generic[T]):
    """Reads one answer piece by piece; made by ``Mdl.partial()``."""

    def __init__(self, hint: type[T], parse: Callable[[str], Parsed[T]]) -> None:
        self._type = hint
        self._parse = parse
        self._pieces: list[str] = []
        self._length = 0
        self._growing: Growing | None = None
        self._before = ""  # what was searched for the beginning, as far as it still matters
        self._thinking: bool | None = None
        self._start = 0
        self._lenient_at = 0
        self._lenient: Any = None

    def feed(self, piece: str) -> Partial[T] | None:
        """Take the next piece. Gives what is there so far, until the next call; None while the
        answer has not begun."""
        self._pieces.append(piece)
        self._length += len(piece)
        if self._growing is None:
            piece = self._find_start(piece)
            if self._growing is None:
                return None
        if not self._growing.feed(piece):
            return self._view(self._read_leniently(), None)
        return self._view(self._growing.root, self._growing)

    def finish(self) -> Parsed[T]:
        """Read the whole answer. Raises ``UnparsableOutput`` as ``Mdl.parse`` does."""
        return self._parse("".join(self._pieces))

    def _find_start(self, piece: str) -> str:
        """Skip thoughts and prose up to the first brace; gives what is from there on."""
        text = self._before + piece
        self._before = ""
        if self._thinking is None:
            text = text.lstrip()
            if not text or (text[0] == "<" and len(text) < _LONGEST_MARK):
                self._before = text  # perhaps the beginning of a thought
                return ""
            self._thinking = bool(_THOUGHT.match(text))
        if self._thinking:
            end = THOUGHT_ENDS.search(text)
            if end is None:
                self._before = text[-_LONGEST_MARK:]
                return ""
            self._thinking = False
            text = text[end.end() :]
        start = text.find("{")
        if start < 0:
            return ""
        self._growing = Growing()
        self._start = self._length - len(text) + start
        return text[start:]

    def _read_leniently(self) -> Any:
        if self._length >= self._lenient_at * _GROWN:
            self._lenient_at = self._length
            text = "".join(self._pieces)
            found = read(text, self._start)
            self._lenient = None if isinstance(found, int) else found.value
        return self._lenient

    def _view(self, root: Any, growing: Growing | None) -> Partial[T] | None:
        if not isinstance(root, dict):
            return None
        name = class_of(self._type).__name__
        if len(root) == 1:
            key, inner = next(iter(root.items()))
            if fold(key) == fold(name) and isinstance(inner, dict):
                root = inner
        return Partial(self._type, root, growing)
