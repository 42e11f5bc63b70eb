"""How one provider is configured, whoever said so: a file, a person, the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal
from urllib.parse import urlsplit

from conduit.blocks.utility.addresses import Reach
from conduit.blocks.utility.url import bracketed, host_of
from conduit.contracts.errors import Forbidden, InvalidInput
from conduit.models.catalogue import CATALOGUE, WIRES, Kind
from conduit.models.routing.settings import ProviderLimits
from conduit.models.secret import Secret
from conduit.store.settings_file import closest

Source = Literal["file", "added", "environment", "local"]
TransportName = Literal["pooled", "aiohttp"]
TRANSPORTS: Final[tuple[TransportName, ...]] = ("pooled", "aiohttp")
OPTIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "azure_openai": ("api_version", "deployment"),
        "bedrock": ("region",),
        "openai": ("organization", "project"),
        "openai_responses": ("organization", "project"),
    }
)
"""What a type of provider can be told beside address and key. None of it is secret."""
NO_OPTIONS: Final[Mapping[str, str]] = MappingProxyType({})
RESERVED = frozenset({"auto", "conduit", "offline"})
"""Names that mean something else where a provider is named."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_MODEL_LIMIT = 200
_OPTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,199}")
_URL_LIMIT = 2000
_ANYWHERE = Reach(private=("*",))


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """``threshold`` failures in a row open a circuit, for ``cooldown_s``."""

    threshold: int = 3
    cooldown_s: float = 60.0


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
    limits: ProviderLimits = field(default_factory=ProviderLimits)
    options: Mapping[str, str] = field(default_factory=lambda: NO_OPTIONS)
    """Of ``OPTIONS`` for its type."""
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    transport: TransportName = "pooled"
    dialects: tuple[str, ...] | None = None
    """Of ``WIRES``, those that it speaks beside its wire's own, so that a request of a client
    goes on as it came; None: what the catalogue says of its type."""


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
    limits: ProviderLimits | None = None,
    options: Mapping[str, str] = NO_OPTIONS,
    breaker: BreakerSettings | None = None,
    transport: TransportName = "pooled",
    dialects: tuple[str, ...] | None = None,
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
    if not _can_be_sent(model):
        raise _fault("model", "no model is named, or not one that can be sent", "name one model")
    if not all(map(_can_be_sent, models)):
        raise _fault("models", "one of them cannot be sent", "name them as the provider does")
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
        limits=limits or ProviderLimits(),
        options=_checked_options(kind.type, options),
        breaker=breaker or BreakerSettings(),
        transport=transport,
        dialects=_checked_dialects(dialects),
    )


def _can_be_sent(model: str) -> bool:
    return 0 < len(model) <= _MODEL_LIMIT and model.isprintable()


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


def _checked_options(type: str, options: Mapping[str, str]) -> Mapping[str, str]:
    known = OPTIONS.get(type, ())
    for name, value in options.items():
        if name not in known:
            hint = closest(name, known) if known else "leave options out"
            raise _fault(f"options.{name[:80]}", f"{type} has no such option", hint)
        if not _OPTION.fullmatch(value):
            raise _fault(
                f"options.{name}",
                "it is not a value that can be sent",
                "letters, digits, . _ : / -",
            )
    return MappingProxyType(dict(options))


def _checked_dialects(dialects: tuple[str, ...] | None) -> tuple[str, ...] | None:
    for name in dialects or ():
        if name not in WIRES:
            hint = closest(name, tuple(WIRES))
            raise _fault("dialects", f"there is no dialect {name[:80]!r}", hint)
    return dialects


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
