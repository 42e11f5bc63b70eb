"""``providers.yaml``: providers, groups of them, and what holds for all, as configuration.

::

    providers:
      claude:
        type: anthropic            # see the catalogue; "online" is taken from base_url
        base_url: https://…        # the type's own when left out
        api_key_env: SOME_VARIABLE # or api_key: …; null when it takes none
        model: claude-sonnet-4-5   # also default_model; else the first of models
        models: […]
        timeout_s: 60              # longest silence
        priority: 100              # lower is asked earlier
        limits: {requests_per_minute: 60, tokens_per_minute: 90000, concurrency: 8,
                 queue: 100, queue_s: 10}
        breaker: {threshold: 3, cooldown_s: 60}
        options: {…}               # of its type, like region
        transport: pooled          # or aiohttp
        dialects: [anthropic]      # spoken beside its own
    models: …                      # facts.py
    groups: …                      # routing.py, like aliases and routing
    aliases: …
    routing: …
    cache: …                       # caching.py

A field that is not known is an error, not ignored. A provider whose variable is not set is left out
and reported, so that one file serves several machines.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from conduit.contracts.errors import ConfigError, InvalidInput
from conduit.models.catalogue import CATALOGUE
from conduit.models.routing.settings import ProviderLimits
from conduit.models.secret import Secret
from conduit.models.settings import (
    TRANSPORTS,
    BreakerSettings,
    ProviderSettings,
    configure,
    kind_named,
)
from conduit.models.setup.caching import cache_settings
from conduit.models.setup.facts import model_facts
from conduit.models.setup.fields import (
    is_variable,
    one_of,
    optional_number,
    optional_whole_number,
    whole_number,
)
from conduit.models.setup.routing import Names, routing_parts
from conduit.models.setup.settings import GatewaySettings, LeftOut
from conduit.store.settings_file import MAX_BYTES, Section, parse_settings
from conduit.store.yaml_places import placed

__all__ = ["FILE_NAME", "LeftOut", "load_providers", "parse_providers", "read_bytes"]

FILE_NAME = "providers.yaml"
PARTS = ("providers", "models", "groups", "aliases", "routing", "cache")
MOST_PROVIDERS = 500
NEEDED = "needed"
"""What stands in ``api_key`` where a set-up was written without its secrets."""
PROVIDER_FIELDS = (
    "type",
    "base_url",
    "api_key_env",
    "api_key",
    "model",
    "default_model",
    "models",
    "timeout_s",
    "priority",
    "limits",
    "breaker",
    "options",
    "transport",
    "dialects",
)


def load_providers(
    path: Path, environ: Mapping[str, str], *, elsewhere: Collection[str] = ()
) -> GatewaySettings:
    """Read ``providers.yaml``; nothing is configured when there is none.

    ``elsewhere`` are names of providers that come from somewhere else, so that groups may name
    them; those that the environment or this machine may have are known anyway. Raises
    ``ConfigError``, whose ``where`` is the file, line, column and the path in it.
    """
    data = read_bytes(path) or b""
    return parse_providers(data, environ, where=str(path), elsewhere=elsewhere)


def read_bytes(path: Path) -> bytes | None:
    """The file, or one byte more than it may have; None when there is none. Raises
    ``ConfigError``."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(
            f"it could not be read: {error.strerror}", where=str(path), hint="check its permissions"
        ) from None


def parse_providers(
    data: bytes,
    environ: Mapping[str, str],
    *,
    where: str = FILE_NAME,
    elsewhere: Collection[str] = (),
) -> GatewaySettings:
    """``load_providers`` without a file."""
    document = parse_settings(data, where)
    try:
        return settings_of(document, environ, elsewhere)
    except ConfigError as error:
        raise placed(error, data, where) from None


