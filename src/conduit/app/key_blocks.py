"""``keys.*``: the keys of the gateway, for the person at the machine and nobody else."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from conduit.app.key_record import KeyRecord, organisation
from conduit.app.keys import Keys
from conduit.blocks import Block, Effects, Length, NoOp, Range, block
from conduit.contracts.errors import InvalidInput
from conduit.store.organisations import Organisations

_DURATION: Final = re.compile(r"([0-9]{1,9})([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST_S: Final = 100 * 366 * 86_400


@dataclass(frozen=True, slots=True)
class AddKey:
    """A key to make."""

    name: Annotated[str, Length(1, 64), "what it is called here"]
    org: Annotated[str, Length(0, 64), "organisation, by UUID or name; empty: the default"] = ""
    models: Annotated[
        list[str], Length(0, 100), "models it may ask for, with * for any letters; empty: all"
    ] = field(default_factory=list)
    permissions: Annotated[list[str], Length(1, 100), "what it may call"] = field(
        default_factory=lambda: ["*"]
    )
    expires: Annotated[str, Length(0, 10), "how long it lasts, like 30d; empty: for ever"] = ""
    requests_per_minute: Annotated[float, Range(0, 1e9), "0: no limit"] = 0.0
    tokens_per_minute: Annotated[float, Range(0, 1e12), "0: no limit"] = 0.0
    budget_micro: Annotated[
        int, Range(0, 10**15), "micro-US-dollars for a calendar month; 0: no limit"
    ] = 0


@dataclass(frozen=True, slots=True)
class KeyName:
    """Which key, by its name or id."""

    name: Annotated[str, Length(1, 64)]


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key without what opens anything. Times are Unix seconds; None is no limit, or no end."""

    id: str
    name: str
    org_id: str
    models: tuple[str, ...]
    permissions: tuple[str, ...]
    created: int
    expires: int | None
    requests_per_minute: float | None
    tokens_per_minute: float | None
    budget_micro: int | None


@dataclass(frozen=True, slots=True)
class MadeKey:
    """``key`` is shown this once: it is kept nowhere."""

    key: str
    info: KeyInfo


@dataclass(frozen=True, slots=True)
class KeyList:
    """Every key, oldest first. ``required`` says whether callers need one."""

    required: bool
    keys: tuple[KeyInfo, ...]


def key_blocks(keys: Keys, organisations: Organisations) -> tuple[Block[Any, Any], ...]:
    """``keys.add``, ``keys.list`` and ``keys.remove``, all guarded. An organisation has its name
    before its key is used."""

    @block(
        "keys.add",
        summary="Make a key for a client of the gateway",
        guarded=True,
        effects=Effects.WRITES_FILES,
    )
    def add(data: AddKey) -> MadeKey:
        if data.org:
            organisations.ensure({organisation(data.org): data.org})
        made = keys.add(
            data.name,
            org=data.org,
            permissions=data.permissions,
            models=data.models,
            expires_in_s=_seconds(data.expires),
            requests_per_minute=data.requests_per_minute or None,
            tokens_per_minute=data.tokens_per_minute or None,
            budget_micro=data.budget_micro or None,
        )
        return MadeKey(made.key, _info(made.record))

    @block("keys.list", summary="List the keys of the gateway", guarded=True, effects=Effects.READS)
    def listed(_: NoOp) -> KeyList:
        records = keys.records()
        return KeyList(bool(records), tuple(map(_info, records)))

    @block(
        "keys.remove",
        summary="Take a key of the gateway away",
        guarded=True,
        effects=Effects.WRITES_FILES,
    )
    def remove(data: KeyName) -> KeyList:
        keys.remove(data.name)
        records = keys.records()
        return KeyList(bool(records), tuple(map(_info, records)))

    return add, listed, remove


def _info(record: KeyRecord) -> KeyInfo:
    return KeyInfo(
        id=record.id,
        name=record.name,
        org_id=record.org_id,
        models=record.models,
        permissions=tuple(sorted(record.permissions)),
        created=record.created,
        expires=record.expires,
        requests_per_minute=record.requests_per_minute,
        tokens_per_minute=record.tokens_per_minute,
        budget_micro=record.budget_micro,
    )


def _seconds(duration: str) -> float | None:
    if not duration:
        return None
    found = _DURATION.fullmatch(duration)
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 0 < seconds <= _LONGEST_S:
        raise InvalidInput(
            f"{duration[:80]!r} is not how long a key lasts",
            where="expires",
            hint="write 12h, 30d or 52w",
        )
    return seconds
