"""Parameters of devices in a Live: named or counted, kept within their range, looked at afterwards;
when one does not take its value, those before it get theirs back."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import Final

from conduit.agents.live.typed import ParameterBlock, ParameterChange
from conduit.contracts.errors import ConduitError, Conflict, InvalidInput, Unavailable
from conduit.surfaces.osc.live.places import index_of, names, track_of
from conduit.surfaces.osc.live.wire import LiveWire
from conduit.surfaces.osc.wire import Argument

_LOOKS: Final = 5
_WITHIN: Final = 1e-4
"""Of its range: how near a value has to come."""


@dataclass(frozen=True, slots=True)
class ParameterApplied:
    """What was changed. ``shown`` is the value as Live writes it."""

    track: int
    device: str
    parameter: str
    before: float
    after: float
    shown: str


@dataclass(frozen=True, slots=True)
class _Found:
    at: tuple[int, int, int]
    device: str
    name: str
    before: float
    low: float
    high: float
    quantised: bool


async def apply_parameters(wire: LiveWire, block: ParameterBlock) -> tuple[ParameterApplied, ...]:
    """Change them, all or none. Raises the error tree; then they are as they were, unless the error
    says which is not."""
    wanted = [await _found(wire, each) for each in block.changes]
    values = [_value(found, each) for found, each in zip(wanted, block.changes, strict=True)]
    done: list[_Found] = []
    applied = []
    try:
        for found, value in zip(wanted, values, strict=True):
            done.append(found)
            applied.append(await _set(wire, found, value))
    except BaseException as error:
        await _give_back(wire, done, error)
        raise
    return tuple(applied)


async def _found(wire: LiveWire, change: ParameterChange) -> _Found:
    if change.ramp_ms:
        raise InvalidInput(
            "AbletonOSC has no ramps", where="ramp_ms", hint="leave it out, or use the device"
        )
    track = await track_of(wire, change.track)
    devices = names(await wire.query("/live/track/get/devices/name", track))
    device = index_of(devices, change.device, "device")
    fields = ("name", "value", "min", "max", "is_quantized")
    told = await asyncio.gather(
        *(wire.query(f"/live/device/get/parameters/{each}", track, device) for each in fields)
    )
    known, *rows = told
    at = index_of(names(known), change.parameter, "parameter")
    value, low, high = (_number(row, at) for row in rows[:3])
    return _Found(
        (track, device, at),
        devices[device],
        names(known)[at],
        value,
        low,
        high,
        quantised=bool(rows[3][at]) if at < len(rows[3]) else False,
    )


def _value(found: _Found, change: ParameterChange) -> float:
    """The value within the range."""
    if isinstance(change.value, str):
        raise InvalidInput(
            f"{found.name} takes a number here: AbletonOSC tells no names of values",
            where=found.device,
            hint=f"give a number from {found.low:g} to {found.high:g}",
        )
    if not math.isfinite(change.value):
        raise InvalidInput("a value is finite", where=found.name, hint="give a number")
    value = min(max(change.value, found.low), found.high)
    return float(round(value)) if found.quantised else float(value)


async def _set(wire: LiveWire, found: _Found, value: float) -> ParameterApplied:
    near = max((found.high - found.low) * _WITHIN, abs(value) * 1e-6)
    after = found.before
    wire.errors.clear()
    for _ in range(_LOOKS):
        wire.send("/live/device/set/parameter/value", *found.at, value)
        after = _number(await wire.query("/live/device/get/parameter/value", *found.at), 0)
        if abs(after - value) <= near:
            shown = await wire.query("/live/device/get/parameter/value_string", *found.at)
            said = str(shown[0])[:200] if shown else ""
            return ParameterApplied(
                found.at[0], found.device, found.name, found.before, after, said
            )
    why = f": {wire.errors[-1]}" if wire.errors else ""
    raise Conflict(
        f"{found.name} stays at {after:g}{why}",
        where=found.device,
        hint="a macro or a rack may hold it, or it is not enabled",
    )


async def _give_back(wire: LiveWire, done: list[_Found], cause: BaseException) -> None:
    for found in reversed(done):
        try:
            await _set(wire, found, found.before)
        except ConduitError as error:
            if found is done[-1] and isinstance(error, Conflict):
                continue  # the one that takes no value at all
            raise Unavailable(
                f"{found.name} could not be given its value back: {error.message}",
                where=found.device,
                hint=f"it was {found.before:g}",
            ) from cause


def _number(values: tuple[Argument, ...], at: int) -> float:
    match values[at : at + 1]:
        case (int() | float() as value,) if math.isfinite(value):
            return float(value)
        case _:
            raise Unavailable(
                "Live answers with no number", where="parameters", hint="update AbletonOSC"
            )
