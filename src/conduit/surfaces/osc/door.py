"""Who is let in, how often, and how much is sent to whom.

Anybody can write any address on a datagram. So whoever is not on this machine, and has not said
back what was sent to where replies go, is sent no more bytes than came from there: nobody is
flooded with our answers to somebody else's questions.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeVar

from conduit.contracts.errors import RateLimited
from conduit.intents.pace import Pace, Rate
from conduit.surfaces.osc.settings import OscSettings

Address = tuple[str, int]
_K = TypeVar("_K")
_V = TypeVar("_V")

MOST_REMEMBERED: Final = 1024
PROVEN_S: Final = 600.0
TOKEN_BYTES: Final = 16
_WINDOW_S: Final = 60.0
_MOST_CREDIT: Final = 1 << 16


class Door:
    """``clock`` is monotonic, in seconds. ``secret`` is what proofs are made with, forgotten at the
    end of the process."""

    def __init__(self, settings: OscSettings, clock: Callable[[], float], secret: bytes) -> None:
        self._settings = settings
        self._clock = clock
        self._secret = secret
        self._pace = Pace(clock, MOST_REMEMBERED)
        self._rate = Rate(settings.per_minute, settings.burst)
        self._told: OrderedDict[str, float] = OrderedDict()
        self._credit: OrderedDict[Address, int] = OrderedDict()
        self._proven_until: OrderedDict[Address, float] = OrderedDict()
        """By itself, or whoever makes addresses up would crowd out those that are proven."""

    def lets_in(self, host: str) -> bool:
        """Whether somebody at this address is heard at all."""
        try:
            address = _ip(host)
        except ValueError:
            return False  # no address at all: a socket that is closed already
        return address.is_loopback or any(address in network for network in self._settings.allow)

    def paced(self, host: str, count: int) -> None:
        """Count so many messages. Raises ``RateLimited``; then none has been counted."""
        wait = self._pace.take(host, self._rate, float(count))
        if wait:
            raise RateLimited(
                "asked more often than is allowed",
                retry_after_s=min(wait, 3600.0),
                hint="wait a little; fewer messages in a bundle",
            )

    def worth_telling(self, host: str) -> bool:
        """Whether to tell somebody that there was too much: once a second, or it would be more."""
        now = self._clock()
        if now - self._told.get(host, -1.0) < 1.0:
            return False
        _kept(self._told, host, now)
        return True

    def came(self, place: Address, size: int) -> None:
        """So many bytes came, whose replies go there."""
        if self._needs_proof(place):
            _kept(self._credit, place, min(self._credit.get(place, 0) + size, _MOST_CREDIT))

    def may_send(self, place: Address, size: int) -> bool:
        """Whether so many bytes may go there; if so they count as sent."""
        if not self._needs_proof(place):
            return True
        if self._proven_until.get(place, 0.0) > self._clock():
            return True
        credit = self._credit.get(place, 0)
        if credit < size:
            return False
        self._credit[place] = credit - size
        return True

    def token(self, place: Address, *, ago: int = 0) -> str:
        """What whoever is there has to say back, for a minute or two. Nothing is remembered."""
        window = int(self._clock() / _WINDOW_S) - ago
        said = f"{place[0]} {place[1]} {window}".encode()
        return hmac.new(self._secret, said, hashlib.sha256).hexdigest()[:TOKEN_BYTES]

    def proves(self, place: Address, token: str) -> bool:
        """Whether this was said back. If so, replies go there freely for ten minutes."""
        given = token.encode(errors="replace")
        right = [hmac.compare_digest(given, self.token(place, ago=ago).encode()) for ago in (0, 1)]
        if any(right):
            _kept(self._proven_until, place, self._clock() + PROVEN_S)
        return any(right)

    def _needs_proof(self, place: Address) -> bool:
        return place != self._settings.reply_to and not _ip(place[0]).is_loopback


def _kept(book: OrderedDict[_K, _V], key: _K, value: _V) -> _V:
    book[key] = value
    book.move_to_end(key)
    if len(book) > MOST_REMEMBERED:
        book.popitem(last=False)
    return value


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if isinstance(mapped, ipaddress.IPv4Address) else address
