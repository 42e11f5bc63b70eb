"""Who searches, from ``tools.yaml`` or the environment.

::

    web_search:
      provider: brave                    # serper, brave, searxng, perplexity
      key: "${BRAVE_API_KEY}"            # searxng needs none
      url: https://search.example.org    # searxng, or a proxy in front of another
      model: sonar-pro                   # perplexity only

Without the section the first of SERPER_API_KEY, BRAVE_API_KEY, SEARXNG_URL and PERPLEXITY_API_KEY
that is set decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from conduit.blocks.utility.url import WebUrl, read_url
from conduit.contracts.errors import InvalidInput
from conduit.store.settings_file import Section, closest
from conduit.tools.web.search.brave import BRAVE
from conduit.tools.web.search.perplexity import PERPLEXITY
from conduit.tools.web.search.provider import Provider
from conduit.tools.web.search.searxng import SEARXNG
from conduit.tools.web.search.serper import SERPER

SETTINGS: Final = "tools.yaml"
SECTION: Final = "web_search"
PROVIDERS: Final = {each.name: each for each in (SERPER, BRAVE, SEARXNG, PERPLEXITY)}
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]{0,199})\}")
_KEY: Final = re.compile(r"[\x21-\x7e]{1,1000}")
_MODEL: Final = re.compile(r"[\w./:-]{1,100}")


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """One provider, ready to be asked; or why none is, in ``missing``."""

    provider: Provider | None = None
    url: WebUrl | None = None
    key: str = field(default="", repr=False)
    model: str = ""
    missing: str = ""

    @property
    def ready(self) -> bool:
        return self.provider is not None and self.url is not None and not self.missing


def search_settings(document: Section, environ: Mapping[str, str]) -> SearchSettings:
    """Read the section of the file, or else the environment. Raises ``ConfigError``, which quotes
    no key."""
    if SECTION in document.values:
        return _configured(document.section(SECTION), environ)
    for provider in PROVIDERS.values():
        if given := environ.get(provider.variable, "").strip():
            key, url = (given, provider.url) if provider.url else ("", given)
            return _from_environment(provider, key, url)
    names = ", ".join(each.variable for each in PROVIDERS.values())
    return SearchSettings(missing=f"no search provider is set up: set one of {names}")


def _from_environment(provider: Provider, key: str, url: str) -> SearchSettings:
    try:
        place = read_url(url)
    except InvalidInput as error:
        return SearchSettings(missing=f"{provider.variable} cannot be used: {error.message}")
    if key and not _KEY.fullmatch(key):
        return SearchSettings(missing=f"{provider.variable} cannot be used: it is no key")
    return SearchSettings(provider, place, key, provider.model)


def _configured(section: Section, environ: Mapping[str, str]) -> SearchSettings:
    section.refuse_unknown(("provider", "key", "url", "model"))
    name = section.text("provider")
    provider = PROVIDERS.get(name)
    if provider is None:
        raise section.fault(
            "provider", f"{name[:80]!r} is not a search provider", closest(name, tuple(PROVIDERS))
        )
    written = section.text("key") or (f"${{{provider.variable}}}" if provider.needs_key else "")
    missing = next((each for each in _VARIABLE.findall(written) if not environ.get(each)), "")
    key = _VARIABLE.sub(lambda each: environ.get(each[1], ""), written).strip()
    if key and not missing and not _KEY.fullmatch(key):
        raise section.fault("key", "this cannot be a key", "printable letters without spaces")
    url = section.text("url") or provider.url or environ.get(provider.variable, "")
    if not url:
        raise section.fault(
            "url", f"{provider.title} needs the address of a server", "https://search.example.org"
        )
    try:
        place = read_url(url)
    except InvalidInput as error:
        raise section.fault("url", error.message, error.hint or "https://host") from None
    if place.query:
        raise section.fault("url", "it has a query", "end it before the question mark")
    model = section.text("model") or provider.model
    if model and (not provider.model or not _MODEL.fullmatch(model)):
        raise section.fault("model", f"{provider.title} takes no such model", "leave it out")
    said = f"{missing} is not set, which {provider.title} needs" if missing else ""
    return SearchSettings(provider, place, key, model, said)
