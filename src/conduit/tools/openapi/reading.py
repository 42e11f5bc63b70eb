"""The text of an OpenAPI document, JSON or YAML, as plain data, within bounds.

YAML is read as YAML 1.2 reads JSON (the specification asks for that): ``no`` and ``2026-01-31`` are
text. Aliases are refused, because a few of them can stand for more than fits into any memory, and
so are two equal keys. Everything is linear in the text.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.contracts.json import JsonObject
from conduit.store.settings_file import safe_loader

LARGEST: Final = 8 << 20
"""Bytes of a document."""
LARGEST_YAML: Final = 4 << 20
"""Bytes of one in YAML, which takes twenty times as long to read."""
DEEPEST: Final = 100
MOST_VALUES: Final = 1_000_000

_INT: Final = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT: Final = re.compile(r"[-+]?(?=\.?[0-9])[0-9]{0,40}(\.[0-9]{0,40})?([eE][-+]?[0-9]{1,3})?")
_WORDS: Final = {
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def read_document(text: str) -> JsonObject:
    """The document. Raises ``InvalidInput`` and ``TooLarge``."""
    if len(text) > LARGEST or len(data := _encoded(text)) > LARGEST:
        raise _too_large(LARGEST)
    # No value is without one of these before or after it, so this bounds what parsing can make.
    if sum(data.count(mark) for mark in (b",", b":", b"[", b"{", b"\n-")) > 2 * MOST_VALUES:
        raise TooLarge(f"the document holds more than {MOST_VALUES} values", hint=_IN_PARTS)
    if data.lstrip()[:1] in (b"{", b"["):
        try:
            document = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            document = _yaml(data, str(error))  # flow style of YAML begins like JSON
    else:
        document = _yaml(data, "")
    if not isinstance(document, dict):
        raise InvalidInput("the document is not a mapping", hint="send an OpenAPI 3 document")
    _require_bounds(document)
    return document


_IN_PARTS: Final = "register a part of it: the operations that are needed"


def _encoded(text: str) -> bytes:
    try:
        return text.removeprefix("\ufeff").encode()
    except UnicodeEncodeError:
        raise InvalidInput("the document holds a lone surrogate", hint="send UTF-8") from None


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"the document exceeds {most} bytes", hint=_IN_PARTS)


def _require_bounds(document: Any) -> None:
    """Depth and number of values, without recursion."""
    level: list[Any] = [document]
    values = 0
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for each in level:
            found = each.values() if isinstance(each, dict) else each
            values += len(found)
            inner.extend(value for value in found if isinstance(value, dict | list))
        if values > MOST_VALUES:
            raise TooLarge(f"the document holds more than {MOST_VALUES} values", hint=_IN_PARTS)
        if not inner:
            return
        level = inner
    raise InvalidInput(f"the document nests more than {DEEPEST} levels", hint="flatten it")


def _yaml(data: bytes, as_json: str) -> Any:
    import yaml

    if len(data) > LARGEST_YAML:
        raise TooLarge(f"a document in YAML may have {LARGEST_YAML} bytes", hint="send it as JSON")
    try:
        return _Builder().of(yaml.parse(data.decode(), Loader=safe_loader()))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark is not None else ""
        said = as_json or f"{getattr(error, 'problem', None) or 'unusable characters'}{line}"
        raise InvalidInput(
            f"the document is neither JSON nor YAML: {said}"[:300], hint="check it with a linter"
        ) from None


class _Builder:
    """Plain data from the events of the parser, in one pass and without recursion."""

    def __init__(self) -> None:
        self._open: list[tuple[Any, str | None]] = []
        """Containers not closed yet, each with the key it waits to give a value to."""
        self._values = 0

    def of(self, events: Any) -> Any:
        import yaml

        root: Any = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.AliasEvent):
                raise _refused(event, f"it uses the alias *{event.anchor}", "write it out in full")
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _refused(event, "there is more than one document", "send one")
            elif isinstance(event, yaml.ScalarEvent):
                if not self._open:
                    root = _scalar(event)
                else:
                    self._put(event, _scalar(event), key=event.value)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                made: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                if not self._open:
                    root = made
                else:
                    self._put(event, made, key=None)
                self._open.append((made, None))
                if len(self._open) > DEEPEST:
                    raise _refused(event, f"it nests more than {DEEPEST} levels", "flatten it")
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                self._open.pop()
        return root

    def _put(self, event: Any, value: Any, key: str | None) -> None:
        self._values += 1
        if self._values > 2 * MOST_VALUES:
            raise TooLarge(f"the document holds more than {MOST_VALUES} values", hint=_IN_PARTS)
        into, waiting = self._open[-1]
        if isinstance(into, list):
            into.append(value)
        elif waiting is not None:
            into[waiting] = value
            self._open[-1] = into, None
        elif key is None:
            raise _refused(event, "a key is not text", "write it as name: value")
        elif key in into:
            raise _refused(event, f"the key {key[:60]!r} occurs twice", "keep one")
        else:
            self._open[-1] = into, key


def _refused(event: Any, message: str, hint: str) -> InvalidInput:
    return InvalidInput(f"line {event.start_mark.line + 1}: {message}", hint=hint)


def _scalar(event: Any) -> Any:
    text: str = event.value
    if event.style or event.tag not in (None, "!"):  # quoted; a plain one has no style, or ""
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if abs(number) < 1e308 else text
    return text
