"""Arguments as they stand in a path, a query, a header and a cookie.

The styles are those of the OpenAPI Specification, "Style Values" (spec.openapis.org/oas/v3.1.1,
4.8.12.3), which are the expansions of RFC 6570. All functions are pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import quote

from conduit.blocks.decode import dumps
from conduit.contracts.errors import InvalidInput
from conduit.tools.openapi.document import Encoding, Parameter

_HIDDEN: Final = re.compile(r"%(2f|5c|2e|00|25)", re.IGNORECASE)
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_HEADER_VALUE: Final = re.compile("[\t\x20-\x7e]*")
_LONGEST_PATH_VALUE: Final = 1_000


def in_path(parameter: Parameter, value: Any) -> str:
    """What takes the place of ``{name}``. Raises ``InvalidInput`` for a value that would make
    another path of it."""
    text = dumps(value).decode() if parameter.as_json else None
    parts = [text] if text is not None else list(_leaves(value))
    for part in parts:
        _require_one_step(parameter, part)
    name = quote(parameter.name, safe="")
    if text is not None:
        return quote(text, safe="")
    match parameter.style, value:
        case "simple", _:
            made = _listed(value, parameter.explode, ",")
        case "label", _:
            made = "." + _listed(value, parameter.explode, "." if parameter.explode else ",")
        case "matrix", list() if parameter.explode:
            made = "".join(f";{name}={_text(each)}" for each in value)
        case "matrix", dict() if parameter.explode:
            made = "".join(f";{_text(key)}={_text(each)}" for key, each in value.items())
        case _:
            made = f";{name}={_listed(value, False, ',')}"
    if made in ("", ".", ".."):
        raise _no_step(parameter)
    return made


def in_query(parameter: Parameter, value: Any) -> list[tuple[str, str]]:
    """Names and values for the query, percent-encoded."""
    name = quote(parameter.name, safe="")
    if parameter.as_json:
        return [(name, quote(dumps(value).decode(), safe=""))]
    between = {"spaceDelimited": "%20", "pipeDelimited": "%7C"}.get(parameter.style, ",")
    match value:
        case dict() | list() if parameter.style == "deepObject":
            return list(_deep(name, value))
        case dict() if parameter.explode:
            return [(_text(key), _text(each)) for key, each in value.items()]
        case list() if parameter.explode:
            return [(name, _text(each)) for each in value]
        case list() | dict():
            return [(name, _listed(value, False, between))]
    return [(name, _text(value))]


def in_header(parameter: Parameter, value: Any) -> str:
    """The value of a header. Raises ``InvalidInput`` for what no header can hold."""
    if parameter.as_json:
        text = dumps(value).decode()
    else:
        text = _listed(value, parameter.explode, ",", encoded=False)
    if not _HEADER_VALUE.fullmatch(text):
        raise InvalidInput(
            "a header holds one line of ASCII", where=parameter.field, hint="leave out line ends"
        )
    return text


def in_cookie(parameter: Parameter, value: Any) -> list[str]:
    """``name=value`` for each cookie that it becomes."""
    return [f"{name}={text}" for name, text in in_query(parameter, value)]


def form(fields: dict[str, Any], encodings: Iterable[Encoding] = ()) -> bytes:
    """An ``application/x-www-form-urlencoded`` body. What is nested is written as JSON, but for
    fields with a style of their own."""
    styles = {each.name: each for each in encodings if each.style}
    pairs = []
    for name, value in fields.items():
        if name in styles:
            style = styles[name]
            given = Parameter(name, name, "query", style.style, style.explode)
            pairs += [f"{key}={text}" for key, text in in_query(given, value)]
            continue
        for each in value if isinstance(value, list) else [value]:
            pairs.append(f"{_form_text(name)}={_form_text(plain(each))}")
    return "&".join(pairs).encode()


def multipart(fields: dict[str, Any], boundary: str, encodings: Iterable[Encoding] = ()) -> bytes:
    """A ``multipart/form-data`` body of texts (RFC 7578). What is nested is written as JSON; a
    field that is a file gets the field's name as its own.

    Raises ``InvalidInput`` for a text that holds the boundary.
    """
    files = {each.name for each in encodings if each.is_file}
    lines: list[bytes] = []
    for name, value in fields.items():
        shown = name.replace("\\", "\\\\").replace('"', "%22")
        if _CONTROL.search(shown):
            raise InvalidInput("a field's name holds control characters", where="body")
        for each in value if isinstance(value, list) else [value]:
            text = plain(each).encode()
            if boundary.encode() in text:
                raise InvalidInput("a field holds the boundary between fields", where="body")
            kind = ""
            if isinstance(each, dict | list):
                kind = "\r\nContent-Type: application/json"
            elif name in files:
                kind = f'; filename="{shown}"\r\nContent-Type: application/octet-stream'
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="{shown}"{kind}\r\n\r\n'
            lines += [head.encode(), text, b"\r\n"]
    return b"".join([*lines, f"--{boundary}--\r\n".encode()])


def plain(value: Any) -> str:
    """A value as text: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else dumps(value).decode()


def _deep(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """``name[key][0]=…``, as servers read it that take ``deepObject`` deeper than one level."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in pairs:
            yield from _deep(f"{name}%5B{_text(key)}%5D", each)
    else:
        yield name, _text(value)


def _form_text(text: str) -> str:
    return quote(text, safe=" ").replace(" ", "+")


def _text(value: Any) -> str:
    return quote("" if value is None else plain(value), safe="")


def _listed(value: Any, explode: bool, between: str, *, encoded: bool = True) -> str:
    def text(each: Any) -> str:
        return _text(each) if encoded else ("" if each is None else plain(each))

    if isinstance(value, list):
        return between.join(map(text, value))
    if isinstance(value, dict):
        joint = "=" if explode else between
        return between.join(f"{text(key)}{joint}{text(each)}" for key, each in value.items())
    return text(value)


def _leaves(value: Any) -> list[str]:
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return [text for key, each in value.items() for text in (key, plain(each))]
    return ["" if value is None else plain(value)]


def _require_one_step(parameter: Parameter, text: str) -> None:
    """A server takes apart what was put together here, and some do so twice."""
    if (
        text in ("", ".", "..")
        or len(text) > _LONGEST_PATH_VALUE
        or any(mark in text for mark in "/\\")
        or _HIDDEN.search(text)
        or _CONTROL.search(text)
    ):
        raise _no_step(parameter)


def _no_step(parameter: Parameter) -> InvalidInput:
    return InvalidInput(
        "it would lead to another path: it is empty or too long, a step like .., or holds a slash, "
        "an escaped one or a control character",
        where=parameter.field,
        hint="give the bare value, like 42",
    )
