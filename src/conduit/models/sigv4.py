"""AWS Signature Version 4, as every service but S3 wants it.

Source: "Create a signed AWS API request" in the AWS IAM user guide. The path is normalised and then
encoded once more, also where it is percent-encoded already; S3 does neither, and is not meant here.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote, urlsplit

from conduit.models.exchange import Header

_ALGORITHM = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SPACES = re.compile(" +")


@dataclass(frozen=True, slots=True)
class Credentials:
    """``token`` comes with temporary credentials (those of a role)."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    token: str = field(default="", repr=False)


def sign(
    method: str,
    url: str,
    headers: tuple[Header, ...],
    body: bytes,
    *,
    credentials: Credentials,
    region: str,
    service: str,
    now: float,
) -> tuple[Header, ...]:
    """The headers that sign a request: ``X-Amz-Date``, ``Authorization``, and with a session its
    ``X-Amz-Security-Token``. ``url`` is exactly as it will be sent, ``headers`` are further ones to
    sign (``Host`` always is), ``now`` is seconds since the epoch."""
    parts = urlsplit(url)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    added: tuple[Header, ...] = (("X-Amz-Date", stamp),)
    if credentials.token:
        added += (("X-Amz-Security-Token", credentials.token),)
    signed, canonical = _headers((("Host", _host(url)), *headers, *added))
    request = "\n".join(
        (
            method,
            _path(parts.path),
            _query(parts.query),
            canonical,
            signed,
            hashlib.sha256(body).hexdigest(),
        )
    )
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = _key(credentials.secret_access_key, stamp[:8], region, service)
    signature = _mac(key, f"{_ALGORITHM}\n{stamp}\n{scope}\n{digest}").hex()
    authorization = (
        f"{_ALGORITHM} Credential={credentials.access_key_id}/{scope}, "
        f"SignedHeaders={signed}, Signature={signature}"
    )
    return (*added, ("Authorization", authorization))


def _headers(headers: tuple[Header, ...]) -> tuple[str, str]:
    """The names that are signed, and the canonical headers with their closing line end."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(_SPACES.sub(" ", value.strip()))
    names = sorted(values)
    lines = (f"{name}:{','.join(values[name])}\n" for name in names)
    return ";".join(names), "".join(lines)


def _host(url: str) -> str:
    """As an HTTP client writes it: without the usual port of the scheme."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    usual = parts.port is None or parts.port == _DEFAULT_PORTS.get(parts.scheme)
    return host if usual else f"{host}:{parts.port}"


def _path(path: str) -> str:
    """Without dots and doubled slashes (RFC 3986, section 6.2.2.3), encoded once more."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            kept[-1:] = []
        elif segment and segment != ".":
            kept.append(segment)
    slash = "/" if kept and path.endswith(("/", "/.", "/..")) else ""
    return quote("/" + "/".join(kept) + slash, safe="/-_.~")


def _query(query: str) -> str:
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return "&".join(f"{name}={value}" for name, value in sorted((n, v) for n, _, v in pairs))


@lru_cache(maxsize=64)
def _key(secret: str, date: str, region: str, service: str) -> bytes:
    """The signing key of one day."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = _mac(key, part)
    return key


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
