"""A web address, read once and strictly.

Checks on an address are worth nothing when whoever connects reads the same text differently. So
text becomes a ``WebUrl`` here, all checks look at its parts, and the request is built from the same
parts: nobody parses a second time.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Literal
from urllib.parse import quote, urljoin, urlsplit

from conduit.contracts.errors import InvalidInput

_LONGEST = 8000
_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_DEFAULT_PORT = {"http": 80, "https": 443}
_PATH_SAFE = "/:@!$&'()*+,;=%~"
_QUERY_SAFE = _PATH_SAFE + "?"


@dataclass(frozen=True, slots=True)
class WebUrl:
    """An ``http`` or ``https`` address in canonical form. The fragment is left out.

    ``host`` is lower-case ASCII without a trailing dot; an IPv4 address is four decimal numbers,
    an IPv6 address has its shortest form and no brackets. ``path`` starts with ``/``; ``path`` and
    ``query`` are percent-encoded.
    """

    scheme: Literal["http", "https"]
    host: str
    port: int
    path: str
    query: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Host and port; the port only where it is not the scheme's own."""
        host = bracketed(self.host)
        return host if self.port == _DEFAULT_PORT[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        """As messages may show it: without the query, which is where keys are put."""
        return f"{self.scheme}://{self.authority}{self.path}"

    def joined(self, location: str) -> WebUrl:
        """The address that a redirect from here leads to. Raises ``InvalidInput``."""
        if _CONTROL.search(location):  # joining would drop some of them silently
            raise InvalidInput("the address holds control characters")
        query = f"?{self.query}" if self.query else ""
        try:
            return read_url(urljoin(f"{self}{query}", location))
        except ValueError:
            raise InvalidInput("the address cannot be read") from None


def read_url(text: str) -> WebUrl:
    """Read a web address. Raises ``InvalidInput``, which never quotes it: it may hold a secret.

    Refused are other schemes, user names and passwords, control characters, hosts that are written
    so that programs disagree about them (see ``host_of``), port 0 and more than 8000 characters.
    """
    if len(text) > _LONGEST:
        raise InvalidInput(f"the address is longer than {_LONGEST} characters")
    if _CONTROL.search(text) or text != text.strip():
        raise InvalidInput("the address holds control characters, or spaces around it")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise InvalidInput("the address cannot be read") from None
    if parts.scheme not in ("http", "https"):
        raise InvalidInput("the address does not begin with http:// or https://")
    if "@" in parts.netloc:
        raise InvalidInput(
            "the address holds a user name or password", hint="send them in a header instead"
        )
    if port == 0:
        raise InvalidInput("port 0 is no port")
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    return WebUrl(
        scheme,
        host_of(_without_port(parts.netloc)),
        port or _DEFAULT_PORT[scheme],
        quote(parts.path, safe=_PATH_SAFE) or "/",
        quote(parts.query, safe=_QUERY_SAFE),
    )


def host_of(text: str) -> str:
    """The canonical form of a host. Raises ``InvalidInput``.

    Names are mapped to lower-case ASCII (NFKC, then IDNA with UTS 46). What looks like a number
    must be a plain IPv4 address: ``127.1``, ``0x7f.0.0.1``, ``0177.0.0.1`` and ``2130706433`` mean
    loopback to some programs and nothing to others, so they are refused, as are zone ids.
    """
    if text.startswith("[") and text.endswith("]"):
        return _ipv6(text[1:-1])
    host = unicodedata.normalize("NFKC", text).lower()
    if len(host) > 254:
        raise InvalidInput("the host is longer than a name can be")
    if not host.isascii():
        host = _to_ascii(host)
    host = host.removesuffix(".")
    if not host:
        raise InvalidInput("the address names no host")
    labels = host.split(".")
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise InvalidInput("the host is no name that a machine can have")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(host)
    return host


def bracketed(host: str) -> str:
    """A host as it stands in an address: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def _without_port(netloc: str) -> str:
    """The host as it is written; only digits can follow the last colon, which is checked."""
    host, colon, port = netloc.rpartition(":")
    return host if colon and not port.endswith("]") else netloc


def _ipv4(host: str) -> str:
    try:
        return str(IPv4Address(host))
    except ValueError:
        raise InvalidInput(
            "the host is a number, but not a plain IPv4 address", hint="write it like 192.0.2.1"
        ) from None


def _ipv6(text: str) -> str:
    try:
        address = IPv6Address(text)
    except ValueError:
        raise InvalidInput("the host in brackets is no IPv6 address") from None
    if address.scope_id is not None:
        raise InvalidInput("an IPv6 address with a zone id means something on one machine only")
    return str(address)


def _to_ascii(host: str) -> str:
    import idna

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise InvalidInput("the host is no name that a machine can have") from None
