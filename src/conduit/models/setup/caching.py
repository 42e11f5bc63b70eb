"""``cache:`` of ``providers.yaml``.

::

    cache:
      exact: {ttl_s: 3600}          # on when it is there, unless it says enabled: false
      semantic: {threshold: 0.95, model: text-embedding-3-small}
      backend: redis                # or memory
      url_env: REDIS_URL            # the variable with redis://, rediss:// or unix://
      safe_tools: [search]          # they change nothing: requests that offer them may be cached
      request_bytes: 262144         # larger requests, and answers above entry_bytes, are not kept
      entry_bytes: 1048576
      wait_s: 30                    # for somebody else's answer to the same request
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, get_args

from conduit.contracts.errors import InvalidInput
from conduit.models.caching.settings import (
    Backend,
    CacheSettings,
    ExactSettings,
    SemanticSettings,
)
from conduit.models.secret import Secret
from conduit.models.setup.fields import is_variable, one_of, whole_number
from conduit.store.settings_file import Section

_MOST_BYTES: Final = 1 << 40
_MOST_SAFE_TOOLS: Final = 1000
_URL: Final = re.compile(r"(redis|rediss|unix)://.+")


def cache_settings(document: Section, environ: Mapping[str, str]) -> CacheSettings:
    """Raises ``ConfigError``."""
    section, usual = document.section("cache"), CacheSettings()
    section.refuse_unknown(
        (
            "exact",
            "semantic",
            "backend",
            "url_env",
            "safe_tools",
            "request_bytes",
            "entry_bytes",
            "wait_s",
        )
    )
    backends: tuple[Backend, ...] = get_args(Backend)
    backend = one_of(section, "backend", backends, usual.backend)
    safe_tools = frozenset(section.texts("safe_tools"))
    if len(safe_tools) > _MOST_SAFE_TOOLS:
        raise section.fault(
            "safe_tools", f"there are {len(safe_tools)}", f"{_MOST_SAFE_TOOLS} at most"
        )
    return CacheSettings(
        exact=_exact(section),
        semantic=_semantic(section),
        backend=backend,
        redis_url=_url(section, backend, environ),
        safe_tools=safe_tools,
        request_bytes=whole_number(section, "request_bytes", usual.request_bytes, 0, 1 << 30),
        entry_bytes=whole_number(section, "entry_bytes", usual.entry_bytes, 0, 1 << 30),
        wait_s=section.number("wait_s", usual.wait_s, 0, 3600),
    )


def _enabled(section: Section, part: str) -> bool:
    if section.values.get(part) is None:
        return False
    inner = section.section(part)
    return inner.flag("enabled") if "enabled" in inner.values else True


def _exact(section: Section) -> ExactSettings:
    inner, usual = section.section("exact"), ExactSettings()
    inner.refuse_unknown(("enabled", "ttl_s", "bytes", "entries", "deterministic_only"))
    return ExactSettings(
        enabled=_enabled(section, "exact"),
        ttl_s=inner.number("ttl_s", usual.ttl_s, 0.1, 366 * 86_400),
        bytes=whole_number(inner, "bytes", usual.bytes, 1, _MOST_BYTES),
        entries=whole_number(inner, "entries", usual.entries, 1, 10**8),
        deterministic_only=inner.flag("deterministic_only"),
    )


def _semantic(section: Section) -> SemanticSettings:
    inner, usual = section.section("semantic"), SemanticSettings()
    inner.refuse_unknown(("enabled", "threshold", "model", "vectors", "bytes", "characters"))
    return SemanticSettings(
        enabled=_enabled(section, "semantic"),
        threshold=inner.number("threshold", usual.threshold, 0.0, 1.0),
        model=inner.text("model"),
        vectors=whole_number(inner, "vectors", usual.vectors, 1, 10**7),
        bytes=whole_number(inner, "bytes", usual.bytes, 1, _MOST_BYTES),
        characters=whole_number(inner, "characters", usual.characters, 1, 10**7),
    )


def _url(section: Section, backend: Backend, environ: Mapping[str, str]) -> Secret:
    """Nothing in an error quotes the address: it may hold a password."""
    variable = section.text("url_env")
    if backend != "redis":
        return CacheSettings().redis_url
    if not is_variable(variable):
        raise section.fault(
            "url_env", "expected the name of a variable", "the one that holds redis://…"
        )
    url = environ.get(variable, "").strip()
    if not url:
        raise section.fault(
            "url_env", f"the variable {variable} is not set", "set it, or write backend: memory"
        )
    try:
        secret = Secret(url, where=variable)
    except InvalidInput:
        secret = Secret()
    if not secret or not _URL.fullmatch(url):
        raise section.fault(
            "url_env",
            f"what {variable} holds is not an address of Redis",
            "it begins with redis://, rediss:// or unix://",
        )
    return secret
