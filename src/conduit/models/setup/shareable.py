"""A set-up without its secrets, and with them again on the machine that has them.

What is shared is taken field by field from what the file may say, so nothing unknown goes along.
A key becomes ``api_key: needed``, the name of a variable stays. Keys are then looked for in all
that is left, written out or encoded: somebody may have put one into a system prompt.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

from conduit.contracts.errors import ConfigError
from conduit.models.catalogue import CATALOGUE
from conduit.models.settings import ProviderSettings
from conduit.models.setup.file import NEEDED, PARTS, PROVIDER_FIELDS, type_of

HIDDEN: Final = "[hidden]"
SHORTEST_SECRET: Final = 6
"""What is shorter cannot be told from ordinary words, and is no key that anybody gives out."""
_SHORTEST_ENCODED: Final = 8
_USER: Final = re.compile(r"(?<=://)[^/?#@\s]*@")

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Needed:
    """A key that a set-up wants and this machine does not have. ``variable`` is where it is looked
    for; empty: it belongs into ``api_key``."""

    provider: str
    variable: str = ""


def secrets_of(
    document: Mapping[str, Any], environ: Mapping[str, str], others: Iterable[ProviderSettings] = ()
) -> frozenset[str]:
    """Every key that a ``providers.yaml`` holds or names the variable of, with those that the
    environment has for the catalogue, those of ``others``, and addresses with a user in them."""
    found = {each.key.reveal() for each in others}
    found |= {environ.get(kind.key_env, "").strip() for kind in CATALOGUE.values() if kind.key_env}
    for section in _sections(document):
        found.add(str(section.get("api_key") or ""))
        found.add(environ.get(variable_of(section), "").strip())
        found |= _of_address(str(section.get("base_url") or ""))
    cache = document.get("cache")
    url = environ.get(str(cache.get("url_env")), "") if isinstance(cache, dict) else ""
    found |= {url.strip(), *_of_address(url)}
    return frozenset(each for each in found if len(each) >= SHORTEST_SECRET and each != NEEDED)


def _of_address(url: str) -> set[str]:
    """User and password, as they are written and as they are meant."""
    parts = {part for user in _USER.findall(url) for part in (user[:-1], *user[:-1].split(":", 1))}
    return parts | {unquote(part) for part in parts}


def shareable(document: Mapping[str, Any], secrets: Collection[str]) -> Document:
    """A ``providers.yaml`` as data, without its secrets."""
    shared: Document = {part: document[part] for part in PARTS if document.get(part)}
    providers = shared.get("providers")
    if isinstance(providers, dict):
        shared["providers"] = {
            name: _without_key(section) for name, section in providers.items() if section
        }
    masked: Document = without(shared, secrets)
    return masked


def _without_key(section: Mapping[str, Any]) -> Document:
    kept = {name: section[name] for name in PROVIDER_FIELDS if name in section}
    if kept.get("api_key"):
        kept["api_key"] = NEEDED
    if isinstance(kept.get("base_url"), str):
        kept["base_url"] = _USER.sub("", kept["base_url"])
    return kept


def without(value: Any, secrets: Collection[str]) -> Any:
    """Data with every secret masked in its texts and names, in whatever encoding."""
    forms = sorted({form for each in secrets for form in forms_of(each)}, key=len, reverse=True)
    return _masked(value, forms)


def _masked(value: Any, forms: list[str]) -> Any:
    if isinstance(value, str):
        for form in forms:
            value = value.replace(form, HIDDEN)
        return value
    if isinstance(value, Mapping):
        return {_masked(name, forms): _masked(each, forms) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(each, forms) for each in value]
    return value


def require_without(text: str, secrets: Collection[str]) -> None:
    """The last look at what is going out. Raises ``ConfigError``; the error quotes nothing."""
    if any(form in text for each in secrets for form in forms_of(each)):
        raise ConfigError(
            "it would hold a key of this machine",
            hint="a key occurs in a name, a number or an address: take it out there",
        )


def forms_of(secret: str) -> Iterator[str]:
    """How a secret may be written: as it is, in URLs, in JSON, in hex, and in Base64 at any of the
    three places where it may begin in a longer text (``user:key``)."""
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield secret.replace("\\", "\\\\").replace('"', '\\"')
    yield secret.replace("'", "''")
    raw = secret.encode()
    yield raw.hex()
    yield raw.hex().upper()
    if len(raw) < _SHORTEST_ENCODED:
        return
    for before in range(3):
        bits = 8 * (before + len(raw))
        encoded = base64.b64encode(b"\0" * before + raw).decode()
        certain = encoded[(0, 2, 3)[before] : bits // 6]
        yield certain
        yield certain.replace("+", "-").replace("/", "_")


def with_keys(
    document: Mapping[str, Any],
    environ: Mapping[str, str],
    machine: Iterable[ProviderSettings],
) -> tuple[Document, tuple[Needed, ...]]:
    """A set-up with the keys that this machine has for a provider of the same name, type and
    address, and those that it still needs.

    The address counts because a key must not travel to where somebody else says it should.
    """
    here = {each.name: each for each in machine}
    filled: Document = dict(document)
    needed: list[Needed] = []
    providers: Document = {}
    for name, section in (document.get("providers") or {}).items():
        providers[name], missing = _with_key(name, dict(section or {}), environ, here.get(name))
        if missing is not None:
            needed.append(missing)
    if providers:
        filled["providers"] = providers
    return filled, tuple(needed)


def _with_key(
    name: str, section: Document, environ: Mapping[str, str], here: ProviderSettings | None
) -> tuple[Document, Needed | None]:
    if here is not None and here.key and place_of(section) == (here.type, here.base_url):
        section.pop("api_key", None)
        section.pop("api_key_env", None)
        if here.key_env:
            section["api_key_env"] = here.key_env
        else:
            section["api_key"] = here.key.reveal()
        return section, None
    variable = variable_of(section)
    if section.get("api_key") == NEEDED or (variable and not environ.get(variable, "").strip()):
        return section, Needed(name, variable)
    return section, None


def completed(
    document: Mapping[str, Any],
    environ: Mapping[str, str],
    machine: Iterable[ProviderSettings],
) -> Document | None:
    """The same with the machine's keys where it says ``api_key: needed``; None when it nowhere
    does, so that a text that needs nothing keeps its comments."""
    providers = document.get("providers")
    if not isinstance(providers, dict):
        return None
    open_ones = {
        name: section
        for name, section in providers.items()
        if isinstance(section, dict) and section.get("api_key") == NEEDED
    }
    if not open_ones:
        return None
    filled, _ = with_keys({"providers": open_ones}, environ, machine)
    return {**document, "providers": {**providers, **filled["providers"]}}


def place_of(section: Mapping[str, Any]) -> tuple[str, str]:
    """Type and address of a provider's section, the usual ones where it says none."""
    base_url = str(section.get("base_url") or "")
    type = type_of(str(section.get("type") or ""), base_url)
    kind = CATALOGUE.get(type)
    return type, (base_url or (kind.base_url if kind else "")).rstrip("/")


