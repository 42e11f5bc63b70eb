"""``POST /tools/register``: an OpenAPI document as a file of a form, or in a JSON body.

The form is ``multipart/form-data`` (RFC 7578) with a part ``openapi_file``. Besides it, what the
block takes may stand in the form or in the query: ``corpusId``, ``name``, ``url``, ``replace``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from conduit.blocks import Gate, dumps
from conduit.contracts.errors import ConduitError, InvalidInput, TooLarge
from conduit.contracts.json import JsonObject
from conduit.surfaces.http.errors import error_response
from conduit.surfaces.http.requests import correlation_of, json_body, principal_of

PATH: Final = "/tools/register"
_FILE: Final = "openapi_file"
_FIELDS: Final = ("corpusId", "name", "replace", "url")
_LARGEST_FILE: Final = 8 << 20
_LARGEST_FIELD: Final = 8 << 10
_MOST_FIELDS: Final = 8
_FLAGS: Final = {"true": True, "false": False}


def register_endpoint(gate: Gate) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint, for a route."""

    async def endpoint(request: Request) -> Response:
        try:
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            body: Any = await (_form if kind == "multipart/form-data" else json_body)(request)
            if not isinstance(body, dict):
                raise InvalidInput("the body must be a JSON object", hint="send {}")
            data = _flagged({**request.query_params}) | body
            made = await gate.acall(
                "tools.register",
                data,
                principal_of(request),
                correlation_id=correlation_of(request),
            )
        except ConduitError as error:
            return error_response(error)
        return Response(dumps(made), media_type="application/json")

    return endpoint


async def _form(request: Request) -> JsonObject:
    """The fields of the form. Raises ``InvalidInput`` and ``TooLarge``."""
    found: JsonObject = {}
    try:
        async with request.form(
            max_files=1, max_fields=_MOST_FIELDS, max_part_size=_LARGEST_FIELD
        ) as form:
            for name, value in form.multi_items():
                if name not in (_FILE, *_FIELDS):
                    raise InvalidInput(
                        f"the form has no field {name[:40]!r}",
                        where="form",
                        hint=f"send {_FILE}, and {', '.join(_FIELDS)} if you like",
                    )
                into = "document" if name == _FILE else name
                if into in found:
                    raise InvalidInput(f"the field {name!r} comes twice", where="form")
                if isinstance(value, str):
                    found[into] = value
                elif name == _FILE:
                    found[into] = _text(await value.read(_LARGEST_FILE + 1))
                else:
                    raise InvalidInput(f"the field {name!r} is no file", where="form")
    except HTTPException as error:  # how Starlette says that a form cannot be read
        raise InvalidInput(
            f"the form cannot be read: {str(error.detail)[:120]}",
            where="form",
            hint=f"send multipart/form-data with one file, {_FILE}",
        ) from None
    except ClientDisconnect:
        raise InvalidInput(
            "the client left before the form was complete", hint="send all of it"
        ) from None
    return _flagged(found)


def _text(data: bytes) -> str:
    if len(data) > _LARGEST_FILE:
        raise TooLarge(f"the file exceeds {_LARGEST_FILE} bytes", where=_FILE)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput("the file is not UTF-8", where=_FILE, hint="save it as UTF-8") from None


def _flagged(fields: JsonObject) -> JsonObject:
    """All that a form and a query can say is text."""
    if isinstance(flag := fields.get("replace"), str) and flag.lower() in _FLAGS:
        return fields | {"replace": _FLAGS[flag.lower()]}
    return fields
