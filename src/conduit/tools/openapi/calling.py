"""One call of an operation: its request put together, and the reply as a model may read it."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, cast

import orjson

from conduit.blocks.decode import dumps
from conduit.blocks.gate import current_call
from conduit.blocks.utility.addresses import LookUp, Reach, look_up
from conduit.blocks.utility.charset import text_of
from conduit.blocks.utility.http import with_key
from conduit.blocks.utility.url import WebUrl, read_url
from conduit.contracts.errors import ConduitError, InvalidInput, TooLarge, Unavailable
from conduit.contracts.json import Json, JsonObject
from conduit.tools.openapi.document import Operation, require_plain_path
from conduit.tools.openapi.settings import FILE, Apis, Shown
from conduit.tools.openapi.values import (
    form,
    in_cookie,
    in_header,
    in_path,
    in_query,
    multipart,
    plain,
)

_LARGEST_BODY: Final = 8 << 20
_LONGEST_QUERY: Final = 16_000
_DEEPEST: Final = 100
_TOLD: Final = re.compile(r"content-language|etag|last-modified|link|location|retry-after|"
                          r"(x-)?rate-?limit-[a-z-]{1,40}", re.IGNORECASE)  # fmt: skip
_LONGEST_TOLD: Final = 500
_HIDDEN: Final = b"[secret]"


@dataclass(frozen=True, slots=True)
class OperationReply:
    """What the server answered, with any status. ``body`` is JSON where it is that, else text, and
    null where it is neither; ``truncated`` says that the end of it is missing."""

    status: int
    content_type: str
    headers: Annotated[dict[str, str], "those that say how to go on"]
    body: Json = None
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls operations, within what the settings and ``access.yaml`` allow."""

    apis: Apis
    reach: Reach = field(default_factory=Reach)
    look_up: LookUp = look_up
    new_boundary: Callable[[], str] = lambda: secrets.token_hex(16)

    async def call(
        self, org_id: str, api: str, operation: Operation, values: JsonObject, where: str
    ) -> OperationReply:
        """Raises ``InvalidInput`` for values that cannot be sent, ``Forbidden`` for a server out of
        reach, ``Unavailable`` and ``TimedOut`` when it does not answer."""
        from conduit.blocks.utility.fetch import Exchange, Limits, Method, Request

        settings = self.apis.of(org_id, api)
        base = settings.base or _server_of(operation, where)
        shown = Shown()
        if not operation.is_open:
            shown = settings.shown(base, self.apis.environ, where)
        url, headers, body = request_of(operation, values, base, shown, self.new_boundary())
        if operation.method not in ("GET", "HEAD"):
            headers = with_key(headers, current_call().key_for(where))
        request = Request(cast(Method, operation.method), url, headers, body)
        limits = Limits(settings.timeout_seconds, largest=settings.largest, cut=True)
        exchange = Exchange(request, limits, self.reach, self.look_up)
        try:
            reply = await exchange.run()
        except ConduitError as error:
            error.where = error.where or where
            raise
        told = {
            name.lower(): _without(value.encode(), shown).decode()[:_LONGEST_TOLD]
            for name, value in reply.headers
            if _TOLD.fullmatch(name) and value.isprintable()
        }
        said = _without(reply.content_type.encode(errors="replace"), shown)
        content_type = said.decode()[:200]
        read, cut = _read(_without(reply.body, shown), content_type, reply.truncated, shown)
        return OperationReply(reply.status, content_type, told, read, cut)


