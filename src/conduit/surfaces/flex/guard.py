"""What stands before an envelope is acted upon: its time, whether it is new, and how often."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from typing import Final

from conduit.contracts.errors import Conflict, Forbidden, RateLimited
from conduit.intents.pace import Pace
from conduit.store.seen import Seen
from conduit.surfaces.flex.devices import Device
from conduit.surfaces.flex.envelope import Envelope

MOST_BUCKETS: Final = 10_000
"""Of devices and intents."""

_BETWEEN: Final = "\t"


class Guard:
    """``now_ms`` is UTC in milliseconds, ``clock`` monotonic in seconds. An envelope may be
    ``window_ms`` old, and ``skew_ms`` ahead of us."""

    def __init__(
        self,
        seen: Seen,
        now_ms: Callable[[], int],
        clock: Callable[[], float],
        *,
        window_ms: int,
        skew_ms: int,
    ) -> None:
        self._seen = seen
        self._now = now_ms
        self._window = window_ms
        self._skew = skew_ms
        self._pace = Pace(clock, MOST_BUCKETS)

    def admit(self, device: Device, envelope: Envelope) -> None:
        """Let an envelope in, once. Raises ``Conflict`` for one that is stale, from the future, or
        was there before, and ``RateLimited``."""
        self._timely(envelope)
        self.paced(device, envelope.intent)
        if not self._seen.take(_key(device, envelope), envelope.ts):
            raise Conflict(
                "this envelope was here before",
                where=envelope.corr,
                hint="give each envelope a corr of its own and the time of now",
            )

    @property
    def unfinished(self) -> list[tuple[str, str]]:
        """Keys of devices, each with a ``corr`` that was not answered when the last process
        ended."""
        pairs = (key.rpartition(_BETWEEN) for key in self._seen.unfinished)
        return [(device, corr) for device, _, corr in pairs]

    def done(self, device: Device, envelope: Envelope) -> None:
        """It was answered: after a crash nobody need ask what became of it."""
        self._seen.done(_key(device, envelope))

    def may(self, device: Device, intent: str) -> None:
        """Raises ``Forbidden``."""
        if not any(fnmatch.fnmatchcase(intent, each) for each in device.intents):
            raise Forbidden(
                f"{device.name} may not ask for {intent}",
                where="intents",
                hint="allow it in flex.yaml, under this device",
            )

    def paced(self, device: Device, intent: str) -> None:
        """Count one for the device and one for its intent. Raises ``RateLimited``; then neither
        has been counted."""
        own = (device.key, "")
        wait = self._pace.take(own, device.rate)
        if wait:
            raise _too_often(device.name, wait)
        rate = device.rate_of(intent)
        if rate is None:
            return
        wait = self._pace.take((device.key, intent), rate)
        if wait:
            self._pace.give_back(own)
            raise _too_often(f"{device.name}, {intent}", wait)

    def _timely(self, envelope: Envelope) -> None:
        late = self._now() - envelope.ts
        if late > self._window:
            raise Conflict(
                f"made {late / 1000:,.1f} s ago; {self._window / 1000:g} s are taken",
                where=envelope.corr,
                hint="set the device's clock, or send at once what is made",
            )
        if -late > self._skew:
            raise Conflict(
                f"made {-late / 1000:,.1f} s from now; {self._skew / 1000:g} s are tolerated",
                where=envelope.corr,
                hint="set the device's clock",
            )
        if envelope.ts < self._seen.floor:
            raise Conflict(
                "made before this bridge started, so that it may have been here before",
                where=envelope.corr,
                hint="send it again, with the time of now",
            )


def _key(device: Device, envelope: Envelope) -> str:
    return f"{device.key}{_BETWEEN}{envelope.corr.replace(_BETWEEN, ' ')}"


def _too_often(who: str, wait_s: float) -> RateLimited:
    return RateLimited(
        "asked more often than is allowed", retry_after_s=wait_s, where=who, hint="wait a little"
    )
