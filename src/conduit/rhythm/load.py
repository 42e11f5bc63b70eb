"""Where configs come from: a file, a mapping, or a dataclass that is there already."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

from conduit.blocks import decode, loads
from conduit.contracts.errors import InvalidInput, MalformedJson, NotFound, StoreError, TooLarge
from conduit.rhythm.check import check_config
from conduit.rhythm.config import EngineConfig

ConfigSource: TypeAlias = "EngineConfig | Mapping[str, object] | str | os.PathLike[str]"

MAX_CONFIG_BYTES: Final = 256 * 1024
"""The largest config file that is read. A groove of 64 layers has about 30 kB."""

_FIELDS = {each.name for each in fields(EngineConfig)}


def load_config(
    source: ConfigSource, overrides: Mapping[str, object] | None = None
) -> EngineConfig:
    """A checked config, with the fields of ``overrides`` that are not ``None`` put in: values as
    an ``EngineConfig`` holds them, whatever the source.

    Raises ``InvalidInput`` naming the field and its legal range, ``TooLarge``, ``NotFound`` and
    ``StoreError``.
    """
    wanted = {name: value for name, value in (overrides or {}).items() if value is not None}
    if unknown := sorted(wanted.keys() - _FIELDS):
        raise InvalidInput(
            f"unknown field {unknown[0]!r:.80}", where="config", hint=f"known: {', '.join(_FIELDS)}"
        )
    # A dataclass, or an override, may hold anything until it is checked here.
    config = replace(_config_of(source), **wanted)  # type: ignore[arg-type]
    check_config(config)
    return config


def _config_of(source: ConfigSource) -> EngineConfig:
    if isinstance(source, EngineConfig):
        return source
    if isinstance(source, Mapping):
        return decode(EngineConfig, dict(source), where="config")
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return decode(EngineConfig, read_config(path), where=path.name)
    raise InvalidInput(
        f"a config is a path, a mapping or an EngineConfig, not {type(source).__name__}"
    )


def read_config(path: Path) -> dict[str, Any]:
    """The plain data of a ``.json``, ``.yaml`` or ``.yml`` file, not yet checked."""
    try:
        size = path.stat().st_size
        text = path.read_bytes() if size <= MAX_CONFIG_BYTES else b""
    except FileNotFoundError as error:
        raise NotFound(
            f"there is no config file {str(path)!r:.200}", hint="`configs/` has ready ones"
        ) from error
    except (IsADirectoryError, ValueError) as error:  # a null byte in the name is the second
        raise InvalidInput(
            f"{str(path)!r:.200} is not a config file", hint="`configs/` has ready ones"
        ) from error
    except OSError as error:
        raise StoreError(f"cannot read {str(path)!r:.200}: {error}") from error
    if size > MAX_CONFIG_BYTES:
        raise TooLarge(
            f"a config of {size} bytes; at most {MAX_CONFIG_BYTES} are read", where=path.name
        )
    return parse_config(text, path.name)


def parse_config(text: bytes, name: str) -> dict[str, Any]:
    """The plain data of a config file called ``name``, not yet checked."""
    match Path(name).suffix.lower():
        case ".json":
            data = loads(text)
        case ".yaml" | ".yml":
            data = _yaml(text, name)
        case suffix:
            raise InvalidInput(
                f"a config file ends in .json, .yaml or .yml, not {suffix!r}", where=name
            )
    if not isinstance(data, dict):
        raise InvalidInput(f"expected an object, got {type(data).__name__}", where=name)
    return data


def _yaml(text: bytes, name: str) -> object:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidInput(f"this is not valid YAML: {str(error)[:200]}", where=name) from error
    except RecursionError:
        raise MalformedJson("it is nested too deep to be a config", where=name) from None
