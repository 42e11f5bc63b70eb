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

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlencode

from conduit.blocks import dumps, loads
from conduit.blocks.utility.addresses import LookUp, Reach, look_up
from conduit.blocks.utility.asking import Asking
from conduit.blocks.utility.retry_after import seconds_of
from conduit.blocks.utility.url import WebUrl, bracketed, read_url
from conduit.contracts.errors import (
    ConfigError,
    Forbidden,
    InvalidInput,
    MalformedJson,
    NotFound,
    RateLimited,
    TooLarge,
    Unavailable,
)
from conduit.store.settings_file import Section, closest

SETTINGS: Final = "tools.yaml"
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]{0,199})\}")
_KEY: Final = re.compile(r"[\x21-\x7e]{1,1000}")
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
        return _configured(document.section(section), section, kinds, environ)
    for kind in kinds:
        if given := environ.get(kind.variable, "").strip():
            url, key = (kind.url, given) if kind.url else (given, "")
            try:
                place = read_url(url)
            except InvalidInput as error:
                missing = f"{kind.variable} cannot be used: {error.message}"
                return Service(section, missing=missing)
            if key and not _KEY.fullmatch(key):
                return Service(section, missing=f"{kind.variable} cannot be used: it is no key")
            return Service(section, kind, place, key)
    names = " or ".join(each.variable for each in kinds)
    return Service(section, missing=f"nobody is set up for {section}: set {names}")


def _configured(
    section: Section, name: str, kinds: tuple[Kind, ...], environ: Mapping[str, str]
) -> Service:
    section.refuse_unknown(("provider", "key", "url"))
    wanted = section.text("provider")
    kind = next((each for each in kinds if each.name == wanted), None)
    if kind is None:
        names = tuple(each.name for each in kinds)
        raise section.fault(
            "provider", f"{wanted[:80]!r} is not known for {name}", closest(wanted, names)
        )
    written = section.text("key") or (f"${{{kind.variable}}}" if kind.url else "")
    missing = next((each for each in _VARIABLE.findall(written) if not environ.get(each)), "")
    key = _VARIABLE.sub(lambda each: environ.get(each[1], ""), written).strip()
    if key and not missing and not _KEY.fullmatch(key):
        raise section.fault("key", "this cannot be a key", "printable letters without spaces")
    url = section.text("url") or kind.url or environ.get(kind.variable, "")
    if not url:
        raise section.fault(
            "url", f"{kind.title} needs the address of a server", "https://server.example.org"
        )
    try:
        place = read_url(url)
    except InvalidInput as error:
        raise section.fault("url", error.message, error.hint or "https://host") from None
    said = f"{missing} is not set, which {kind.title} needs" if missing else ""
    return Service(name, kind, place, key, said)


async def ask(service: Service, asking: Asking, look_up: LookUp = look_up) -> Any:
    """What it answers, as JSON, which may be anything.

    Raises ``NotFound`` where it knows nothing, ``Unavailable``, ``RateLimited``, ``TimedOut`` and
    ``ConfigError`` for a key that is not taken. None of them holds the key, or what was asked.
    """
    from conduit.blocks.utility.fetch import Exchange, Limits, Request

    assert service.url is not None
    assert service.kind is not None
    url = service.url
    there = replace(url, path=url.path.rstrip("/") + asking.path, query=urlencode(asking.query))
    headers = {"Accept": "application/json", **asking.headers}
    if asking.body is not None:
        headers["Content-Type"] = "application/json"
    host = f"{bracketed(url.host)}:{url.port}"
    exchange = Exchange(
        Request(
            asking.method,
            there,
            tuple(headers.items()),
            None if asking.body is None else dumps(dict(asking.body)),
        ),
        Limits(_PATIENCE_S, largest=_LARGEST, redirects=0),
        Reach(hosts=(host,), private=(host,)),  # whoever configured it may mean their own
        look_up,
    )
    title = service.kind.title
    try:
        reply = await exchange.run()
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
