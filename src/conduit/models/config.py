"""``providers.yaml``: providers as configuration.

::

    providers:
      claude:
        type: anthropic            # see the catalogue; "online" is taken from base_url
        base_url: https://…        # the type's own when left out
        api_key_env: SOME_VARIABLE # or api_key: …; null when none is needed
        model: claude-sonnet-4-5   # also default_model; else the first of models
        models: […]
        timeout_s: 60              # longest silence
        priority: 100              # lower is asked earlier

A field that is not known is an error, not ignored. A provider whose variable is not set is left out
and reported, so that one file serves several machines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from conduit.contracts.errors import InvalidInput
from conduit.models.catalogue import CATALOGUE
from conduit.models.secret import Secret
from conduit.models.settings import ProviderSettings, configure, kind_named
from conduit.store.settings_file import Section, parse_settings, read_settings

FILE_NAME = "providers.yaml"
_FIELDS = (
    "type",
    "base_url",
    "api_key_env",
    "api_key",
    "model",
    "default_model",
    "models",
    "timeout_s",
    "priority",
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A configured provider that is not used here, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class FileProviders:
    """What a file configures on this machine, in the order of the file."""

    providers: tuple[ProviderSettings, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def load_providers(path: Path, environ: Mapping[str, str]) -> FileProviders:
    """Read ``providers.yaml``; nothing when there is none. Raises ``ConfigError``, whose ``where``
    is the file and the path in it."""
    return _providers(read_settings(path), environ)


def parse_providers(
    data: bytes, environ: Mapping[str, str], *, where: str = FILE_NAME
) -> FileProviders:
    """``load_providers`` without a file."""
    return _providers(parse_settings(data, where), environ)


def _providers(document: Section, environ: Mapping[str, str]) -> FileProviders:
    document.refuse_unknown(("providers",))
    found: list[ProviderSettings] = []
    left_out: list[LeftOut] = []
    for name, section in document.sections("providers"):
        one = _provider(name, section, environ)
        if isinstance(one, LeftOut):
            left_out.append(one)
        else:
            found.append(one)
    return FileProviders(tuple(found), tuple(left_out))


def _provider(
    name: str, section: Section, environ: Mapping[str, str]
) -> ProviderSettings | LeftOut:
    section.refuse_unknown(_FIELDS)
    base_url = section.text("base_url")
    try:
        kind = kind_named(_type(section.text("type"), base_url))
        key_env, key = _key(section, kind.key_env, environ)
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
        )
    except InvalidInput as error:
        raise section.fault(error.where, error.message, error.hint) from None


def _type(given: str, base_url: str) -> str:
    """``online`` with a base URL says no type: the address does."""
    if given != "online":
        return given
    host = urlsplit(base_url).hostname
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
    if not _VARIABLE.fullmatch(variable):
        raise section.fault(
            "api_key_env", "it is not the name of a variable", "a key itself goes into api_key"
        )
    return variable, Secret(environ.get(variable, "").strip(), where=variable)