def settings_of(
    document: Section, environ: Mapping[str, str], elsewhere: Collection[str] = ()
) -> GatewaySettings:
    """What the top level of the file says. Raises ``ConfigError``."""
    document.refuse_unknown(PARTS)
    providers: list[ProviderSettings] = []
    left_out: list[LeftOut] = []
    sections = list(document.sections("providers"))
    if len(sections) > MOST_PROVIDERS:
        raise document.fault("providers", f"there are {len(sections)}", f"{MOST_PROVIDERS} at most")
    for name, section in sections:
        one = _provider(name, section, environ)
        if isinstance(one, LeftOut):
            left_out.append(one)
        else:
            providers.append(one)
    models = model_facts(document)
    names = Names(providers, left_out, models, elsewhere)
    routes = routing_parts(document, names)
    return GatewaySettings(
        providers=tuple(providers),
        groups=routes.groups,
        aliases=routes.aliases,
        models=models,
        routing=routes.defaults,
        cache=cache_settings(document, environ),
        left_out=tuple(left_out),
        targets_left_out=routes.left_out,
    )


def _provider(
    name: str, section: Section, environ: Mapping[str, str]
) -> ProviderSettings | LeftOut:
    section.refuse_unknown(PROVIDER_FIELDS)
    base_url = section.text("base_url")
    limits, breaker = _limits(section.section("limits")), _breaker(section.section("breaker"))
    transport = one_of(section, "transport", TRANSPORTS, "pooled")
    try:
        kind = kind_named(type_of(section.text("type"), base_url))
        key_env, key = _key(section, kind.key_env, environ)
        if key.reveal() == NEEDED:
            return LeftOut(name, "its key is needed: put it into api_key, or name a variable")
        if key_env and not key:
            return LeftOut(name, f"the environment variable {key_env} is not set")
        return configure(
            name,
            kind.type,
            source="file",
            base_url=base_url,
            model=section.text("model") or section.text("default_model"),
            key=key,
            key_env=key_env,
            models=section.texts("models"),
            timeout_s=section.number("timeout_s", 60.0, 0.1, 3600.0),
            priority=int(section.number("priority", 100, 0, 100_000)),
            limits=limits,
            options=_options(section.section("options")),
            breaker=breaker,
            transport=transport,
            dialects=section.texts("dialects") if "dialects" in section.values else None,
        )
    except InvalidInput as error:
        raise section.fault(error.where, error.message, error.hint) from None


def type_of(given: str, base_url: str) -> str:
    """``online`` with a base URL says no type: the address does."""
    if given != "online":
        return given
    try:
        host = urlsplit(base_url).hostname
    except ValueError:  # which the check of the address will say better
        host = None
    for kind in CATALOGUE.values():
        if host and kind.key_env and host == urlsplit(kind.base_url).hostname:
            return kind.type
    return "openai_compatible"


def _key(section: Section, usual_env: str, environ: Mapping[str, str]) -> tuple[str, Secret]:
    given = section.text("api_key")
    if given:
        if "api_key_env" in section.values:
            raise section.fault("api_key", "there is also api_key_env", "keep one of the two")
        return "", Secret(given)
    variable = section.text("api_key_env") if "api_key_env" in section.values else usual_env
    if not variable:
        return "", Secret()
    if not is_variable(variable):
        raise section.fault(
            "api_key_env", "it is not the name of a variable", "a key itself goes into api_key"
        )
    return variable, Secret(environ.get(variable, "").strip(), where=variable)


def _limits(section: Section) -> ProviderLimits:
    usual = ProviderLimits()
    section.refuse_unknown(
        ("requests_per_minute", "tokens_per_minute", "concurrency", "queue", "queue_s")
    )
    return ProviderLimits(
        requests_per_minute=optional_number(section, "requests_per_minute", 0.001, 1e9),
        tokens_per_minute=optional_number(section, "tokens_per_minute", 1, 1e12),
        concurrency=optional_whole_number(section, "concurrency", 1, 100_000),
        queue=whole_number(section, "queue", usual.queue, 0, 100_000),
        queue_s=section.number("queue_s", usual.queue_s, 0, 3600),
    )


def _breaker(section: Section) -> BreakerSettings:
    usual = BreakerSettings()
    section.refuse_unknown(("threshold", "cooldown_s"))
    return BreakerSettings(
        threshold=whole_number(section, "threshold", usual.threshold, 1, 1000),
        cooldown_s=section.number("cooldown_s", usual.cooldown_s, 0.1, 86_400),
    )


def _options(section: Section) -> dict[str, str]:
    return {name: section.text(name) for name in section.values if section.values[name] is not None}