def variable_of(section: Mapping[str, Any]) -> str:
    """The variable that a provider's section takes its key from; empty: none."""
    if section.get("api_key"):
        return ""
    if "api_key_env" in section:
        return str(section["api_key_env"] or "")
    kind = CATALOGUE.get(place_of(section)[0])
    return kind.key_env if kind else ""


def keys_sent_elsewhere(
    providers: Iterable[ProviderSettings], known: Iterable[ProviderSettings]
) -> tuple[str, ...]:
    """Providers whose key comes from a variable and would go to a host that neither the catalogue
    nor what is known on this machine sends it to.

    A file from somebody else could otherwise have any variable of the environment sent anywhere.
    """
    usual = {(kind.key_env, _host(kind.base_url)) for kind in CATALOGUE.values() if kind.key_env}
    usual |= {(each.key_env, _host(each.base_url)) for each in known if each.key_env}
    return tuple(
        each.name
        for each in providers
        if each.key_env and (each.key_env, _host(each.base_url)) not in usual
    )


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".casefold()


def _sections(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    providers = document.get("providers")
    if isinstance(providers, dict):
        yield from (each for each in providers.values() if isinstance(each, dict))


def section_of(settings: ProviderSettings) -> Document:
    """A provider that was added while running, as the file would say it, without its key."""
    section: Document = {
        "type": settings.type,
        "base_url": settings.base_url,
        "model": settings.model,
    }
    if settings.key:
        section["api_key"] = NEEDED
    elif CATALOGUE[settings.type].key_env:
        section["api_key_env"] = None
    return section
