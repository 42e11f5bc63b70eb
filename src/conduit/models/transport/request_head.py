"""The first half of a request: where it goes, and its bytes up to the body. Pure.

Layout: RFC 9112, sections 2 to 5. Nothing in a name, a value or an address can begin a line of its
own: what could is refused, or was quoted before it came here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from conduit.contracts.errors import InvalidInput
from conduit.models.exchange import Header

_NAMES = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]*")
_NO_VALUE = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_HOST = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z._-]{0,252}[0-9A-Za-z_.])?")
_V6 = re.compile(r"[0-9A-Fa-f:.]{2,45}")
_ANYTHING = "Accept: */*\r\n"
_URL_SAFE = "/%:=&?~#+!$,;'@()*[]"
_FRAMING = frozenset(
    ("connection", "content-length", "expect", "host", "keep-alive", "te", "trailer")
) | {"transfer-encoding", "upgrade", "accept-encoding"}
"""Those that say how the message itself is carried, which is for the transport to decide."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where connections lead, and so which requests may share one."""

    secure: bool
    host: str
    """A name in ASCII or an address, without brackets."""
    port: int

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def locate(url: str) -> tuple[Origin, str]:
    """The origin of a URL and its request target. Raises ``ValueError`` for what is no HTTP URL."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    if not secure and parts.scheme != "http":
        raise ValueError("neither http nor https")
    if "@" in parts.netloc:
        raise ValueError("a user in the address")
    host = _ascii(parts.hostname or "")
    if not (_V6 if ":" in host else _HOST).fullmatch(host):
        raise ValueError("no host")
    port = parts.port
    if port is None:
        port = 443 if secure else 80
    elif not port:
        raise ValueError("port 0")
    target = quote(parts.path or "/", safe=_URL_SAFE)
    if parts.query:
        target += "?" + quote(parts.query, safe=_URL_SAFE)
    return Origin(secure, host, port), target


def opening(method: str, origin: Origin, target: str) -> str:
    """The lines of a request that are the same each time it goes to this URL."""
    return (
        f"{method} {target} HTTP/1.1\r\nHost: {origin.authority}\r\n"
        f"User-Agent: conduit\r\n{_ANYTHING}Accept-Encoding: identity\r\n"
    )


def request_head(opening: str, headers: tuple[Header, ...], length: int) -> bytes:
    """The head of a request with a body of ``length`` bytes, which is none for -1. Raises
    ``InvalidInput`` as ``check_headers`` does."""
    check_headers(headers)
    if any(name == "accept" for name, _ in headers):  # many servers look at the first one only
        opening = opening.replace(_ANYTHING, "", 1)
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    sized = f"Content-Length: {length}\r\n\r\n" if length >= 0 else "\r\n"
    return f"{opening}{lines}{sized}".encode("latin-1")


def check_headers(headers: tuple[Header, ...]) -> None:
    """Raise ``InvalidInput`` for a header that would not arrive as the header it is."""
    # All at once first: it is nearly always right, and this is on everybody's way.
    names = [name for name, _ in headers]
    if (
        _NAMES.fullmatch("".join(names))
        and not _NO_VALUE.search("".join([value for _, value in headers]))
        and all(names)
        and _FRAMING.isdisjoint([name.lower() for name in names])
    ):
        return
    for name, value in headers:
        if not name or not _NAMES.fullmatch(name):
            raise InvalidInput("a header's name has characters that no name may have")
        if _NO_VALUE.search(value):
            raise InvalidInput(
                f"the header {name!r} has characters that no header may have",
                hint="line ends, control characters and anything beyond Latin-1 are not sent",
            )
        if name.lower() in _FRAMING:
            raise InvalidInput(
                f"the header {name!r} is not for a request to choose",
                hint="it says how the message is carried; leave it out",
            )


def _ascii(host: str) -> str:
    if host.isascii():
        return host
    import idna  # only for a name that is not ASCII, because its tables take long to load

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise ValueError("no host name") from None
