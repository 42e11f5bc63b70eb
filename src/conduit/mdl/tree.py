"""The value that a lenient reader is building, and what it noted on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Open:
    """A container that has not been closed yet."""

    value: Any
    is_object: bool
    key: str | None = None
    """The key whose value comes next, or is the container inside this one."""
    ready: bool = True
    """Whether an item may come now: at the start, or after a comma."""


class Tree:
    """Containers that are open, from the outermost to the innermost.

    ``cut`` is the way to the value the text ends in, None while it has not ended too early;
    ``unfinished`` the key or index of a scalar that the text may have ended in.
    """

    def __init__(self) -> None:
        self.at = 0
        self.root: Any = None
        self.notes: dict[str, int] = {}
        self.open: list[Open] = []
        self.objects = self.lists = 0
        self.cut: tuple[str | int, ...] | None = None
        self.unfinished: str | int | None = None

    def note(self, kind: str) -> None:
        self.notes.setdefault(kind, self.at)

    def enter(self, char: str) -> None:
        value: Any = {} if char == "{" else []
        if self.open:
            self.put(value)
        else:
            self.root = value
        self.push(value)
        self.at += 1

    def push(self, value: Any) -> None:
        is_object = isinstance(value, dict)
        self.open.append(Open(value, is_object))
        self.objects += is_object
        self.lists += not is_object

    def put(self, value: Any) -> None:
        """Give the innermost container a value; the key of a scalar is forgotten by the caller."""
        top = self.open[-1]
        if top.is_object:
            if top.key in top.value:
                self.note("duplicate")
            top.value[top.key] = value
        else:
            if not top.ready:
                self.note("comma")
            top.value.append(value)
        top.ready = False

    def leave(self) -> None:
        top = self.open.pop()
        self.objects -= top.is_object
        self.lists -= not top.is_object
        if self.open:
            self.open[-1].key = None

    def open_before(self) -> None:
        """A list's last item was a key: of an object that was not opened (``["a": 1}]``), or of
        the one around a list that was not closed (``{"a": [1, "b": 2}``)."""
        self.note("bracket")
        top = self.open[-1]
        key = top.value.pop()
        if top.value and not isinstance(top.value[-1], dict) and self.objects:
            while not self.open[-1].is_object:
                self.leave()
            self.open[-1].key = key
            return
        top.ready = True
        value: dict[str, Any] = {}
        self.put(value)
        self.push(value)
        self.open[-1].key = key

    def stop(self) -> None:
        """The text ends here: say in which value."""
        way = [f.key if f.is_object else len(f.value) - 1 for f in self.open[:-1]]
        if self.unfinished is not None:
            way.append(self.unfinished)
        self.cut = tuple(step for step in way if step is not None)
        self.note("truncated")
