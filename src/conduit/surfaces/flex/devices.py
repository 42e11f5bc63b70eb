"""Who sends, and what that one may do.

A device is known by what its transport says of it: the name of its endpoint, its product instance
id, its address, and the secret with which its session was opened. Names can be copied; only a
secret proves a device, so whoever is listed with one is not recognised without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from conduit.intents.pace import Rate
from conduit.intents.table import USUAL


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known of whoever is at the other end. ``key`` tells one connection's source from
    another; ``secret`` is the name of the device whose secret was proven, never the secret;
    ``here`` says that it is on this machine."""

    key: str
    endpoint: str = ""
    product: str = ""
    address: str = ""
    secret: str = ""
    here: bool = False


USUAL_RATE: Final = Rate(600.0, 60.0)


@dataclass(frozen=True, slots=True)
class DeviceRule:
    """A device as an operator lists it. It is recognised when all hold that are given."""

    name: str
    intents: tuple[str, ...]
    endpoint: str = ""
    product: str = ""
    address: str = ""
    secret: str = field(default="", repr=False)
    rate: Rate = USUAL_RATE
    rates: tuple[tuple[str, Rate], ...] = ()

    def recognises(self, who: Identity) -> bool:
        """Whether this is the one."""
        if self.secret:
            if who.secret != self.name:
                return False
        elif not (self.endpoint or self.product or self.address):
            return False
        return (
            self.endpoint in ("", who.endpoint)
            and self.product in ("", who.product)
            and self.address in ("", who.address)
        )


@dataclass(frozen=True, slots=True)
class Device:
    """A sender with its rights. ``key`` is under what its envelopes and rates are counted: a device
    that is recognised has one wherever it comes from, any other has one for each source."""

    key: str
    name: str
    intents: tuple[str, ...]
    rate: Rate = USUAL_RATE
    rates: tuple[tuple[str, Rate], ...] = ()
    listed: bool = False

    def rate_of(self, intent: str) -> Rate | None:
        """The rate of an intent of its own; None: only the device's."""
        return dict(self.rates).get(intent)


@dataclass(frozen=True, slots=True)
class Strangers:
    """What devices may do that are not listed: ``here`` on this machine, ``elsewhere`` beyond."""

    here: tuple[str, ...] = USUAL
    elsewhere: tuple[str, ...] = ()
    rate: Rate = USUAL_RATE


def recognise(who: Identity, rules: Sequence[DeviceRule], strangers: Strangers) -> Device:
    """The first rule that fits, or what strangers may do."""
    for rule in rules:
        if rule.recognises(who):
            return Device(
                f"device {rule.name}", rule.name, rule.intents, rule.rate, rule.rates, listed=True
            )
    allowed = strangers.here if who.here else strangers.elsewhere
    # By address and not by name, or whoever takes a new name would have a new rate.
    source = who.address or who.key
    return Device(f"source {source}", who.endpoint or who.key, allowed, strangers.rate)
