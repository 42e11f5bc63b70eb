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

from conduit.blocks.utility.url import WebUrl
from conduit.blocks.utility.web_service import from_environment, from_section
from conduit.store.settings_file import Section
from conduit.tools.web.search.brave import BRAVE
from conduit.tools.web.search.perplexity import PERPLEXITY
from conduit.tools.web.search.provider import Provider
from conduit.tools.web.search.searxng import SEARXNG
from conduit.tools.web.search.serper import SERPER

SETTINGS: Final = "tools.yaml"
SECTION: Final = "web_search"
PROVIDERS: Final = (SERPER, BRAVE, SEARXNG, PERPLEXITY)
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
    found = from_environment(PROVIDERS, environ)
    if found is None:
        names = ", ".join(each.variable for each in PROVIDERS)
        return SearchSettings(missing=f"no search provider is set up: set one of {names}")
    model = found.kind.model if found.kind else ""
    return SearchSettings(found.kind, found.url, found.key, model, found.missing)


def _configured(section: Section, environ: Mapping[str, str]) -> SearchSettings:
    section.refuse_unknown(("provider", "key", "url", "model"))
    found = from_section(section, PROVIDERS, environ, what="a search provider")
    assert found.kind is not None
    if found.url is not None and found.url.query:
        raise section.fault("url", "it has a query", "end it before the question mark")
    model = section.text("model") or found.kind.model
    if model and (not found.kind.model or not _MODEL.fullmatch(model)):
        raise section.fault("model", f"{found.kind.title} takes no such model", "leave it out")
    return SearchSettings(found.kind, found.url, found.key, model, found.missing)
