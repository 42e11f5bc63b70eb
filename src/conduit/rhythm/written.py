"""A config as it is written to a file: plain data, without what says nothing.

What is left out are fields that have their default, so reading the file gives the same config. The
few fields that people turn most are always there, and come first.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import PurePath
from typing import Any, Final

import orjson
import yaml

from conduit.contracts.errors import InvalidInput
from conduit.rhythm.config import EngineConfig

FIRST: Final = ("title", "listen", "bpm", "bars", "seed", "swing")
"""What a person looks for in a config file."""


def written(config: EngineConfig) -> dict[str, Any]:
    """A config as its file holds it."""
    return {**{name: getattr(config, name) for name in FIRST}, **as_plain(config)}


def as_plain(value: object) -> Any:
    """Dataclasses as mappings without their defaults, enums as their values, tuples as lists."""
    if is_dataclass(value):
        return {
            each.name: as_plain(getattr(value, each.name))
            for each in fields(value)
            if getattr(value, each.name) != _default(each)
        }
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, list | tuple):
        return [as_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: as_plain(item) for key, item in value.items()}
    return value


def _default(each: Field[Any]) -> object:
    if each.default_factory is not MISSING:
        return each.default_factory()
    return each.default


def as_file(plain: Mapping[str, Any], name: str) -> bytes:
    """The text of a file called ``name``: YAML where it ends so, else JSON, for people to read."""
    if PurePath(name).suffix.lower() in (".yaml", ".yml"):
        return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100).encode()
    return orjson.dumps(plain, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def merged(plain: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``plain`` with ``changes`` put in, as RFC 7396 does: objects field by field, ``null`` takes a
    field away, anything else replaces what was there. Lists of objects that have a ``name`` (the
    layers) are merged by that name; a layer that is new goes to the end, and one that is given as
    ``{"name": ..., "remove": true}`` goes away."""
    result = dict(plain)
    for key, value in changes.items():
        there = result.get(key)
        if value is None:
            result.pop(key, None)
        elif isinstance(there, Mapping) and isinstance(value, Mapping):
            result[key] = merged(there, value)
        elif _named(there) and _named(value):
            result[key] = _merged_by_name(there, value)
        else:
            result[key] = value
    return result


def _named(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, Mapping) and isinstance(each.get("name"), str) for each in value
    )


def _merged_by_name(there: Any, changes: Any) -> list[dict[str, Any]]:
    result = {each["name"]: each for each in there}
    for each in changes:
        name = each["name"]
        if each.get("remove") is True:
            if result.pop(name, None) is None:
                raise InvalidInput(
                    f"there is no layer {name[:40]!r} to remove",
                    where="changes",
                    hint=f"there are {', '.join(result)}"[:400],
                )
        else:
            result[name] = merged(result.get(name, {}), each)
    return list(result.values())
