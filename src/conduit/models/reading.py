"""Reading JSON that somebody else wrote: every access says what was expected and what came."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import orjson

from conduit.contracts.chat import Image, Reasoning
from conduit.contracts.errors import InvalidInput
from conduit.contracts.json import JsonObject
from conduit.models.exchange import Listing, NotTheProtocol

QUOTE_LIMIT = 300
"""Characters of a provider's own words that are quoted in an error."""

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""How much to think, from least to most."""

_BUDGETS = {"low": 1_024, "medium": 8_192, "high": 24_576}
"""Tokens that an effort stands for, as Gemini's page on OpenAI compatibility equates them."""
_IMAGE_BEGINS = {
    "iVBORw0KGgo": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
}
"""The first bytes of a picture, in base64."""
_ODD_IN_ID = re.compile(r"[^a-zA-Z0-9_-]")
_WORDS_KEYS = ("error", "message", "msg", "detail", "type")
_WORDS_DEPTH = 6
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]+")
_TITLE = re.compile(rb"<title[^>]{0,200}>([^<]{1,2000})", re.IGNORECASE)


def parse_object(data: bytes, what: str) -> JsonObject:
    """``data`` as a JSON object. Raises ``NotTheProtocol`` for anything else."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if data.lstrip()[:1] == b"<":
            raise NotTheProtocol(f"{what} is a web page, not JSON{_title(data)}") from None
        if not data.strip():
            raise NotTheProtocol(f"{what} is empty") from None
        raise NotTheProtocol(f"{what} is not whole JSON ({error})") from None
    if not isinstance(value, dict):
        raise NotTheProtocol(f"{what} is a JSON {_kind(value)}, expected an object")
    return value


def text_of(value: Any, path: str) -> str:
    """A string, or empty for null."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise NotTheProtocol(f"{path} is a {_kind(value)}, expected a string")
    return value


def name_of(value: Any, path: str) -> str:
    """A string that is not empty."""
    text = text_of(value, path)
    if not text:
        raise NotTheProtocol(f"{path} is missing")
    return text


def object_of(value: Any, path: str) -> JsonObject:
    """An object."""
    if not isinstance(value, dict):
        raise NotTheProtocol(f"{path} is a {_kind(value)}, expected an object")
    return value


def list_of(value: Any, path: str) -> list[Any]:
    """An array, or empty for null."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise NotTheProtocol(f"{path} is a {_kind(value)}, expected an array")
    return value


def vector_of(value: Any, path: str) -> tuple[float, ...]:
    """A place in a vector space: numbers, at least one."""
    row = list_of(value, path)
    if not row or not set(map(type, row)) <= {float, int}:
        raise NotTheProtocol(f"{path} is not a list of numbers")
    return tuple(map(float, row))


def listed_models(document: JsonObject, listing: Listing) -> tuple[str, ...]:
    """The models of a list, in its order."""
    if not isinstance(document.get(listing.rows), list):
        raise NotTheProtocol(f"the list of models has no {listing.rows!r}")
    return tuple(
        name_of(
            object_of(row, f"{listing.rows}[{at}]").get(listing.name), listing.name
        ).removeprefix(listing.prefix)
        for at, row in enumerate(document[listing.rows])
    )


def count_of(value: Any) -> int:
    """A count of tokens; 0 for what is none (usage is advice, not worth losing an answer for)."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def image_address(image: Image) -> str:
    """A picture as one address: its own, or a ``data:`` URL (RFC 2397)."""
    return image.url or f"data:{image.media_type or 'image/png'};base64,{image.data}"


def image_type(image: Image) -> str:
    """The media type of a picture that is here: as stated, else as its first bytes tell. Raises
    ``InvalidInput`` where neither does."""
    if image.media_type:
        return image.media_type
    for begin, media_type in _IMAGE_BEGINS.items():
        if image.data.startswith(begin):
            return media_type
    raise InvalidInput(
        "a picture does not say of what kind it is",
        hint="send a PNG, JPEG, GIF or WebP in base64, or name its media type",
    )


def plain_id(id: str, limit: int = 64) -> str:
    """The id of a tool call in letters that every provider takes; those of some hold others. The
    same one always becomes the same."""
    plain = _ODD_IN_ID.sub("_", id)
    if len(plain) <= limit:
        return plain
    return hashlib.sha256(id.encode(errors="replace")).hexdigest()[:limit]


def effort_of(reasoning: Reasoning, taken: tuple[str, ...] = EFFORTS) -> str:
    """The effort of those ``taken`` that is nearest to what is asked for; empty when nothing is.
    One that is not among ours is handed on: a server may have a word of its own."""
    effort, budget = reasoning.effort, reasoning.max_tokens
    if not effort and budget is not None:
        nearest = min(_BUDGETS, key=lambda name: abs(_BUDGETS[name] - budget))
        effort = nearest if budget > 0 else "none"
    if effort in taken or effort not in EFFORTS:
        return effort
    if not taken:
        return ""
    rank = EFFORTS.index(effort)
    return min(taken, key=lambda name: abs(EFFORTS.index(name) - rank))


def json_text(value: Any) -> str:
    """Compact JSON text. Raises ``NotTheProtocol`` for what nests beyond reason."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        raise NotTheProtocol("the JSON nests too deeply") from None


class Unwritable(InvalidInput):
    """Text that has no UTF-8 form, and the like: no provider could be sent it."""


def json_body(value: JsonObject) -> bytes:
    """A request body. Raises ``InvalidInput`` for text that has no UTF-8 form, and the like."""
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise Unwritable(
            f"the request cannot be written as JSON: {error}",
            hint="look for half an emoji (a lone surrogate), a number beyond 64 bits, or depth",
        ) from None


def arguments_object(arguments: str) -> JsonObject:
    """Tool arguments for a protocol that wants an object.

    What a model wrote wrongly is handed over under ``unparsed``, so that it can see its mistake.
    """
    if not arguments.strip():
        return {}
    try:
        value = orjson.loads(arguments)
        orjson.dumps(value)  # it reads deeper than it writes
    except (ValueError, TypeError):
        return {"unparsed": arguments}
    return value if isinstance(value, dict) else {"unparsed": arguments}


def quote(text: str) -> str:
    """A provider's words for an error message: one line, without control characters, capped."""
    line = _CONTROL.sub(" ", text).strip()
    return line if len(line) <= QUOTE_LIMIT else line[: QUOTE_LIMIT - 1] + "…"


def error_words(value: Any) -> str:
    """The message of an error object in any of the shapes in use: ``{"error": {"message"}}``,
    ``{"error": "…"}``, ``{"message"}``, ``{"detail": [{"msg"}]}``, ``"…"``; empty when there is
    none. It is not yet fit to be quoted."""
    for _ in range(_WORDS_DEPTH):
        if isinstance(value, dict):
            value = next((value[key] for key in _WORDS_KEYS if value.get(key)), None)
        elif isinstance(value, list):
            value = value[0] if value else None
    return value if isinstance(value, str) else ""


def error_body(body: bytes) -> str:
    """What an error reply says, whatever it is; empty when it says nothing. Not yet fit to be
    quoted."""
    try:
        return error_words(orjson.loads(body))
    except orjson.JSONDecodeError:
        if body.lstrip()[:1] == b"<":
            return f"a web page{_title(body)}"
        return body.decode(errors="replace")


def _title(page: bytes) -> str:
    found = _TITLE.search(page[:65536])
    return f" titled “{found[1].decode(errors='replace').strip()}”" if found else ""


def _kind(value: Any) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")
