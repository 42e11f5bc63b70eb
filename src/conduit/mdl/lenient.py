"""Reads JSON as models write it: one value, in one pass, whatever is wrong with it.

Comments, other quotes or none, Python's constants, commas and colons too many or missing, brackets
missing or of the wrong kind, quotes and line ends inside texts, an end in the middle. What was
passed over is noted by kind (``repair.COSTS``), and where the text ended in the middle of a value
``cut`` says which, so that half a name can be told from a name.

Brackets are kept on a stack of our own and every look ahead is bounded: time is linear in the text,
and depth is limited by ``DEEPEST``, not by Python's stack.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from conduit.mdl.texts import (
    CLOSING,
    ITEM_AHEAD,
    KEY_AHEAD,
    QUOTED_KEY_AHEAD,
    closes,
    closing_quote,
    meant,
    unescaped,
)
from conduit.mdl.tree import Open, Tree

DEEPEST = 200

_BLANKS = " \n\r\t\\\ufeff\u200b\xa0\u3000\x0b\x0c"
_BLANK = re.compile(r"(?:[\s\ufeff\u200b]|\\[nrt])*")
_FENCE = ("```", "~~~")
_SIMPLE = r"(?:-?\d{1,18}(?:\.\d{1,20})?|true|false|null)"
_SIMPLE_BEFORE = re.compile(rf'{_SIMPLE}(?=\s+(?:{_SIMPLE}[\s,\]]|["\[{{]))')
_BRACKET = re.compile(r"[}\]]")
_LONGEST_KEY = 80
_WORD_END = re.compile(r'[,:={}\[\]\n"]')
_BARE_END = re.compile(r'[,}\]\n"{\[]|\s(?:#|//|/\*)')

_CLEAN_TEXT = r'"([^"\\\n]*)"'
_CLEAN_VALUE = rf"(?:{_CLEAN_TEXT}|(-?(?:0|[1-9]\d{{0,17}})(?:\.\d{{1,20}})?|true|false|null))"
_MEMBER = re.compile(
    rf'\s*{_CLEAN_TEXT}\s*:\s*{_CLEAN_VALUE}\s*(?:(,)(?=\s*"[^"\\\n]{{0,80}}"\s*:)|(?=\}}))'
)
_ITEM = re.compile(rf'\s*{_CLEAN_VALUE}\s*(?:(,)(?=\s*["\d{{\[-])|(?=\]))')
"""What is nearly always there, read at once."""


class Found(NamedTuple):
    """A value in a text, from ``start`` to ``end``.

    ``value`` is plain data; NaN and infinities are kept as floats, for the reader to refuse.
    ``notes`` are what was passed over, by kind, with the index where it came first. ``cut`` is None
    for a value that ends; else the keys and indexes that lead to the value the text ends in, which
    is ``()`` when only brackets are missing. ``fence`` is the language of the fence around it
    (empty: none was given), None outside of fences.
    """

    value: Any
    start: int
    end: int
    notes: dict[str, int]
    cut: tuple[str | int, ...] | None = None
    fence: str | None = None


def read(text: str, start: int, end: int | None = None) -> Found | int:
    """The object or list that begins at ``start``, whatever follows it.

    For one that is nested deeper than ``DEEPEST``: the index up to which it was read.
    """
    reader = _Reader(text, start, len(text) if end is None else end)
    return reader.found() if reader.run() else reader.at


def goes_on(text: str, at: int, end: int) -> bool:
    """Whether a comma and another key follow a closing brace: then it was one too many."""
    match = _BLANK.match(text, at, end)
    at = match.end() if match else at
    return text.startswith(",", at) and bool(QUOTED_KEY_AHEAD.match(text, at + 1, end))


class _Reader(Tree):
    def __init__(self, text: str, start: int, end: int) -> None:
        super().__init__()
        self.text = text
        self.start = self.at = start
        self.end = end

    def found(self) -> Found:
        return Found(self.root, self.start, self.at, self.notes, self.cut)

    def run(self) -> bool:
        """Read; False when it is nested too deep."""
        text = self.text
        self.enter(text[self.at])
        while self.open:
            if len(self.open) > DEEPEST:
                return False
            top = self.open[-1]
            if top.ready and top.key is None and self.clean(top):
                continue
            self.skip()
            if self.at >= self.end or self.unfinished is not None:
                self.stop()
                break
            char = text[self.at]
            if char in "}]":
                self.close(char, top)
            elif char == ",":
                self.comma(top)
            elif top.is_object and top.key is None:
                self.read_key(char, top)
            elif char in "{[":
                self.enter(char)
            else:
                self.read_value(char, top)
        return True

    def clean(self, top: Open) -> bool:
        """Read one member or item that has nothing wrong with it."""
        match = (_MEMBER if top.is_object else _ITEM).match(self.text, self.at, self.end)
        if not match:
            return False
        *key, said, word, comma = match.groups()
        value = meant(word)[0] if said is None else said
        if key:
            if key[0] in top.value:
                self.note("duplicate")
            top.value[key[0]] = value
        else:
            top.value.append(value)
        top.ready = comma is not None
        self.at = match.end()
        return True

    def comma(self, top: Open) -> None:
        if top.key is not None:  # `"a": ,` says nothing about a
            self.note("left_out")
            top.key = None
        elif top.ready:
            self.note("comma")
        top.ready = True
        self.at += 1

    def close(self, char: str, top: Open) -> None:
        if top.key is not None:
            self.note("left_out")
            top.key = None
        if top.ready and top.value:
            self.note("comma")
        if top.is_object is (char == "}"):
            self.at += 1
            if len(self.open) == 1 and top.is_object and goes_on(self.text, self.at, self.end):
                self.note("bracket")
            else:
                self.leave()
            return
        self.note("bracket")
        if self.objects if char == "}" else self.lists:
            self.leave()  # the inner one was not closed: the bracket belongs to an outer one
            return
        self.at += 1
        if not self.goes_on(top):
            self.leave()  # a bracket of the wrong kind

    def goes_on(self, top: Open) -> bool:
        """Whether more of the innermost container follows a bracket that fits nothing."""
        match = _BLANK.match(self.text, self.at, self.end)
        at = match.end() if match else self.at
        ahead = KEY_AHEAD if top.is_object else ITEM_AHEAD
        return self.text.startswith(",", at) and bool(ahead.match(self.text, at + 1, self.end))

    def skip(self) -> None:
        """Pass over blanks, comments and ellipses; a fence that begins a line is the end."""
        text = self.text
        while self.at < self.end:
            char = text[self.at]
            if char in _BLANKS:
                match = _BLANK.match(text, self.at, self.end)
                if match is None or match.end() == self.at:
                    return
                if text.find("\\", self.at, match.end()) >= 0:
                    self.note("escape")
                self.at = match.end()
            elif char in "/#" and (end := self.comment_end()):
                self.note("comment")
                self.at = end
            elif char in ".…" and text.startswith(("...", "…"), self.at):
                self.note("ellipsis")
                self.at += 3 if char == "." else 1
            elif char in "`~" and text.startswith(_FENCE, self.at) and self.begins_line():
                self.end = self.at
            else:
                return

    def begins_line(self) -> bool:
        before = self.text[max(0, self.at - 40) : self.at].rstrip(" \t")
        return not before or before.endswith("\n")

    def comment_end(self) -> int:
        text, at = self.text, self.at
        block = text.startswith("/*", at)
        if not block and not text.startswith(("//", "#"), at):
            return 0
        end = text.find("*/" if block else "\n", at + 1, self.end)
        if end < 0 and not block and (bracket := _BRACKET.search(text, at, self.end)):
            return bracket.start()  # all on one line: the comment cannot be the rest of it
        return self.end if end < 0 else end + (2 if block else 0)

    def read_key(self, char: str, top: Open) -> None:
        if char in "{[":
            self.note("bracket")
            if self.lists and char == "{" and top.value:
                self.leave()  # `[{"a": 1, {"b": 2}]`: the first one was not closed
                self.open[-1].ready = True
            elif char == "{" and not top.value:
                self.at += 1  # `{{"a": 1}}`
            else:
                self.note("left_out")
                self.push({} if char == "{" else [])
                self.at += 1
            return
        if not top.ready:
            self.note("comma")
        top.ready = False
        key = self.quoted_key(char) if char in CLOSING else self.bare_key()
        if key is None:
            return
        self.skip()
        if self.at >= self.end:
            return
        char = self.text[self.at]
        if char == ":":
            self.at += 1
        elif char in ",}]":  # a member of a set, or a word of prose
            self.note("left_out")
            return
        else:
            self.note("colon")
            if char == "=":
                self.at += 2 if self.text.startswith("=>", self.at) else 1
        top.key = key

    def bare_key(self) -> str | None:
        text, at = self.text, self.at
        match = _WORD_END.search(text, at, self.end)
        end = self.at = match.start() if match else self.end
        word = text[at:end].strip()
        if word and end < self.end and (text[end] in ":=" or self.lacks_colon(word, end)):
            self.note("unquoted")
            self.at += text[end] == '"' and self.colon_follows(end + 1)  # `a": 1`
            return word
        self.note("left_out")
        if end == at:  # a character that nothing begins with
            self.at += 1
        return None

    def lacks_colon(self, word: str, end: int) -> bool:
        """Whether a word before a quote is a key; else it is a stray word before one."""
        return (
            self.text[end] == '"'
            and " " not in word
            and QUOTED_KEY_AHEAD.match(self.text, end, self.end) is None
        )

    def quoted_key(self, quote: str) -> str | None:
        text, at = self.text, self.at
        if quote == "\\" and text[at + 1 : at + 2] not in ('"', "'"):
            self.at += 1
            self.note("escape")
            return None
        begin = at + (2 if quote == "\\" else 1)
        self.quotes(quote)
        if text.startswith(quote, begin) and text[begin + 1 : begin + 2].isalnum():
            begin += 1  # `""key"": 1`
        end, after = self.key_end(begin, quote)
        follows = self.colon_follows(after)
        colon = -1 if follows else text.find(":", begin, end)
        if after >= 0 and colon < 0 and not follows:
            end, after = self.longer_key(begin, end, after, quote)
        if colon >= 0:  # `{"a: 1}`
            self.note("string")
            self.at = colon
            return text[begin:colon].strip()
        if after < 0:
            self.at = self.end
            return None
        self.at = after
        return self.plain(text[begin:end]).strip("\n")

    def key_end(self, begin: int, quote: str) -> tuple[int, int]:
        """Where a key ends and what follows it begins; the latter is -1 when nothing ends it."""
        at = begin
        while at < self.end:
            char = self.text[at]
            if char == "\\":
                if quote == "\\" and self.text[at + 1 : at + 2] in ('"', "'"):
                    return at, at + 2
                at += 2
            elif char in CLOSING[quote]:
                return at, at + 1
            else:
                at += 1
        return at, -1

    def longer_key(self, begin: int, end: int, after: int, quote: str) -> tuple[int, int]:
        """Where a key ends that has quotes in it; as it was when no quote has a colon behind it."""
        stop = min(self.end, after + _LONGEST_KEY)
        at = after
        while at < stop and self.text[at] not in ":,\n":
            if self.text[at] in CLOSING[quote] and self.colon_follows(at + 1):
                self.note("string")
                return at - (self.text[at - 1] == quote), at + 1
            at += 1
        return end, after

    def colon_follows(self, at: int) -> bool:
        match = _BLANK.match(self.text, at, self.end) if at >= 0 else None
        return match is not None and self.text.startswith((":", "="), match.end())

    def quotes(self, quote: str) -> None:
        if quote == "\\":
            self.note("escape")
        elif quote != '"':
            self.note("quotes")

    def plain(self, raw: str) -> str:
        """A text as it is meant."""
        if "\n" in raw or "\t" in raw:
            self.note("string")
        if "\\" not in raw:
            return raw
        text, clean = unescaped(raw)
        if not clean:
            self.note("escape")
        return text

    def read_value(self, char: str, top: Open) -> None:
        if char in ":=":  # `"a":: 1`
            self.note("colon")
            self.at += 1
            if not top.is_object and top.value and isinstance(top.value[-1], str):
                self.open_before()
            return
        if char in CLOSING:
            if char == "\\" and self.text[self.at + 1 : self.at + 2] not in ('"', "'"):
                self.note("escape")
                self.at += 1
                return
            value = self.quoted(char, top)
        else:
            value = self.word()
        if value in ("", "-", "+") and (self.unfinished is not None or value):
            self.note("left_out")  # nothing of it has come
            self.unfinished = None
            top.key = None
            return
        place = top.key if top.is_object else len(top.value)
        self.put(value)
        if self.unfinished is not None:
            self.unfinished = place
        top.key = None

    def quoted(self, quote: str, top: Open) -> str:
        text = self.text
        begin = self.at + (2 if quote == "\\" else 1)
        self.quotes(quote)
        doubled = text.startswith(quote, begin) and text[begin + 1 : begin + 2].isalnum()
        begin += doubled  # `""text""`
        where = (top.is_object, self.objects, self.lists)
        end = text.find(quote * 2, begin, self.end) if doubled else -1
        after = end + 2
        if end < 0 or not closes(text, after, self.end, *where):
            end, after = closing_quote(text, begin, self.end, quote, *where)
        if after < 0:
            self.unfinished = 0
            self.note("string")
        elif after == end:
            self.note("string")
        raw = text[begin:end]
        if doubled or quote in raw:
            self.note("string")
        self.at = self.end if after < 0 else after
        return self.plain(raw)

    def word(self) -> Any:
        """A value without quotes: a number, a constant, or text up to where a value may end."""
        text, begin = self.text, self.at
        if not self.open[-1].is_object and (match := _SIMPLE_BEFORE.match(text, begin, self.end)):
            self.at = match.end()  # `[1 2]`
            return meant(match.group())[0]
        at = begin
        depth = 0
        while match := _BARE_END.search(text, at, self.end):
            at = match.start()
            char = text[at]
            if char in "{[":
                depth += 1
            elif char in "}]" and depth:
                depth -= 1
            elif self.ends_word(text[begin:at] if at - begin < 40 else "", char, at):
                break
            at += 1
        else:
            at = self.end
            self.unfinished = 0
        stray = at < self.end and text[at] == '"' and not self.key_at(at)
        self.at = at + stray  # its closing quote
        word = text[begin:at].strip()
        value, kind = meant(word)
        if kind:
            self.note(kind)
        if kind == "unquoted" and stray:
            return self.plain(word)
        if word.casefold() in ("true", "false", "null", "none"):
            self.unfinished = None  # no more can follow
        return value

    def key_at(self, at: int) -> bool:
        top = self.open[-1]
        return top.is_object and QUOTED_KEY_AHEAD.match(self.text, at, self.end) is not None

    def ends_word(self, word: str, char: str, at: int) -> bool:
        """Whether an unquoted value ends at this character; ``word`` is empty for a long one."""
        in_object = self.open[-1].is_object
        if char == ",":
            return not in_object or self.separates(at + 1) or meant(word.strip())[1] != "unquoted"
        if char == '"':
            if self.key_at(at):
                return True
            self.note("string")
            return closes(self.text, at + 1, self.end, in_object, self.objects, self.lists)
        if char == "}":
            return self.objects > 0
        return char != "]" or self.lists > 0

    def separates(self, at: int) -> bool:
        """Whether a comma after an unquoted text ends it."""
        match = _BLANK.match(self.text, at, self.end)
        after = match.end() if match else at
        if after >= self.end or self.text[after] in "}]":
            return True
        return KEY_AHEAD.match(self.text, after, self.end) is not None
