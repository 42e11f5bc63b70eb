"""Where configs come from: a file, a mapping, or a dataclass that is there already."""

from __future__ import annotations

import os
from codecs import BOM_UTF8
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

_MAX_VALUES: Final = 50_000
"""In a YAML file, with what its aliases stand for written out."""

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
        with path.open("rb") as file:  # of a pipe or a device nobody knows how long it is
            text = file.read(MAX_CONFIG_BYTES + 1)
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
    if len(text) > MAX_CONFIG_BYTES:
        raise TooLarge(
            f"a config of more than {MAX_CONFIG_BYTES} bytes",
            where=path.name,
            hint="is it the right file?",
        )
    return parse_config(text, path.name)


def parse_config(text: bytes, name: str) -> dict[str, Any]:
    """The plain data of a config file called ``name``, not yet checked."""
    match Path(name).suffix.lower():
        case ".json":
            data = _json(text, name)
        case ".yaml" | ".yml":
            data = _yaml(text, name)
        case suffix:
            raise InvalidInput(
                f"a config file ends in .json, .yaml or .yml, not {suffix!r}", where=name
            )
    if not isinstance(data, dict):
        raise InvalidInput(f"expected an object, got {type(data).__name__}", where=name)
    return data


def _json(text: bytes, name: str) -> object:
    try:
        return loads(text.removeprefix(BOM_UTF8))  # some editors begin a file with that
    except MalformedJson as error:
        raise MalformedJson(error.message, where=name, hint="write one object, in UTF-8") from None


def _yaml(text: bytes, name: str) -> object:
    try:
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _count(node, {}, name)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidInput(
            f"this is not valid YAML: {str(error)[:200]}",
            where=name,
            hint="check indentation and quotes",
        ) from error
    except RecursionError:
        raise MalformedJson("it is nested too deep to be a config", where=name) from None


def _count(node: yaml.Node, known: dict[int, int], name: str) -> int:
    """How many values a node has, those of each alias counted wherever it stands: ten lines can
    stand for more than there is memory. Raises ``TooLarge``, and ``InvalidInput`` where something
    is inside itself."""
    if not isinstance(node, yaml.CollectionNode):
        return 1
    if (found := known.get(id(node))) is not None:
        if not found:
            raise InvalidInput("an alias stands inside what it names", where=name)
        return found
    known[id(node)] = 0
    pairs = isinstance(node, yaml.MappingNode)
    inner = [each for pair in node.value for each in pair] if pairs else node.value
    found = 1 + sum(_count(each, known, name) for each in inner)
    if found > _MAX_VALUES:
        raise TooLarge(
            f"more than {_MAX_VALUES} values", where=name, hint="write out what aliases stand for"
        )
    known[id(node)] = found
    return found
