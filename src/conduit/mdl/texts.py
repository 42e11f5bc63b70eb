"""Texts and words of nearly-JSON: where a quoted one ends, and what an unquoted one means.

A quote inside a text is often not escaped, so a quote closes a text only if what follows it could
follow a value at this place. Every look ahead is bounded by ``_AHEAD`` characters and a run of
blanks, so that a text is read in linear time.
"""

from __future__ import annotations

import re
from typing import Any

CLOSING = {
    '"': '"', "'": "'", "`": "`", "“": "”“\"", "”": "”“\"", "„": "”“\"", "‟": "”“\"",
    "\u2018": "’\u2018'", "’": "’\u2018'", "\u201a": "’\u2018'", "«": "»", "「": "」", "\\": "\\",
}  # fmt: skip
"""The quotes that close what a quote opens. A backslash opens a text whose quotes are escaped."""

_AHEAD = 80
_QUOTED = "|".join(
    f"{begin}[^{end}\\n]{{0,{_AHEAD}}}{close}"
    for begin, end, close in (
        ('"', '"', '"'),
        ("'", "'", "'"),
        ("[“”„]", '“”"', '[“”"]'),
        ("[\u2018’]", "\u2018’'", "[\u2018’']"),
        ('\\\\"', '"', '"'),
    )
)
QUOTED_KEY_AHEAD = re.compile(rf"\s*(?:{_QUOTED})\s*:")
KEY_AHEAD = re.compile(
    rf"\s*(?:(?:[\w$]{{1,40}}\s+)?(?:{_QUOTED})|[\"']?[\w$][\w$.-]{{0,{_AHEAD}}}\"?)\s*:"
)
"""A key and its colon, perhaps with a stray word before it."""

_LIKE_KEY_AHEAD = re.compile(
    rf"[\"'][^\"'\n:,]{{0,{_AHEAD}}}"
    r"(?:\Z|[\"']\s*\Z|[\"']\s+(?:[\"'{\[\d-]|true\b|false\b|null\b))"
)
"""A key the text ends in, or one without a colon."""
ITEM_AHEAD = re.compile(
    r"""\s*(?:["'“”„\u2018{\[\]]|\\"|[+-]?\.?\d|(?:true|false|null|none|nan|infinity)\b|//|/\*|\Z)""",
    re.IGNORECASE,
)
_SPECIAL = {
    quote: re.compile("[\\\\" + re.escape(closers) + "]") for quote, closers in CLOSING.items()
}
_BLANK = re.compile(r"\s*")
_COMMENT = ("//", "/*", "#")


def closing_quote(
    text: str, begin: int, end: int, quote: str, in_object: bool, objects: int, lists: int
) -> tuple[int, int]:
    """Where the text that begins after ``quote`` ends, and where reading goes on.

    The first is also the index of the closing quote, or of what ends a text whose quote is missing
    (then both are the same). ``(end, -1)`` when nothing ends it. ``objects`` and ``lists`` are the
    numbers of open ones.
    """
    special = _SPECIAL[quote]
    at = begin
    inner: list[int] = []  # the first and the last quote that did not close
    odd = False
    while match := special.search(text, at, end):
        at = match.start()
        if text[at] == "\\":
            if quote != "\\":
                at += 2
                continue
            if text[at + 1 : at + 2] not in ('"', "'"):
                at += 4 if text.startswith('\\\\\\"', at) else 2
                continue
            after = at + 2
        else:
            after = at + 1
        if quote == "'" and _apostrophe(text, at):
            at += 1
            continue
        if inner and (stop := _before_key(text, begin, inner, at, after, in_object)) >= 0:
            return stop, stop + (stop == inner[0])
        if closes(text, after, end, in_object, objects, lists):
            return at, after
        inner[1:] = [at]
        odd = not odd
        at = after
    if odd and inner and len(inner) == 1:
        return inner[0], inner[0] + 1  # the one quote there was: words were left behind it
    return _unclosed(text, begin, end, objects + lists)


def _unclosed(text: str, begin: int, end: int, depth: int) -> tuple[int, int]:
    """Where a text ends that no quote closes: before brackets, if they close all there is."""
    stop = end
    while stop > begin and (text[stop - 1].isspace() or text[stop - 1] in "`~"):
        stop -= 1
    brackets = 0
    while (
        stop > begin and brackets < depth and (text[stop - 1] in "}]" or text[stop - 1].isspace())
    ):
        stop -= 1
        brackets += text[stop] in "}]"
    if brackets < depth:
        return end, -1
    while stop > begin and text[stop - 1].isspace():
        stop -= 1
    return stop, stop


def _apostrophe(text: str, at: int) -> bool:
    """Whether a single quote is one inside a word: ``it's``."""
    return text[at - 1 : at].isalnum() and text[at + 1 : at + 2].isalnum()


