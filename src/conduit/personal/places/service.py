"""Somebody who is asked over HTTP and answers JSON: from ``tools.yaml`` or the environment.

::

    geocoding:
      provider: nominatim
      url: https://nominatim.example.org
    routes:
      provider: osrm                     # osrm, openrouteservice, google
      key: "${OPENROUTESERVICE_API_KEY}" # osrm needs none
      url: https://osrm.example.org      # osrm, or a proxy in front of another
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from conduit.blocks import loads
from conduit.blocks.utility.addresses import LookUp, look_up
from conduit.blocks.utility.asking import Asking
from conduit.blocks.utility.retry_after import seconds_of
from conduit.blocks.utility.url import WebUrl
from conduit.blocks.utility.web_service import exchange, from_environment, from_section
from conduit.contracts.errors import (
    ConfigError,
    Forbidden,
    MalformedJson,
    NotFound,
    RateLimited,
    TooLarge,
    Unavailable,
)
from conduit.store.settings_file import Section

SETTINGS: Final = "tools.yaml"
_LARGEST: Final = 1 << 20
"""Bytes of a reply; a good one has some thousands."""
_PATIENCE_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of service. ``variable`` is where its key, or its address, is looked for; ``url`` is
    where it is, empty for one that everybody runs for themselves."""

    name: str
    title: str
    variable: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A service, ready to be asked; or why none is, in ``missing``."""

    section: str
    kind: Kind | None = None
    url: WebUrl | None = None
    key: str = field(default="", repr=False)
    missing: str = ""

    @property
    def ready(self) -> bool:
        return self.kind is not None and self.url is not None and not self.missing

    @property
    def name(self) -> str:
        return self.kind.name if self.kind else ""


def read_service(
    document: Section, section: str, kinds: tuple[Kind, ...], environ: Mapping[str, str]
) -> Service:
    """Read a section of the file, or else the environment. Raises ``ConfigError``, which quotes no
    key."""
    if section in document.values:
        written = document.section(section)
        written.refuse_unknown(("provider", "key", "url"))
        found = from_section(written, kinds, environ, what=f"known for {section}")
    elif (told := from_environment(kinds, environ)) is not None:
        found = told
    else:
        names = " or ".join(each.variable for each in kinds)
        return Service(section, missing=f"nobody is set up for {section}: set {names}")
    return Service(section, found.kind, found.url, found.key, found.missing)


async def ask(service: Service, asking: Asking, look_up: LookUp = look_up) -> Any:
    """What it answers, as JSON, which may be anything.

    Raises ``NotFound`` where it knows nothing, ``Unavailable``, ``RateLimited``, ``TimedOut`` and
    ``ConfigError`` for a key that is not taken. None of them holds the key, or what was asked.
    """
    assert service.url is not None
    assert service.kind is not None
    title = service.kind.title
    try:
        reply = await exchange(
            service.url, asking, patience_s=_PATIENCE_S, largest=_LARGEST, look_up=look_up
        )
    except Forbidden:
        raise _bad(service, "it leads elsewhere, or lies where nothing may be asked") from None
    except TooLarge:
        raise _bad(service, f"its reply exceeds {_LARGEST} bytes") from None
    if reply.status == 429:
        raise RateLimited(
            f"{title} is asked too often",
            retry_after_s=seconds_of(reply.retry_after),
            where=service.section,
            hint="wait, or look at the plan of the key",
        )
    if reply.status in (401, 402, 403):
        raise ConfigError(
            f"{title} does not take the key (it answered {reply.status})",
            where=service.section,
            hint=f"check {service.section}.key in {SETTINGS}, or {service.kind.variable}",
        )
    if reply.status in (400, 404):  # all of them say so where there is no way or no such place
        raise NotFound(f"{title} knows no answer", where=service.section)
    if not 200 <= reply.status < 300:
        raise _bad(service, f"it answered {reply.status}")
    try:
        return loads(reply.body)
    except MalformedJson:
        raise _bad(service, "it sent no JSON") from None


def _bad(service: Service, why: str) -> Unavailable:
    title = service.kind.title if service.kind else service.section
    return Unavailable(
        f"{title} gave no answer: {why}",
        where=service.section,
        hint=f"try later, or check {service.section} in {SETTINGS}",
    )
