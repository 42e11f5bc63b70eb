"""``POST /auth/token``: as JSON, or as the form of OAuth 2.0's client credentials.

RFC 6749, sections 2.3.1 (the client shows itself by HTTP Basic, or in the form), 4.4.2 (the form)
and 5.1, 5.2 (answer and error). Whoever sends the form gets errors as it has them.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request
from starlette.responses import Response

from conduit.blocks import Gate, dumps
from conduit.contracts.errors import ConduitError, InvalidInput, Unauthenticated
from conduit.contracts.json import JsonObject
from conduit.surfaces.http.errors import described, error_response, status_of
from conduit.surfaces.http.models.request import read_headers
from conduit.surfaces.http.requests import correlation_of, json_body, principal_of

PATH: Final = "/auth/token"
_FORM: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 20
_LARGEST_FORM: Final = 16 * 1024
_NOT_STORED: Final = {"cache-control": "no-store", "pragma": "no-cache"}
_UNSAYABLE: Final = re.compile(r"[^ !#-\[\]-~]")
"""What section 5.2 of RFC 6749 has no place for in a description."""
_TAKEN: Final = frozenset({"grant_type", "scope", "client_id", "client_secret"})


def token_endpoint(gate: Gate) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint, for a route."""

    async def endpoint(request: Request) -> Response:
        as_form = request.headers.get("content-type", "").split(";")[0].strip().lower() == _FORM
        try:
            wish = await _form(request) if as_form else await json_body(request)
            if not isinstance(wish, dict):
                raise InvalidInput("the body must be a JSON object", hint="send {}")
            wish = _shown(request) | wish
            made = await gate.acall(
                "auth.token", wish, principal_of(request), correlation_id=correlation_of(request)
            )
        except ConduitError as error:
            refused = _as_oauth(error) if as_form else error_response(error)
            refused.headers.update(_NOT_STORED)
            return refused
        return Response(dumps(made), headers=_NOT_STORED, media_type="application/json")

    return endpoint


def _shown(request: Request) -> JsonObject:
    """The key in the headers."""
    kind, _, rest = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            user, colon, secret = b64decode(rest.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user = colon = secret = ""
        if not colon:
            raise Unauthenticated(
                "the Authorization header is no HTTP Basic",
                where="authorization",
                hint="send the name of the key, a colon and the key, in base64",
            )
        return {"client_id": unquote_plus(user), "client_secret": unquote_plus(secret)}
    key = read_headers(request.scope["headers"]).key
    return {"key": key} if key else {}


async def _form(request: Request) -> JsonObject:
    body = await request.body()
    if len(body) > _LARGEST_FORM:
        raise InvalidInput(f"the form is larger than {_LARGEST_FORM} bytes", hint="send less")
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:  # not ASCII, not UTF-8 within, too many fields
        raise InvalidInput("the form cannot be read", hint="send it URL-encoded") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidInput("a field of the form comes twice", hint="send each once")
    if found.get("grant_type") != "client_credentials":
        raise _UnsupportedGrant(
            "the grant type is not client_credentials",
            where="grant_type",
            hint="send grant_type=client_credentials",
        )
    # Other parameters are ignored, as section 3.2 of RFC 6749 asks for.
    return {name: value for name, value in found.items() if name in _TAKEN}


class _UnsupportedGrant(InvalidInput):
    """A way to get a token that is not offered here."""


def _as_oauth(error: ConduitError) -> Response:
    status = status_of(error)
    code = "invalid_request" if status < 500 else "server_error"
    if isinstance(error, _UnsupportedGrant):
        code = "unsupported_grant_type"
    elif isinstance(error, Unauthenticated):
        code = "invalid_client"
    elif error.where == "scope":
        code = "invalid_scope"
    info = described(error)
    said = f"{info.message} ({info.hint})".replace("…", "...")
    body = {"error": code, "error_description": _UNSAYABLE.sub("'", said)}
    response = Response(dumps(body), status, media_type="application/json")
    if status == 401:
        response.headers["www-authenticate"] = "Basic"
    return response
