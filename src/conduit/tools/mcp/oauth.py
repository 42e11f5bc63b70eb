"""Being let in by a server at an address: OAuth 2.1 as the protocol has it.

The SDK knows the way (RFC 9728, 8414, 7591, 7636, 8707, 9207). Here is what it needs: what is kept
between two runs, and a person for the one step that needs one. A server that runs in the background
has no person: it says that somebody has to log in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

import httpx2
from mcp.client.auth import OAuthClientProvider
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from pydantic import AnyUrl

from conduit.contracts.errors import Unauthenticated
from conduit.tools.mcp.settings import OAuthSettings, ServerSettings, filled
from conduit.tools.mcp.tokens import TokenFile

if TYPE_CHECKING:
    from mcp.client.auth.oauth2 import OAuthContext

_NOWHERE: Final = "http://127.0.0.1/callback"


class Consent(Protocol):
    """A person who lets Conduit in, in a browser."""

    @property
    def callback(self) -> str:
        """Where the browser comes back to."""
        ...

    async def ask(self, url: str) -> None:
        """Send them there."""
        ...

    async def answer(self) -> AuthorizationCodeResult:
        """What they came back with. Raises ``TimedOut`` and ``Unauthenticated``."""
        ...


def auth_for(
    server: ServerSettings, environ: Mapping[str, str], consent: Consent | None
) -> OAuthClientProvider | None:
    """How to be let in; None where no login is set up, kept or being made. Raises ``ConfigError``
    for a variable that is not set."""
    if server.tokens is None:
        return None
    file = TokenFile(server.tokens, server.url)
    if server.oauth is None and consent is None and file.read().tokens is None:
        return None
    settings = server.oauth or OAuthSettings()
    secret = filled({"secret": settings.client_secret}, environ, f"mcp.{server.name}")["secret"]
    scope = " ".join(settings.scopes) or None
    storage = _Storage(file, settings, secret)
    if settings.as_itself:
        return _AsItself(server, settings, secret, scope, storage)
    return _AsSomebody(server, settings, secret, scope, storage, consent)


class _Storage:
    """The SDK's view of the file. ``context`` is set as soon as there is one."""

    def __init__(self, file: TokenFile, settings: OAuthSettings, secret: str) -> None:
        self._file = file
        self._settings = settings
        self._secret = secret
        self.context: OAuthContext | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return (await self._file.load()).tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        context = self.context
        assert context is not None
        await self._file.keep(tokens, self._registered(context.client_info), context.oauth_metadata)

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        if not self._settings.client_id:
            return (await self._file.load()).client
        return OAuthClientInformationFull(
            client_id=self._settings.client_id,
            client_secret=self._secret or None,
            redirect_uris=[AnyUrl(_callback_of(self.context))],
            token_endpoint_auth_method="client_secret_basic" if self._secret else "none",
            issuer=self._settings.issuer or None,
        )

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """It is kept together with the tokens: without those it is worth nothing."""

    def _registered(
        self, client: OAuthClientInformationFull | None
    ) -> OAuthClientInformationFull | None:
        """What has to be kept: not what mcp.yaml says already, which may be a secret."""
        return None if self._settings.client_id else client

    async def restore(self, context: OAuthContext) -> None:
        """What the SDK does not ask for: when a token ends, and where it is renewed."""
        kept = await self._file.load()
        context.token_expiry_time = kept.expires_at
        context.oauth_metadata = kept.metadata or context.oauth_metadata


class _AsSomebody(OAuthClientProvider):
    def __init__(
        self,
        server: ServerSettings,
        settings: OAuthSettings,
        secret: str,
        scope: str | None,
        storage: _Storage,
        consent: Consent | None,
    ) -> None:
        self._storage = storage
        self._scope = scope
        metadata = OAuthClientMetadata(
            redirect_uris=[AnyUrl(consent.callback if consent else _NOWHERE)],
            client_name="Conduit",
            scope=scope,
        )

        async def nobody(url: str) -> None:
            raise has_to_log_in(server.name)

        async def nothing() -> AuthorizationCodeResult:
            raise has_to_log_in(server.name)

        super().__init__(
            server.url,
            metadata,
            storage,
            redirect_handler=consent.ask if consent else nobody,
            callback_handler=consent.answer if consent else nothing,
            client_metadata_url=settings.client_url or None,
        )
        storage.context = self.context

    async def _initialize(self) -> None:
        await super()._initialize()
        await self._storage.restore(self.context)

    async def _perform_authorization(self) -> httpx2.Request:
        _choose(self.context, self._scope)
        return await super()._perform_authorization()


class _AsItself(ClientCredentialsOAuthProvider):
    def __init__(
        self,
        server: ServerSettings,
        settings: OAuthSettings,
        secret: str,
        scope: str | None,
        storage: _Storage,
    ) -> None:
        self._storage = storage
        self._scope = scope
        super().__init__(
            server.url,
            storage,
            settings.client_id,
            secret,
            scope=scope,
            issuer=settings.issuer or None,
        )
        storage.context = self.context

    async def _initialize(self) -> None:
        await super()._initialize()
        await self._storage.restore(self.context)

    async def _perform_authorization(self) -> httpx2.Request:
        _choose(self.context, self._scope)
        return await super()._perform_authorization()


def _choose(context: OAuthContext, scope: str | None) -> None:
    """What mcp.yaml names is asked for, and not what the server would like to be asked for."""
    if scope is not None:
        context.client_metadata.scope = scope


def _callback_of(context: OAuthContext | None) -> str:
    known: Any = context.client_metadata.redirect_uris if context is not None else None
    return str(known[0]) if known else _NOWHERE


def has_to_log_in(name: str) -> Unauthenticated:
    return Unauthenticated(
        f"the MCP server {name} wants somebody to log in",
        where=f"mcp.{name}",
        hint=f"conduit mcp login {name}",
    )