def closes(text: str, after: int, end: int, in_object: bool, objects: int, lists: int) -> bool:
    """Whether what follows a quote could follow a value."""
    match = _BLANK.match(text, after, end)
    at = match.end() if match else after
    if at >= end:
        return True
    char = text[at]
    if char == ",":
        return _goes_on(text, at + 1, end, in_object, lists)
    if char == "}":
        return objects > 0
    if char == "]":
        return lists > 0
    if text.startswith(_COMMENT, at):
        return at > after
    if text.startswith(("```", "~~~"), at):
        return at == after or "\n" in text[max(after, at - _AHEAD) : at]
    if in_object:
        ahead = KEY_AHEAD if at > after else QUOTED_KEY_AHEAD
        return ahead.match(text, at, end) is not None
    if char == ":":
        return True
    if char in CLOSING:
        if at > after:
            return _CLOSING_QUOTE_AHEAD.match(text, at + 1, end) is None
        return ITEM_AHEAD.match(text, at + 1, end) is None
    return at > after and _NUMBER_AHEAD.match(text, at, end) is not None


def _goes_on(text: str, at: int, end: int, in_object: bool, lists: int) -> bool:
    """Whether a comma here separates: another key or item follows, or the container's end."""
    match = _BLANK.match(text, at, end)
    start = match.end() if match else at
    if start >= end or text[start] in "}]," or text.startswith(_COMMENT, start):
        return True
    if not in_object:
        return ITEM_AHEAD.match(text, start, end) is not None
    if KEY_AHEAD.match(text, start, end) or _LIKE_KEY_AHEAD.match(text, start, end):
        return True
    return (text[start] == "{" and lists > 0) or text[start] == "["


def _before_key(
    text: str, begin: int, quotes: list[int], at: int, after: int, in_object: bool
) -> int:
    """Where a text ends that was not closed, when ``text[inner:after]`` is the next key; or -1.

    ``"a": "one, "b": 2`` has read ``one, "b"`` when it meets a colon.
    """
    inner = quotes[-1]
    match = _BLANK.match(text, after)
    if at - inner > _AHEAD or not text.startswith(":", match.end() if match else after):
        return -1
    if not in_object:  # `["a" b], "key": 1`: the first quote was the right one
        return quotes[0] if at - quotes[0] <= 2 * _AHEAD else -1  # what follows is read again
    blank = inner
    while blank > begin and inner - blank < _AHEAD and text[blank - 1].isspace():
        blank -= 1
    if blank > begin and text[blank - 1] == ",":
        return blank - 1
    return blank if "\n" in text[blank:inner] else -1


_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.|\Z)", re.DOTALL)
_PLAIN = {
    '"': '"', "'": "'", "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t",
    "\n": "\n",
}  # fmt: skip
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def unescaped(raw: str) -> tuple[str, bool]:
    """A text without its escapes, and whether all of them were JSON's.

    An unknown one stays as it is, since it is more often a path or a pattern than a mistake.
    """
    clean = True

    def plain(match: re.Match[str]) -> str:
        nonlocal clean
        said = match.group(1)
        if len(said) == 5:
            return chr(int(said[1:], 16))
        if said not in _PLAIN or said in "'\n":
            clean = False
        return _PLAIN.get(said, match.group())

    text = _ESCAPE.sub(plain, raw)
    if "\\u" in raw:
        text = _PAIR.sub(_joined, text)
    return text, clean


def _joined(match: re.Match[str]) -> str:
    return match.group().encode("utf-16", "surrogatepass").decode("utf-16")


_CLOSING_QUOTE_AHEAD = re.compile(r"\s*[,\]]")
_NUMBER_AHEAD = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,40})?\s*(?:[,\]]|\Z)")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,400})(?P<real>(?:\.\d{1,400})?(?:[eE][+-]?\d{1,9})?)")
_LOOSE = re.compile(r"[+-]?(?:\d[\d_]{0,400}\.?[\d_]{0,400}|\.\d{1,400})(?:[eE][+-]?\d{1,9})?")
_HEX = re.compile(r"[+-]?0[xX][0-9a-fA-F]{1,64}")
_JSON = {"true": True, "false": False, "null": None}
_OTHERS = {
    "true": True, "false": False, "null": None, "none": None, "undefined": None, "nil": None,
    "nan": float("nan"), "infinity": float("inf"), "+infinity": float("inf"),
    "-infinity": float("-inf"), "inf": float("inf"), "-inf": float("-inf"),
}  # fmt: skip


def meant(word: str) -> tuple[Any, str]:
    """What an unquoted word means, and the kind of repair that it took."""
    if word in _JSON:
        return _JSON[word], ""
    if match := _NUMBER.fullmatch(word):
        return (float(word) if match.group("real") else int(word)), ""
    if word.casefold() in _OTHERS:
        return _OTHERS[word.casefold()], "constant"
    if _LOOSE.fullmatch(word):
        digits = word.replace("_", "")
        return (int(digits) if digits.lstrip("+-").isdigit() else float(digits)), "number"
    if _HEX.fullmatch(word):
        return int(word, 16), "number"
    return word, "unquoted"
