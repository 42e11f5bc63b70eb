"""How one provider is configured, whoever said so: a file, a person, the environment."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from conduit.blocks.utility.addresses import Reach
from conduit.blocks.utility.url import bracketed, host_of
from conduit.contracts.errors import Forbidden, InvalidInput
from conduit.models.catalogue import CATALOGUE, Kind
from conduit.models.secret import Secret

Source = Literal["file", "added", "environment", "local"]
RESERVED = frozenset({"auto", "conduit", "offline"})
"""Names that mean something else where a provider is named."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_MODEL_LIMIT = 200
_URL_LIMIT = 2000
_ANYWHERE = Reach(private=("*",))


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """One provider over HTTP. ``priority``: lower is asked earlier."""

    name: str
    type: str
    base_url: str
    model: str
    key: Secret = field(default_factory=Secret)
    key_env: str = ""
    """The environment variable that the key came from, for hints."""
    models: tuple[str, ...] = ()
    """Further models that it is known to offer."""
    timeout_s: float = 60.0
    """Longest silence."""
    priority: int = 100
    source: Source = "file"


def configure(
    name: str,
    type: str,
    *,
    source: Source,
    base_url: str = "",
    model: str = "",
    key: Secret | None = None,
    key_env: str = "",
    models: tuple[str, ...] = (),
    timeout_s: float = 60.0,
    priority: int = 100,
) -> ProviderSettings:
    """Settings that can work, with the type's own base URL and model where none is given.

    Raises ``InvalidInput``, whose ``where`` is the field at fault.
    """
    if not _NAME.fullmatch(name) or name in RESERVED:
        raise _fault(
            "name",
            f"{name[:80]!r} cannot be the name of a provider",
            "use up to 64 letters, digits, dots, dashes and underscores; "
            "auto, conduit and offline are taken",
        )
    kind = kind_named(type)
    model = model or (models[0] if models else kind.default_model)
    if not model or len(model) > _MODEL_LIMIT or not model.isprintable():
        raise _fault("model", "no model is named, or not one that can be sent", "name one model")
    return ProviderSettings(
        name=name,
        type=kind.type,
        base_url=_checked_url(base_url or kind.base_url),
        model=model,
        key=key or Secret(),
        key_env=key_env,
        models=models,
        timeout_s=timeout_s,
        priority=priority,
        source=source,
    )


def kind_named(type: str) -> Kind:
    """The row of the catalogue. Raises ``InvalidInput``."""
    try:
        return CATALOGUE[type]
    except KeyError:
        raise _fault(
            "type",
            f"there is no provider type {type[:80]!r}",
            f"use one of: {', '.join(CATALOGUE)}",
        ) from None


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        host.encode("idna")  # raises UnicodeError, a ValueError, for labels that no resolver takes
        sound = parts.scheme in ("http", "https") and host != "" and parts.port != 0
    except ValueError:
        sound = False
    if not sound or len(url) > _URL_LIMIT or not url.isprintable() or set(url) & set(' \\<>"'):
        raise _fault(
            "base_url",
            "it is not an address over http or https",
            "write it like http://127.0.0.1:8080/v1",
        )
    if parts.username is not None or parts.password is not None:
        raise _fault("base_url", "it holds a user or password", "put the key into api_key")
    if parts.query or parts.fragment:
        raise _fault("base_url", "it has a query or fragment", "end it with the path, like /v1")
    _require_a_place_for_models(host)
    return url.rstrip("/")


def _require_a_place_for_models(host: str) -> None:
    """A model may run at home, so private addresses are fine; a cloud's metadata service is not."""
    if host in ("0.0.0.0", "::"):
        return  # how people write "this machine", because servers print it
    try:
        _ANYWHERE.require_host(host_of(bracketed(host)))
    except InvalidInput as error:
        raise _fault("base_url", error.message, error.hint) from None
    except Forbidden as error:
        raise _fault("base_url", error.message, "name the address of a model server") from None


def _fault(where: str, message: str, hint: str) -> InvalidInput:
    return InvalidInput(message, where=where, hint=hint)
