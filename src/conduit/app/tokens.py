"""Short-lived tokens: a key is exchanged for one, and it opens what the key does, for a while.

They are JSON Web Tokens (RFC 7519; the compact form of RFC 7515), signed with HMAC-SHA-256 and a
secret of the installation (``tokens.secret`` in ``CONDUIT_HOME``, mode 0600). Who signs is who
reads, so there is one header, made here, and a token with any other is not ours: nothing that a
token says about algorithms is ever followed. Signatures are compared as they are written, so that
there is one way to write each.

A token holds no rights. It names a key, and its holder's rights are looked up each time, so a key
that is removed or has expired takes its tokens along. A scope narrows them (``token_scope``).
"""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import orjson

from conduit.app.keys import Holder, Keys
from conduit.app.secret_file import kept_secret
from conduit.contracts.call import Principal
from conduit.contracts.errors import Unauthenticated

TOKEN_PREFIX: Final = "eyJ"
"""How every JSON Web Token begins: ``{"`` in base64."""
FILE_NAME: Final = "tokens.secret"
ISSUER: Final = "conduit"
SKEW_S: Final = 60
"""So far may the clocks of machines that share a secret be apart."""
LONGEST: Final = 4096
_MOST_KEPT: Final = 4096
_AGAIN: Final = "fetch another from POST /auth/token, with a key"


class Scopes(Protocol):
    """Narrows principals to what a scope names."""

    @property
    def generation(self) -> int:
        """Another number when the same scope may mean something else."""
        ...

    def narrowed(self, person: Principal, scope: tuple[str, ...]) -> Principal: ...


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says. Times are Unix seconds; ``key`` is the id of a key, or empty for the local
    caller of an installation without keys."""

    key: str
    issued: int
    expires: int
    scope: tuple[str, ...] = ()


@dataclass(slots=True)
class _Known:
    """A token whose signature was seen to be right, and whom it stands for as of now."""

    claims: Claims
    base: Principal | None = None
    generation: int = -1
    principal: Principal | None = None


class Tokens:
    """Makes tokens and reads them. ``clock`` is Unix seconds.

    ``scopes`` are set when the blocks are known; until then a token with a scope opens nothing.
    """

    def __init__(
        self,
        home: Path,
        keys: Keys,
        new_id: Callable[[], str],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = home / FILE_NAME
        self._keys = keys
        self._new_id = new_id
        self._clock = clock
        self._secret = b""
        self._header = ""
        self._known: dict[bytes, _Known] = {}
        self.scopes: Scopes | None = None

    @property
    def required(self) -> bool:
        """Whether there are keys, so that a token must stand for one."""
        return self._keys.required

    def holder(self, presented: str) -> Holder | None:
        """Who holds this key."""
        return self._keys.find(presented)

    def issue(
        self, holder: Holder | None, *, seconds: int, scope: tuple[str, ...] = ()
    ) -> tuple[str, int]:
        """A token for the holder of a key, or None for the local caller, and for how many seconds:
        it does not outlast its key. Raises ``StoreError`` and ``ConfigError``."""
        self._open()
        now = int(self._clock())
        ends = now + seconds
        if holder is not None and holder.expires is not None:
            ends = min(ends, holder.expires)
        claims = {
            "iss": ISSUER,
            "sub": "local" if holder is None else holder.principal.subject,
            "jti": self._new_id(),
            "iat": now,
            "exp": ends,
            "key": "" if holder is None else holder.id,
            "scope": " ".join(scope),
        }
        signed = f"{self._header}.{_encoded(orjson.dumps(claims))}"
        return f"{signed}.{self._signature(signed)}", ends - now

    def principal(self, presented: str, caller: Principal | None) -> Principal | None:
        """Whom a token stands for; None when it is none of this installation. ``caller`` is whoever
        calls without a key, or None where a key is needed.

        Raises ``Unauthenticated`` for one of ours that is damaged or opens nothing any more, and
        ``StoreError`` and ``ConfigError`` when the secret cannot be read.
        """
        if len(presented) > LONGEST or not presented.isascii():
            return None
        digest = hashlib.sha256(presented.encode()).digest()
        known = self._known.get(digest)
        if known is None:
            claims = self._read(presented)
            if claims is None:
                return None
            while len(self._known) >= _MOST_KEPT:
                self._known.pop(next(iter(self._known)), None)
            known = self._known[digest] = _Known(claims)
        return self._standing(known, caller)

    def _standing(self, known: _Known, caller: Principal | None) -> Principal:
        claims, now = known.claims, self._clock()
        if now >= claims.expires + SKEW_S:
            raise _refusal("this token has expired", _AGAIN)
        if now < claims.issued - SKEW_S:
            raise _refusal("this token is not valid yet", "set the clocks of both machines")
        base = caller
        if claims.key:
            holder = self._keys.holder(claims.key)
            ended = holder is None or (holder.expires is not None and now >= holder.expires)
            base = None if holder is None or ended else holder.principal
        if base is None:
            whose = "its key opens nothing" if claims.key else "without a key nobody gets in"
            raise _refusal(f"this token is of no use: {whose} any more", _AGAIN)
        if not claims.scope:
            return base
        if self.scopes is None:
            raise _refusal("a token with a scope opens nothing here", "use one without a scope")
        generation = self.scopes.generation
        if known.principal is None or known.base is not base or known.generation != generation:
            known.principal = self.scopes.narrowed(base, claims.scope)
            known.base, known.generation = base, generation
        return known.principal

    def _read(self, presented: str) -> Claims | None:
        """The claims of a token that was signed here; None for one from elsewhere."""
        if not self._secret and not self._path.exists():
            return None  # nothing was signed here yet, and what strangers show makes no secret
        self._open()
        header, _, rest = presented.partition(".")
        if header != self._header:
            return None
        payload, _, signature = rest.partition(".")
        if not hmac.compare_digest(self._signature(f"{header}.{payload}"), signature):
            raise _refusal("the signature of this token is wrong", _AGAIN)
        # Signed with our secret, so written by `issue` and by nobody else.
        said = orjson.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return Claims(said["key"], said["iat"], said["exp"], tuple(said["scope"].split()))

    def _signature(self, text: str) -> str:
        return _encoded(hmac.digest(self._secret, text.encode(), "sha256"))

    def _open(self) -> None:
        if self._secret:
            return
        secret = kept_secret(self._path, of="tokens", lost="the tokens there are open nothing")
        name = hashlib.sha256(b"conduit token key\0" + secret).hexdigest()[:16]
        header = {"alg": "HS256", "kid": name, "typ": "JWT"}
        self._header = _encoded(orjson.dumps(header))
        self._secret = secret


def _encoded(data: bytes) -> str:
    """Base64 for addresses, without padding (RFC 7515, section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _refusal(said: str, hint: str) -> Unauthenticated:
    return Unauthenticated(said, where="token", hint=hint)
