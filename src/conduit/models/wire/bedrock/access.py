"""Who asks: a signature, or a Bedrock API key."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from conduit.contracts.errors import ConfigError, InvalidInput
from conduit.models.exchange import Header, Signing
from conduit.models.sigv4 import Credentials
from conduit.models.sigv4 import sign as sign_for

_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]{2,12}){1,3}-\d{1,2}")
_JSON = ("Content-Type", "application/json")
_MODEL_LIMIT = 2048


def authorize(key: str) -> tuple[Header, ...]:
    """A Bedrock API key is a bearer token; credentials are not sent but sign (see ``sign``)."""
    return () if ":" in key else (("Authorization", f"Bearer {key}"),)


def sign(signing: Signing) -> tuple[Header, ...]:
    """The headers that sign a request with ``ACCESS_KEY_ID:SECRET_ACCESS_KEY[:SESSION_TOKEN]``, or
    that carry an API key, which holds no colon. A request with a body is taken to be JSON.

    Raises ``ConfigError`` where the key or the region cannot be right.
    """
    if ":" not in signing.key:
        return authorize(signing.key)
    access, secret, token = [*signing.key.split(":", 2), ""][:3]
    if not access or not secret:
        raise ConfigError(
            "the key is neither a Bedrock API key nor credentials",
            where="api_key",
            hint="write ACCESS_KEY_ID:SECRET_ACCESS_KEY, with :SESSION_TOKEN for a role's",
        )
    return sign_for(
        signing.method,
        signing.url,
        (_JSON,) if signing.body else (),
        signing.body,
        credentials=Credentials(access, secret, token),
        region=_region(signing),
        service="bedrock",
        now=signing.now,
    )


def _region(signing: Signing) -> str:
    """As configured, else as the host says: ``bedrock-runtime.eu-west-1.amazonaws.com``."""
    if given := signing.options.get("region", ""):
        if _REGION.fullmatch(given):
            return given
    else:
        for label in (urlsplit(signing.url).hostname or "").split("."):
            if _REGION.fullmatch(label):
                return label
    raise ConfigError(
        f"{given[:40]!r} is no AWS region" if given else "no AWS region is given",
        where="region",
        hint="set region to one like eu-west-1, the one that the models are enabled in",
    )


def path(model: str, action: str) -> str:
    """``/model/{id}/{action}``. An ARN holds slashes and colons, which are encoded.

    Raises ``InvalidInput`` for what cannot be an id."""
    if not model.strip(".") or len(model) > _MODEL_LIMIT or not model.isprintable():
        raise InvalidInput(
            f"{model[:80]!r} cannot be the id of a Bedrock model",
            where="model",
            hint="use a model id, the id of an inference profile, or an ARN",
        )
    return f"/model/{quote(model, safe='')}/{action}"
