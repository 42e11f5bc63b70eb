"""``auth.token``: a key for a token that ends soon."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from conduit.app.keys import EXCHANGE
from conduit.app.token_scope import CatalogScopes
from conduit.app.tokens import Tokens
from conduit.blocks import Block, Effects, Length, Range, block
from conduit.contracts.call import Principal
from conduit.contracts.errors import InvalidInput, Unauthenticated

Secret = Annotated[str, Length(0, 4096), "never shown again"]


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A key to exchange. ``client_id`` and ``client_secret`` are the names that OAuth 2.0 has for
    the name or id of a key, and the key."""

    key: Secret = field(default="", repr=False)
    scope: Annotated[
        str, Length(0, 4000), "permissions with spaces between them; empty: all that the key has"
    ] = ""
    expires_in: Annotated[int, Range(60, 3600), "seconds"] = 900
    grant_type: Literal["", "client_credentials"] = ""
    client_id: Annotated[str, Length(0, 64)] = ""
    client_secret: Secret = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class TokenReply:
    """A token, for ``Authorization: Bearer``; as RFC 6749, section 5.1, has it."""

    access_token: str = field(repr=False)
    expires_in: Annotated[int, "seconds"]
    scope: Annotated[str, "what it may call, with spaces between"]
    token_type: str = "Bearer"


def token_block(tokens: Tokens, scopes: CatalogScopes, caller: Principal) -> Block[Any, Any]:
    """``auth.token``. ``caller`` is whoever calls without a key, while nobody needs one.

    A token is given for a key that is shown, never for a principal: so a token gets no other token,
    and a model that works for somebody gets none at all.
    """

    @block(
        EXCHANGE,
        summary="Exchange a key for a token that ends soon",
        effects=Effects.WRITES_FILES,
    )
    def token(request: TokenRequest) -> TokenReply:
        if request.key and request.client_secret and request.key != request.client_secret:
            raise InvalidInput(
                "two different keys are shown", where="auth.token", hint="show one of them"
            )
        shown = request.client_secret or request.key
        holder = tokens.holder(shown)
        if holder is None and tokens.required:
            said, hint = "a key is needed", "send Authorization: Bearer ck-…"
            if shown.startswith("eyJ"):
                said, hint = "a token is not exchanged for another", "show the key itself"
            elif shown:
                said, hint = "this key is not known, or not any more", "ask for a new one"
            raise Unauthenticated(said, where="key", hint=hint)
        if holder is not None and request.client_id not in ("", holder.id, holder.name):
            raise Unauthenticated(
                "this key has another name",
                where="client_id",
                hint="send its name, its id, or none",
            )
        person = caller if holder is None else holder.principal
        scope = scopes.read(request.scope, person)
        made, seconds = tokens.issue(holder, seconds=request.expires_in, scope=scope)
        return TokenReply(made, seconds, " ".join(scope or sorted(person.permissions - {EXCHANGE})))

    return token
