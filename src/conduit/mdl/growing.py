"""A JSON value that is still being written, kept as plain data.

Strict JSON only; whether a text is that is said at once (``feed`` gives False), and then somebody
lenient has to read it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from conduit.mdl.texts import unescaped

DEEPEST = 200

_TOKEN = re.compile(
    r'\s*(?:([{}\[\],:])|"([^"\\\x00-\x1f]*)"|(")|'
    r"(-?(?:0|[1-9]\d{0,400})(?:\.\d{1,400})?(?:[eE][+-]?\d{1,3})?|true|false|null)(?=[\s,}\]]))"
)
_BLANK = re.compile(r"\s*")
_WORD_BEGINS = re.compile(
    r"(?:-?[\d.eE+-]{0,800}|t|tr|tru|true|f|fa|fal|fals|false|n|nu|nul|null)\Z"
)
_IN_TEXT = re.compile(r'[^"\\]+')
_ESCAPE = re.compile(
    r'\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[0-9a-fA-F]{4}|u[0-9a-fA-F]{4}|["\\/bfnrt])'
)
_LONGEST_ESCAPE = 12
_UNENDED = -1
_BROKEN = -2
_WORDS = {"true": True, "false": False, "null": None}
_WORTH_A_TRY = 64


class Growing:
    """The tree, and the place in it where the text stands."""

    def __init__(self) -> None:
        self.root: Any = None
        self.done = False
        self.open: list[Any] = []
        self.key: str | None = None
        self.finished: dict[int, tuple[Any, Any]] = {}
        """By its id: a container that is closed, and what a view made of it."""
        self._keys: list[str | None] = []  # the key under which each open container stands
        self._rest = ""  # the beginning of a token
        self._text: list[str] | None = None  # the text that is being written
        self._text_key = False
        self._expects = "value"
        self._broken = False
        self._budget = 0

    def feed(self, piece: str) -> bool:
        """Read on. False, from then on, when the text is not JSON."""
        if self._broken or self.done:
            return not self._broken
        text = self._rest + piece
        self._rest = ""
        self._budget = 4 * len(text)
        at = 0
        while at < len(text) and not self.done:
            after = self._in_text(text, at) if self._text is not None else self._token(text, at)
            if after == _BROKEN:
                self._broken = True
                return False
            if after == _UNENDED:
                self._rest = text[at:]
                break
            at = after
        return True

    @property
    def unfinished(self) -> str | None:
        """The text that is being written, as far as it has come; None when there is none."""
        if self._text is None or self._text_key:
            return None
        if len(self._text) > 1:
            self._text = ["".join(self._text)]
        return self._text[0] if self._text else ""

    def _token(self, text: str, at: int) -> int:
        """Read one token: the index after it, or why there is none."""
        match = _TOKEN.match(text, at)
        if match is None:
            blank = _BLANK.match(text, at)
            at = blank.end() if blank else at
            if at == len(text):
                return at
            return _UNENDED if _WORD_BEGINS.match(text, at) else _BROKEN
        mark, said, opens, word = match.groups()
        if mark:
            return self._mark(mark, text, match.start(1), match.end())
        if not self.open or self._expects not in ("value", "item", "key", "member"):
            return _BROKEN
        is_key = self._expects in ("key", "member")
        if word:
            if is_key:
                return _BROKEN
            self._put(_WORDS[word] if word in _WORDS else json.loads(word))
        elif opens:
            self._text, self._text_key = [], is_key
        elif is_key:
            self.key, self._expects = said, "colon"
        else:
            self._put(said)
        return match.end()

    def _mark(self, mark: str, text: str, at: int, after: int) -> int:
        expects = self._expects
        if mark in "{[" and expects in ("value", "item"):
            return self._enter(mark, text, at)
        if mark == ":" and expects == "colon":
            self._expects = "value"
        elif mark == "," and expects == "comma":
            self._expects = "key" if isinstance(self.open[-1], dict) else "value"
        elif mark in "}]" and self.open and expects in ("comma", "member", "item"):
            if isinstance(self.open[-1], dict) is not (mark == "}"):
                return _BROKEN
            self.open.pop()
            self._keys.pop()
            self._expects = "comma"
            self.done = not self.open
        else:
            return _BROKEN
        return after

    def _enter(self, mark: str, text: str, at: int) -> int:
        left = len(text) - at
        if self.open and _WORTH_A_TRY <= left <= self._budget:  # perhaps all of it is there
            try:
                value, after = _DECODER.raw_decode(text, at)
            except (ValueError, RecursionError):
                self._budget -= left  # read in vain: that is limited, so that time stays linear
            else:
                self._put(value)
                return after
        if len(self.open) >= DEEPEST:
            return _BROKEN
        value = {} if mark == "{" else []
        key = self.key
        self._put(value)
        self.open.append(value)
        self._keys.append(key)
        self._expects = "member" if mark == "{" else "item"
        return at + 1

    def _put(self, value: Any) -> None:
        if not self.open:
            self.root = value
        elif isinstance(self.open[-1], dict):
            self.open[-1][self.key] = value
        else:
            self.open[-1].append(value)
        self.key = None
        self._expects = "comma"

    def _in_text(self, text: str, at: int) -> int:
        """Read on in a text that has not ended yet."""
        assert self._text is not None
        if match := _IN_TEXT.match(text, at):
            self._text.append(match.group())
            return match.end()
        if text[at] == '"':
            said = "".join(self._text)
            self._text = None
            if self._text_key:
                self.key, self._expects = said, "colon"
            else:
                self._put(said)
            return at + 1
        match = _ESCAPE.match(text, at)
        high = match is not None and len(match.group()) == 6 and match.group()[2] in "dD"
        if match is None or high:  # perhaps the other half has not come
            if len(text) - at < _LONGEST_ESCAPE:
                return _UNENDED
            if match is None:
                return _BROKEN
        self._text.append(unescaped(match.group())[0])
        return match.end()


_DECODER = json.JSONDecoder()
