"""``apis`` in ``tools.yaml``: what the operator says about an API, apart from its document.

::

    apis:
      petstore:
        auth: {type: bearer, value: "${PETSTORE_TOKEN}"}
        hosts: [petstore.example.org]         # where the secret may go, and nowhere else
      crm:
        base_url: https://crm.internal/v2     # in place of the document's servers
        auth: {type: header, name: X-Api-Key, value: "${CRM_KEY}"}
        timeout_seconds: 10
        organisation: sales                   # whose documents get the secret; the default one
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, cast
from urllib.parse import quote, quote_plus

from conduit.blocks.utility.url import WebUrl, read_url
from conduit.contracts.call import DEFAULT_ORG
from conduit.contracts.errors import InvalidInput, Unavailable
from conduit.store.settings_file import Section, read_settings

FILE: Final = "tools.yaml"
_PARTS: Final = ("apis", "geocoding", "limits", "routes", "web_search")
"""All sections of the file; the others are read where they are used."""
_KINDS: Final = ("bearer", "basic", "header", "query")
_NAME: Final = re.compile(r"[a-z][a-z0-9]{0,19}")
_ESCAPE: Final = re.compile("%[0-9A-F]{2}")
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]{0,199})\}")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_SENDABLE: Final = re.compile("[\x21-\x7e](?:[\x20-\x7e]{0,8000}[\x21-\x7e])?")


@dataclass(frozen=True, slots=True)
class Auth:
    """How a request shows who sends it. ``value`` may name variables of the environment."""

    kind: Literal["bearer", "basic", "header", "query"]
    name: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Shown:
    """A secret, ready to be sent, and every spelling of it that an answer could give back."""

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    spellings: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """What holds for one API; without an entry, the defaults."""

    auth: Auth | None = None
    base: WebUrl | None = None
    hosts: tuple[str, ...] = ()
    timeout_seconds: float = 30.0
    largest: int = 1 << 20
    org_id: str = DEFAULT_ORG

    def shown(self, url: WebUrl, environ: Mapping[str, str], where: str) -> Shown:
        """What goes with a request to this address: the secret only to a host it is for, and over
        an unencrypted line only where the operator wrote that line down.

        Raises ``Unavailable`` when a variable is not set.
        """
        if self.auth is None or not self._is_for(url):
            return Shown()
        missing = [name for name in _VARIABLE.findall(self.auth.value) if not environ.get(name)]
        if missing:
            raise Unavailable(
                f"the API needs the environment variable {missing[0]}",
                where=where,
                hint="set it and start Conduit again",
            )
        secret = _VARIABLE.sub(lambda each: environ[each[1]], self.auth.value)
        if not _SENDABLE.fullmatch(secret):
            raise Unavailable(
                "the value of its auth cannot be sent: it is empty, or not one line of ASCII",
                where=where,
                hint=f"see apis in {FILE}",
            )
        return _shown(self.auth, secret)

    def _is_for(self, url: WebUrl) -> bool:
        if self.base is not None and url.origin == self.base.origin:
            return True
        return url.scheme == "https" and url.authority in self.hosts


@dataclass(frozen=True, slots=True)
class Apis:
    """The settings of all APIs, and the environment that their secrets are in."""

    by_name: Mapping[str, ApiSettings] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    def of(self, org_id: str, name: str) -> ApiSettings:
        """What holds for an organisation's API. Nobody else's document gets at a secret by calling
        itself by the same name."""
        found = self.by_name.get(name)
        return found if found is not None and found.org_id == org_id else ApiSettings()


def read_apis(home: Path, environ: Mapping[str, str], organisation: Callable[[str], str]) -> Apis:
    """The section ``apis`` of ``tools.yaml``. ``organisation`` gives the UUID for a name.

    Raises ``ConfigError``, whose ``where`` is the file and the path in it; no error quotes a
    secret.
    """
    document = read_settings(home / FILE)
    document.refuse_unknown(_PARTS)
    found = {}
    for name, section in document.sections("apis"):
        if not _NAME.fullmatch(name):
            raise document.fault(
                "apis",
                f"{name[:40]!r} cannot be the name of an API",
                "lower-case letters and digits, a letter first, 20 at most",
            )
        found[name] = _api(section, organisation)
    return Apis(found, environ)


def _api(section: Section, organisation: Callable[[str], str]) -> ApiSettings:
    section.refuse_unknown(
        ("auth", "base_url", "hosts", "timeout_seconds", "largest_bytes", "organisation")
    )
    base = _base(section)
    hosts = tuple(_host(section, each) for each in section.texts("hosts"))
    auth = _auth(section.section("auth")) if "auth" in section.values else None
    if auth is not None and base is None and not hosts:
        raise section.fault(
            "auth", "it is not said where the secret may go", "add base_url, or hosts: [host]"
        )
    try:
        org_id = organisation(section.text("organisation"))
    except InvalidInput as error:
        raise section.fault("organisation", error.message, error.hint) from None
    return ApiSettings(
        auth=auth,
        base=base,
        hosts=hosts,
        timeout_seconds=section.number("timeout_seconds", 30.0, 0.1, 600),
        largest=int(section.number("largest_bytes", 1 << 20, 1, 8 << 20)),
        org_id=org_id,
    )


def _base(section: Section) -> WebUrl | None:
    text = section.text("base_url")
    if not text:
        return None
    try:
        read = read_url(text)
    except InvalidInput as error:
        raise section.fault("base_url", error.message, "like https://api.example.org/v1") from None
    if read.query:
        raise section.fault("base_url", "it has a query", "leave it out")
    return read


def _host(section: Section, text: str) -> str:
    try:
        return read_url(f"https://{text}/").authority
    except InvalidInput:
        raise section.fault(
            "hosts", f"{text[:80]!r} is no host", "like api.example.org, or with a port"
        ) from None


def _auth(section: Section) -> Auth:
    section.refuse_unknown(("type", "name", "value"))
    kind, name, value = section.text("type"), section.text("name"), section.text("value")
    if kind not in _KINDS:
        raise section.fault("type", f"{kind[:40]!r} is none", f"one of {', '.join(_KINDS)}")
    if kind in ("header", "query") and not _TOKEN.fullmatch(name):
        raise section.fault("name", "it names no header or parameter", "like X-Api-Key")
    if not value:
        raise section.fault("value", "it is empty", 'like "${API_TOKEN}"')
    if kind == "basic" and ":" not in value and "$" not in value:
        raise section.fault("value", "it has no colon", 'like "me:${API_PASSWORD}"')
    return Auth(cast(Any, kind), name, value)


def _shown(auth: Auth, secret: str) -> Shown:
    encoded = b64encode(secret.encode()).decode()
    spellings = {secret, encoded, quote(secret, safe=""), quote(secret), quote_plus(secret)}
    spellings |= {_ESCAPE.sub(lambda each: each[0].lower(), spelt) for spelt in spellings}
    if auth.kind == "basic":
        spellings.add(secret.partition(":")[2])
    spellings |= {json.dumps(each)[1:-1] for each in spellings}
    kept = sorted((each.encode() for each in spellings if len(each) > 3), key=len, reverse=True)
    match auth.kind:
        case "bearer":
            return Shown((("Authorization", f"Bearer {secret}"),), (), tuple(kept))
        case "basic":
            return Shown((("Authorization", f"Basic {encoded}"),), (), tuple(kept))
        case "header":
            return Shown(((auth.name, secret),), (), tuple(kept))
    return Shown((), ((quote(auth.name, safe=""), quote(secret, safe="")),), tuple(kept))
