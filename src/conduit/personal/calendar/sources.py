"""The texts of the calendars of a person: stored ones, and those that lie at an address."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING, Final

from conduit.blocks.utility.addresses import LookUp, Reach, look_up
from conduit.blocks.utility.url import WebUrl, read_url
from conduit.contracts.errors import (
    ConduitError,
    Forbidden,
    InvalidInput,
    NotFound,
    TimedOut,
    TooLarge,
    Unavailable,
)
from conduit.personal.calendar.entries import LARGEST, Calendar, read_calendar
from conduit.personal.calendar.zones import require_zone
from conduit.store.calendars import StoredCalendar

if TYPE_CHECKING:
    from conduit.blocks.utility.fetch import Reply

FRESH_S: Final = 300.0
"""How long what lay at an address is taken to be what lies there."""
_MOST_KEPT: Final = 8 * LARGEST
"""Bytes that are kept, of all calendars together."""
_PATIENCE_S: Final = 20.0
_AT_ONCE: Final = 2
"""Calendars that are fetched or read at a time: a large one takes 100 MB while it is read."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A calendar that was asked for: what it holds, or why it cannot be read."""

    name: str
    calendar: Calendar | None
    fault: str = ""


class Sources:
    """Reads calendars. ``hosts`` are those that addresses may lead to; ``zone`` is what times mean
    where nobody says; ``clock`` is monotonic seconds."""

    def __init__(
        self,
        hosts: Reach,
        zone: tzinfo,
        clock: Callable[[], float],
        look_up: LookUp = look_up,
    ) -> None:
        self._hosts = hosts
        self._zone = zone
        self._clock = clock
        self._look_up = look_up
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def open_all(self, stored: tuple[StoredCalendar, ...]) -> list[Opened]:
        """All of them; one that cannot be read does not keep the others."""
        return list(await asyncio.gather(*map(self._opened, stored)))

    async def _opened(self, stored: StoredCalendar) -> Opened:
        try:
            return Opened(stored.name, await self.open(stored))
        except ConduitError as error:
            return Opened(stored.name, None, error.message)

    async def open(self, stored: StoredCalendar) -> Calendar:
        """Raises ``InvalidInput`` for what is no calendar, and what ``fetch`` raises."""
        if stored.kind == "text":
            text = stored.body
        else:
            text = (await self._bytes_at(stored.body)).decode("utf-8", "replace")
        zone = require_zone(stored.timezone) if stored.timezone else self._zone
        async with self._room:
            return await asyncio.to_thread(read_calendar, text, zone, fixed=bool(stored.timezone))

    async def _bytes_at(self, address: str) -> bytes:
        key = hashlib.sha256(address.encode()).hexdigest()
        known = self._kept.get(key)
        if known is not None and self._clock() - known[0] < FRESH_S:
            self._kept.move_to_end(key)
            return known[1]
        async with self._room:
            data = await self.fetch(address)
        self._kept[key] = self._clock(), data
        while sum(len(each) for _, each in self._kept.values()) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return data

    def checked(self, address: str) -> WebUrl:
        """An address that may be asked. Raises ``InvalidInput`` and ``Forbidden``."""
        url = url_of(address)
        self._hosts.on(url.port).require_host(url.host)
        return url

    async def fetch(self, address: str) -> bytes:
        """What lies at an address, every redirect judged anew.

        Raises ``InvalidInput``, ``Forbidden``, ``NotFound``, ``TooLarge``, ``TimedOut`` and
        ``Unavailable``. None of them holds more of the address than the host: it is a secret.
        """
        from conduit.blocks.utility.fetch import Exchange, Limits, Request

        url = self.checked(address)
        exchange = Exchange(
            Request("GET", url, (("Accept", "text/calendar, text/plain;q=0.5"),)),
            Limits(_PATIENCE_S, largest=LARGEST),
            self._hosts,
            self._look_up,
        )
        try:
            reply = await exchange.run()
        except ConduitError as error:
            raise _without_address(error, url) from None
        return _body(reply, url)


def url_of(address: str) -> WebUrl:
    """Calendar programs write ``webcal://``, which is HTTPS by another name. Raises
    ``InvalidInput``."""
    scheme, colon, rest = address.strip().partition("://")
    secure = scheme.lower() in ("webcal", "webcals")
    return read_url(f"https://{rest}" if secure and colon else address.strip())


def _body(reply: Reply, url: WebUrl) -> bytes:
    status = reply.status
    if status in (404, 410):
        raise NotFound(
            f"{url.host} has no calendar at this address ({status})",
            hint="copy its address in iCal format again",
        )
    if status in (401, 402, 403, 407, 451):
        raise Forbidden(
            f"{url.host} does not give the calendar ({status})",
            hint="use the private address in iCal format, which holds its own key",
        )
    if not 200 <= status < 300:
        raise Unavailable(f"{url.host} answered {status}", hint="try later")
    return reply.body


def _without_address(error: ConduitError, url: WebUrl) -> ConduitError:
    """The same error, without an address in it."""
    if "://" not in error.message and "://" not in error.hint:
        return error
    for kind in (Forbidden, TimedOut, TooLarge, InvalidInput):
        if isinstance(error, kind):
            return kind(f"{url.host} did not give the calendar ({error.code})", hint="try later")
    return Unavailable(f"{url.host} did not give the calendar", hint="is the address right?")
