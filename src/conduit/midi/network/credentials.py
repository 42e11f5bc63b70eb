"""Who may open a session with a host, and what a client shows for it.

The host sends sixteen characters, a nonce; the client answers SHA-256 of the nonce, then the
secret, or the user's name and password (M2-124-UM, 6.9 and 6.10). That proves the secret without
sending it, but somebody who hears both can try out secrets in peace, and what is played afterwards
is neither hidden nor signed. Use long secrets, and a network that is yours.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from conduit.contracts.errors import ConfigError, InvalidInput
from conduit.midi.network.codes import Capability
from conduit.midi.network.commands import NONCE_BYTES, USER_BYTES
from conduit.midi.network.identity import text_bytes

RandomBytes = Callable[[int], bytes]
"""Gives so many bytes that nobody can guess."""


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """What a client shows to a host that has one secret for everybody."""

    secret: str = field(repr=False)

    capability = Capability.SECRET

    def digest(self, nonce: bytes) -> bytes:
        return sha256(nonce + self.secret.encode(errors="surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class UserPassword:
    """What a client shows to a host that knows users. Raises ``InvalidInput`` for a name that is
    empty or has more than 256 bytes."""

    user: str
    password: str = field(repr=False)

    capability = Capability.USER

    def __post_init__(self) -> None:
        if not text_bytes(self.user, USER_BYTES, "a user's name"):
            raise InvalidInput("a user needs a name", hint="pass the one that the host knows")

    def digest(self, nonce: bytes) -> bytes:
        said = self.user + self.password
        return sha256(nonce + said.encode(errors="surrogatepass")).digest()


Credentials = SharedSecret | UserPassword


@dataclass(frozen=True, slots=True)
class Access:
    """Whom a host lets in: everybody, or who knows ``secret``, or who is one of ``users`` (name to
    password). With both, a client that can name a user has to.

    ``approval`` has each invitation wait for somebody to say yes, after the credentials if any.
    """

    secret: str = field(default="", repr=False)
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    approval: bool = False

    def __post_init__(self) -> None:
        for user, password in self.users.items():
            if (
                not user
                or not password
                or len(user.encode(errors="surrogatepass")) > USER_BYTES
                or "\0" in user
            ):
                raise ConfigError(
                    "a user of Network MIDI has no name, no password, or too long a name",
                    hint=f"give each a password, and a name of at most {USER_BYTES} bytes",
                )

    @property
    def open(self) -> bool:
        return not self.secret and not self.users

    def method(self, capabilities: int) -> Capability:
        """How a client of these capabilities has to say who it is; ``NONE`` when it cannot."""
        if self.users and capabilities & Capability.USER:
            return Capability.USER
        if self.secret and capabilities & Capability.SECRET:
            return Capability.SECRET
        return Capability.NONE

    def knows_secret(self, nonce: bytes, digest: bytes) -> bool:
        expected = SharedSecret(self.secret).digest(nonce)
        return hmac.compare_digest(expected, digest) and bool(self.secret)

    def knows_user(self, nonce: bytes, digest: bytes, user: str) -> bool:
        """Takes as long for a user that does not exist."""
        password = self.users.get(user, "")
        expected = SharedSecret(user + password).digest(nonce)
        return hmac.compare_digest(expected, digest) and bool(password)


def new_nonce(random: RandomBytes) -> bytes:
    """Sixteen printable characters, as peers expect them: 105 bits that nobody can guess."""
    found = bytearray()
    while len(found) < NONCE_BYTES:
        # 0x00-0x5e shifted to 0x20-0x7e; others are thrown away, so that none is likelier
        found += bytes(byte + 0x20 for byte in random(64) if byte < 0x5F)
    return bytes(found[:NONCE_BYTES])
