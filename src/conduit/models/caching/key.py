"""Under which key an answer is kept: all that decides it, and nothing else, for one tenant.

A key is BLAKE2b (RFC 7693) over the canonical request, keyed with the installation's own secret: no
tenant and no reader of a shared Redis can compute the key of a request that it guesses.
Canonical is MessagePack with the members of every object in order; the tenant stands in the
hashed bytes, and in front of the key.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Final

import msgspec

from conduit.contracts.chat import ChatRequest
from conduit.contracts.json import Json, JsonObject
from conduit.models.asked import Asked

VERSION: Final = 1
"""Of the canonical form and of what is kept. Another version finds nothing of this one."""

TRANSPORT: Final = frozenset(
    {
        "keep_alive",  # Ollama: how long the model stays loaded
        "metadata",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "store",
        "stream",
        "stream_options",
        "user",
    }
)
"""Fields, at the top of a body, that change how an answer travels or is billed, not what it is."""

DEFAULTS: Final[Mapping[str, Json]] = {
    "frequency_penalty": 0,
    "functions": [],
    "logit_bias": {},
    "logprobs": False,
    "n": 1,
    "presence_penalty": 0,
    "stop": [],
    "stop_sequences": [],
    "tools": [],
}
"""What is meant by every provider when nothing is said. The default temperature is not: servers of
open models take it from the model's own configuration."""

_ENCODE: Final = msgspec.msgpack.Encoder(order="deterministic").encode
_CHAT_FIELDS: Final = tuple(f.name for f in fields(ChatRequest) if f.name not in ("user", "extra"))
_CHAT_VALUES: Final = attrgetter(*_CHAT_FIELDS)
_OTHER_VALUES: Final = attrgetter(*(name for name in _CHAT_FIELDS if name != "messages"))
_NUMBER: Final = re.compile(r"\d+")
_MISSING: Final = object()
_NOTHING: Final[JsonObject] = {}
_EXACT: Final = 2**53
"""Below this a float is the integer it looks like."""
_LONGEST_KEY: Final = 64
"""Bytes of BLAKE2b's own key at most."""


@dataclass(frozen=True, slots=True)
class CacheKey:
    """``digest`` is 32 bytes, the tenant's name being part of what was hashed."""

    org_id: str
    digest: bytes


class Keys:
    """Makes the keys of one installation. ``secret`` is any number of bytes; all processes that
    share a Redis need the same one."""

    def __init__(self, secret: bytes) -> None:
        key = secret if len(secret) <= _LONGEST_KEY else hashlib.blake2b(secret).digest()
        self._exact = hashlib.blake2b(key=key, digest_size=32, person=b"cache-exact")
        self._context = hashlib.blake2b(key=key, digest_size=32, person=b"cache-context")
        self._org = hashlib.blake2b(key=key, digest_size=16, person=b"cache-org")
        self._seal = hashlib.blake2b(key=key, digest_size=16, person=b"cache-seal")

    def exact(self, org_id: str, route: str, asked: Asked) -> CacheKey | None:
        """The key of a request for ``route``, the model or group that the client named. None when
        the request has no canonical form (a lone surrogate, nesting without end)."""
        try:
            what = _canonical_chat(asked.chat) if not asked.dialect else canonical_body(asked.body)
            data = _ENCODE((VERSION, org_id, asked.dialect, route, asked.headers, what))
        except (ValueError, TypeError, OverflowError, RecursionError):
            return None
        hashed = self._exact.copy()
        hashed.update(data)
        return CacheKey(org_id, hashed.digest())

    def context(self, org_id: str, route: str, asked: Asked, embedding: str) -> bytes | None:
        """32 bytes over all of a request but the text of its last turn, of which only the numbers
        count: embeddings are near for "pay 100" and "pay 1000", which do not mean the same.
        ``embedding`` names what places that text. None as for ``exact``."""
        chat = asked.chat
        *earlier, last = chat.messages
        extra = _meaningful(chat.extra)
        told = (last.role, last.name, _NUMBER.findall(last.content))
        what = (earlier, told, [_plain(v) for v in _OTHER_VALUES(chat)], extra)
        try:
            data = _ENCODE((VERSION, org_id, asked.dialect, route, asked.headers, embedding, what))
        except (ValueError, TypeError, OverflowError, RecursionError):
            return None
        hashed = self._context.copy()
        hashed.update(data)
        return hashed.digest()

    def namespace(self, org_id: str) -> str:
        """32 hexadecimal digits that stand for a tenant where names of keys can be seen."""
        hashed = self._org.copy()
        hashed.update(org_id.encode("utf-8", "surrogatepass"))
        return hashed.hexdigest()

    def seal(self, place: bytes, data: bytes) -> bytes:
        """16 bytes that prove that this installation put ``data`` at ``place``."""
        hashed = self._seal.copy()
        hashed.update(len(place).to_bytes(4, "little") + place)
        hashed.update(data)
        return hashed.digest()

    def sealed(self, place: bytes, data: bytes, seal: bytes) -> bool:
        """Whether ``seal`` is the one of ``data`` at ``place``."""
        return hmac.compare_digest(self.seal(place, data), seal)


def canonical_body(body: JsonObject) -> JsonObject:
    """A client's request without what does not decide the answer."""
    return {
        name: value
        for name, given in body.items()
        if given is not None and name not in TRANSPORT
        # A default counts as absent only if it is of the same type: ``n: true`` is a fault.
        if (value := _plain(given)) != (default := DEFAULTS.get(name, _MISSING))
        or type(value) is not type(default)
    }


def _canonical_chat(chat: ChatRequest) -> tuple[Any, ...]:
    return ([_plain(value) for value in _CHAT_VALUES(chat)], _meaningful(chat.extra))


def _meaningful(extra: JsonObject) -> JsonObject:
    return canonical_body(extra) if extra else _NOTHING


def _plain(value: Json) -> Json:
    """``0.0`` as ``0``, which is the same number in JSON."""
    if type(value) is float and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    return value