def request_of(
    operation: Operation, values: JsonObject, base: WebUrl, shown: Shown, boundary: str
) -> tuple[WebUrl, tuple[tuple[str, str], ...], bytes | None]:
    """Address, headers and body. Scheme, host and port are those of ``base``, whatever the values.

    Raises ``InvalidInput`` and ``TooLarge``.
    """
    steps: dict[str, str] = {}
    query: list[tuple[str, str]] = []
    headers: dict[str, str] = {"Accept": "application/json, text/*;q=0.9, */*;q=0.5"}
    cookies: list[str] = []
    for parameter in operation.parameters:
        if parameter.field not in values:
            continue
        value = values[parameter.field]
        match parameter.place:
            case "path":
                steps[parameter.name] = in_path(parameter, value)
            case "query":
                query += in_query(parameter, value)
            case "header":
                headers[parameter.name] = in_header(parameter, value)
            case "cookie":
                cookies += in_cookie(parameter, value)
    if cookies:
        headers["Cookie"] = "; ".join(cookies)
    body = None
    if operation.body is not None and operation.body.field in values:
        given = values[operation.body.field]
        body, headers["Content-Type"] = _body(operation, given, boundary)
    # What the operator configured takes the place of what anybody else says under its name.
    ours = {name.lower() for name, _ in shown.headers}
    kept = [(name, value) for name, value in headers.items() if name.lower() not in ours]
    hidden = {name for name, _ in shown.query}
    pairs = [*(pair for pair in query if pair[0] not in hidden), *shown.query]
    text = "&".join(f"{name}={value}" for name, value in pairs)
    if len(text) > _LONGEST_QUERY:
        raise TooLarge(f"the query is longer than {_LONGEST_QUERY} characters", where="input")
    return _address(base, operation.path, steps, text), (*kept, *shown.headers), body


def _address(base: WebUrl, template: str, steps: Mapping[str, str], query: str) -> WebUrl:
    path = re.sub(r"\{([^{}]*)\}", lambda each: steps.get(each[1], ""), template)
    whole = f"{base.path.rstrip('/')}{path}"
    if any(step in (".", "..") for step in whole.split("/")) or "//" in whole:
        raise InvalidInput("the path would have steps like .. or //", where="input")
    return WebUrl(base.scheme, base.host, base.port, whole, query)


def _server_of(operation: Operation, where: str) -> WebUrl:
    if not operation.server:
        raise Unavailable(
            "its document names no server",
            where=where,
            hint=f"say base_url for the API in {FILE}",
        )
    read = read_url(operation.server)
    require_plain_path(read.path, where)
    return read


def _body(operation: Operation, given: Any, boundary: str) -> tuple[bytes, str]:
    described = operation.body
    assert described is not None
    match described.kind:
        case "json":
            body, media_type = dumps(given), described.media_type
        case "form":
            body, media_type = form(_fields(given), described.encodings), described.media_type
        case "multipart":
            body = multipart(_fields(given), boundary, described.encodings)
            media_type = f"multipart/form-data; boundary={boundary}"
        case _:
            body, media_type = plain(given).encode(), described.media_type
    if len(body) > _LARGEST_BODY:
        raise TooLarge(f"the body is larger than {_LARGEST_BODY} bytes", where="body")
    return body, media_type


def _fields(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise InvalidInput("a form is an object of its fields", where="body", hint="send {…}")
    return given


def _without(data: bytes, shown: Shown) -> bytes:
    """Without the secret, which some servers repeat."""
    for spelling in shown.spellings:
        data = data.replace(spelling, _HIDDEN)
    return data


def _without_in(value: Any, shown: Shown) -> Any:
    """The same for a JSON value: in its text the secret may have been spelt with escapes."""
    if not shown.spellings:
        return value
    plain = orjson.dumps(value)
    cleaned = _without(plain, shown)
    return value if cleaned == plain else orjson.loads(cleaned)


def _read(body: bytes, content_type: str, truncated: bool, shown: Shown) -> tuple[Any, bool]:
    if "json" in content_type.lower() and not truncated and body:
        with contextlib.suppress(orjson.JSONDecodeError, orjson.JSONEncodeError):
            value = orjson.loads(body)  # or else it is a text
            if _flat_enough(value):
                return _without_in(value, shown), False
    if truncated:  # it may end within a character
        body = body.decode(errors="ignore").encode() if _is_utf8(content_type) else body
    try:
        return (text_of(body, content_type) if body else None), truncated
    except InvalidInput:
        return None, truncated


def _is_utf8(content_type: str) -> bool:
    return "charset" not in content_type.lower() or "utf-8" in content_type.lower()


def _flat_enough(value: Any) -> bool:
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return True
    return False
