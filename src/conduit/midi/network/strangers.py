"""What a host remembers of addresses it has no session with: a bounded book, oldest out first.

Anybody can write any source address on a datagram. So a stranger is never sent more bytes than came
from its address, and nobody is made to answer faster than a client in need would ask.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from conduit.midi.network.commands import READ_BYTES
from conduit.midi.network.settings import Limits, Timing


@dataclass(slots=True)
class _Page:
    credit: int = 0


@dataclass(slots=True)
class _Visits:
    left: float
    at: float


@dataclass(slots=True)
class _Guesses:
    wrong: int = 0
    locked_until: float = 0.0


class Strangers:
    """Credit in bytes for each address with its port; visits and wrong credentials for each address
    alone, since ports are free.

    Wrong credentials have a book of their own: only who has received a nonce can write in it, so no
    flood of invented addresses makes us forget who is locked out.
    """

    def __init__(self, timing: Timing, limits: Limits) -> None:
        self._lockout_s = timing.lockout_s
        self._most = limits.strangers
        self._per_s = limits.invitations_per_s
        self._tries = limits.login_tries
        self._pages: OrderedDict[Hashable, _Page] = OrderedDict()
        self._visits: OrderedDict[Hashable, _Visits] = OrderedDict()
        self._guesses: OrderedDict[Hashable, _Guesses] = OrderedDict()

    def __len__(self) -> int:
        return max(len(self._pages), len(self._visits), len(self._guesses))

    def came(self, source: Hashable, size: int) -> None:
        """So many bytes came from there."""
        page = self._pages.get(source)
        if page is None:
            page = self._pages[source] = _Page()
            if len(self._pages) > self._most:
                self._pages.popitem(last=False)
        self._pages.move_to_end(source)
        page.credit = min(page.credit + size, READ_BYTES)

    def credit(self, source: Hashable) -> int:
        page = self._pages.get(source)
        return page.credit if page else 0

    def spend(self, source: Hashable, size: int) -> bool:
        """Whether so many bytes may be sent there; if so, they count as sent."""
        page = self._pages.get(source)
        if page is None or page.credit < size:
            return False
        page.credit -= size
        return True

    def may_begin(self, address: Hashable, now: float) -> bool:
        """Whether somebody at this address may start anew just now."""
        visits = self._at(address, now)
        burst = 4 * self._per_s
        visits.left = min(burst, visits.left + (now - visits.at) * self._per_s)
        visits.at = now
        if visits.left < 1:
            return False
        visits.left -= 1
        return True

    def wrong(self, address: Hashable, now: float) -> bool:
        """Credentials from there were wrong. True when those were too many."""
        guesses = self._guesses.get(address)
        if guesses is None:
            guesses = self._guesses[address] = _Guesses()
            if len(self._guesses) > self._most:
                self._guesses.popitem(last=False)
        self._guesses.move_to_end(address)
        guesses.wrong += 1
        if guesses.wrong < self._tries:
            return False
        guesses.wrong = 0
        guesses.locked_until = now + self._lockout_s
        return True

    def right(self, address: Hashable) -> None:
        self._guesses.pop(address, None)

    def locked(self, address: Hashable, now: float) -> bool:
        guesses = self._guesses.get(address)
        return guesses is not None and now < guesses.locked_until

    def _at(self, address: Hashable, now: float) -> _Visits:
        visits = self._visits.get(address)
        if visits is None:
            visits = self._visits[address] = _Visits(left=4 * self._per_s, at=now)
            if len(self._visits) > self._most:
                self._visits.popitem(last=False)
        self._visits.move_to_end(address)
        return visits
