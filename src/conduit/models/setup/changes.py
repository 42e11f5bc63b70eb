"""What is different between two set-ups: as data, and as text for people. No key is ever shown."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from conduit.models.secret import Secret
from conduit.models.setup.settings import GatewaySettings

Part = Literal["provider", "group", "alias", "model", "routing", "cache"]
Kind = Literal["added", "removed", "changed"]
_SIGNS: Final[Mapping[Kind, str]] = {"added": "+", "removed": "-", "changed": "~"}
_LONGEST_SHOWN: Final = 80
_KEYS: Final = ("key", "redis_url")
_NAMES: Final = {"key": "api_key"}
_UNSEEN: Final = frozenset({"name", "source"})


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field. ``before`` and ``after`` are texts to read, both empty for a key."""

    field: str
    before: str = ""
    after: str = ""

    def text(self) -> str:
        if self.before == self.after:
            return f"{self.field} changed"
        return f"{self.field}: {self.before} → {self.after}"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing of the file. ``name`` is empty for ``routing`` and ``cache``, which there is one
    of; ``fields`` is empty unless it is ``changed``."""

    part: Part
    kind: Kind
    name: str = ""
    fields: tuple[FieldChange, ...] = ()

    def text(self) -> str:
        what = f"{_SIGNS[self.kind]} {self.part} {self.name}".rstrip()
        said = "; ".join(each.text() for each in self.fields)
        return f"{what}: {said}" if said else what


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything that is different, in the order of the new file, what went away at the end of
    its part. False when nothing is."""

    changes: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)

    def names(self, part: Part, *kinds: Kind) -> tuple[str, ...]:
        """What was added, removed or changed in a part; all three when no kind is given."""
        return tuple(
            each.name
            for each in self.changes
            if each.part == part and (not kinds or each.kind in kinds)
        )

    def text(self) -> str:
        """A line for each; empty when there is none."""
        return "\n".join(each.text() for each in self.changes)


def difference(old: GatewaySettings, new: GatewaySettings) -> Changes:
    """What ``new`` has that ``old`` has not, and the other way round."""
    found = [
        *_part(
            "provider",
            {each.name: each for each in old.providers},
            {each.name: each for each in new.providers},
        ),
        *_part("group", old.groups, new.groups),
        *_part("alias", old.aliases, new.aliases),
        *_part("model", old.models, new.models),
    ]
    routing = (*_order(old, new), *_fields(old.routing, new.routing))
    if routing:
        found.append(Change("routing", "changed", fields=routing))
    if cache := _fields(old.cache, new.cache):
        found.append(Change("cache", "changed", fields=cache))
    return Changes(tuple(found))


def _part(part: Part, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Change]:
    for name, value in new.items():
        if name not in old:
            yield Change(part, "added", name)
        elif changed := _fields(old[name], value):
            yield Change(part, "changed", name, changed)
    for name in old:
        if name not in new:
            yield Change(part, "removed", name)


def _order(old: GatewaySettings, new: GatewaySettings) -> tuple[FieldChange, ...]:
    """Equal priorities are asked in the order of the file."""
    before = [each.name for each in old.providers]
    after = [each.name for each in new.providers]
    stayed = {*before} & {*after}
    orders = [", ".join(name for name in names if name in stayed) for names in (before, after)]
    if orders[0] == orders[1]:
        return ()
    return (FieldChange("order of providers", _short(orders[0]), _short(orders[1])),)


def _fields(old: Any, new: Any) -> tuple[FieldChange, ...]:
    if isinstance(new, str):
        return () if old == new else (FieldChange("leads to", _short(old), _short(new)),)
    found = []
    for each in fields(new):
        before, after = getattr(old, each.name), getattr(new, each.name)
        if each.name in _UNSEEN or _same(before, after):
            continue
        name = _NAMES.get(each.name, each.name)
        if each.name in _KEYS:
            found.append(FieldChange(name))
        else:
            found.append(FieldChange(name, _short(_shown(before)), _short(_shown(after))))
    return tuple(found)


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, Secret) and isinstance(after, Secret):
        return hmac.compare_digest(before.reveal(), after.reveal())
    return bool(before == after)


def _shown(value: Any) -> str:
    """As one would write it in the file, nearly."""
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_shown(each)}" for name, each in value.items()) + "}"
    if isinstance(value, frozenset):
        value = tuple(sorted(value))
    if isinstance(value, tuple):
        return "[" + ", ".join(_shown(each) for each in value) + "]"
    if hasattr(value, "__dataclass_fields__"):
        return _shown({each.name: getattr(value, each.name) for each in fields(value)})
    return str(value)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
