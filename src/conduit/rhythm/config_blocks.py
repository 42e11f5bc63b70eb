"""The blocks that keep configs: make, list, read and write the files of ``configs/``.

A config is named without its ending: ``late_night`` is ``late_night.json``, ``.yaml`` or ``.yml``,
whichever is there. Nothing is written that could not be played.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any, Final, Protocol

from conduit.blocks import Block, Effects, Length, NoOp, block, current_call
from conduit.contracts.errors import ConduitError, InvalidInput, NotFound
from conduit.contracts.files import Folder
from conduit.contracts.groove import StoredGroove
from conduit.contracts.json import Json
from conduit.rhythm.config import EngineConfig
from conduit.rhythm.groove import GrooveRequest, config_of
from conduit.rhythm.kept import config_kept
from conduit.rhythm.load import MAX_CONFIG_BYTES, load_config, parse_config
from conduit.rhythm.written import as_file, merged, written

ENDINGS: Final = (".json", ".yaml", ".yml")
MOST_LISTED: Final = 200
"""Configs in a list: each of them is read and checked for it."""

_NOT_GROOVES: Final = "providers"
"""Files of settings that may lie beside configs."""

ConfigName = Annotated[
    str, Length(1, 480), "name of a config, like late_night; folders with /; no ending is needed"
]


@dataclass(frozen=True, slots=True)
class NewConfig:
    """A config to begin: from a wish, or from a config or example that is there."""

    name: ConfigName
    groove: Annotated[GrooveRequest | None, "what it plays, as for groove.render"] = None
    config: Annotated[Json, "instead: a whole config, as groove.sit_like gave it"] = None
    groove_id: Annotated[str, Length(0, 64), "instead: a groove that was rendered or morphed"] = ""
    like: Annotated[str, Length(0, 480), "copy this config, example or render instead"] = ""
    replace: Annotated[bool, "take the place of a config of that name"] = False


@dataclass(frozen=True, slots=True)
class NamedConfig:
    """Which config."""

    name: ConfigName


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """What a config is to hold: all of it (``config``), or what is different (``changes``)."""

    name: ConfigName
    config: Annotated[Json, "the whole config as an object; fields as in EngineConfig"] = None
    changes: Annotated[
        Json,
        'fields to set, like {"swing": 58}; null takes one away; layers are found by their name, '
        'like {"layers": [{"name": "kick", "velocity": 110}]}',
    ] = None


@dataclass(frozen=True, slots=True)
class SavedConfig:
    """A config that was written. ``saved`` are the paths of the files."""

    name: str
    title: str
    bpm: float
    bars: int
    swing: Annotated[float, "percent"]
    layers: tuple[str, ...]
    saved: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConfigInfo:
    """One config. ``problem`` says why it cannot be played, if it cannot."""

    name: str
    title: str
    listen: Annotated[str, "what to listen for"]
    bpm: float
    bars: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ConfigList:
    """The configs there are, by name; ``more`` are left out of a long list."""

    configs: tuple[ConfigInfo, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class ExampleList:
    """The examples that Conduit brings along."""

    examples: tuple[ConfigInfo, ...]


@dataclass(frozen=True, slots=True)
class ConfigText:
    """What a config holds. Fields that have their default are left out of files."""

    name: str
    path: str
    config: Json


class Configs:
    """The configs of a folder, with the examples and what was rendered to fall back to."""

    def __init__(self, own: Folder, examples: Folder, renders: Folder) -> None:
        self.own = own
        self._examples = examples
        self._renders = renders

    def find(self, name: str) -> tuple[Folder, str]:
        """Where a config is, and the name of its file. Raises ``NotFound`` and ``InvalidInput``."""
        for folder in (self.own, self._examples, self._renders):
            folder.path_of(name)  # a name that cannot be is refused as such, and not "not found"
            files = folder.names()
            if found := next((f for f in _files_of(name) if f in files), None):
                return folder, found
        there = ", ".join(each for each, _ in _grooves_in(self.own)[:20])
        raise NotFound(
            f"there is no config {name[:80]!r}",
            hint=f"there are {there}" if there else "save a groove first, or look at the examples",
        )

    def plain(self, name: str) -> tuple[str, dict[str, Any]]:
        """The path and the plain data of a config. Raises also ``Forbidden`` and ``TooLarge``."""
        folder, file = self.find(name)
        return folder.path_of(file), self._data(folder, file)

    def load(self, name: str, overrides: Mapping[str, object] | None = None) -> EngineConfig:
        """A config that can be played. Raises ``InvalidInput`` with the path of the field."""
        return load_config(self.plain(name)[1], overrides)

    def save(self, name: str, plain: Mapping[str, Any], *, replace: bool) -> SavedConfig:
        """Check a config and write it. Raises what :class:`Folder` does, and ``InvalidInput``."""
        config = load_config(plain)
        files = self.own.names()
        file = next((f for f in _files_of(name) if f in files), _files_of(name)[0])
        path = self.own.write(file, as_file(plain, file), replace=replace)
        return SavedConfig(
            name=without_ending(file),
            title=config.title,
            bpm=config.bpm,
            bars=config.bars,
            swing=config.swing,
            layers=tuple(layer.name for layer in config.layers),
            saved=(path,),
        )

    def listed(self) -> ConfigList:
        """What there is, with those that cannot be played."""
        found = _grooves_in(self.own)
        shown = tuple(self._info(self.own, *each) for each in found[:MOST_LISTED])
        return ConfigList(shown, len(found) - len(shown))

    def examples(self) -> ExampleList:
        return ExampleList(
            tuple(self._info(self._examples, *each) for each in _grooves_in(self._examples))
        )

    def _info(self, folder: Folder, name: str, file: str) -> ConfigInfo:
        try:
            config = load_config(self._data(folder, file))
        except ConduitError as error:
            return ConfigInfo(name, "", "", 0.0, 0, problem=str(error)[:300])
        return ConfigInfo(name, config.title, config.listen, config.bpm, config.bars)

    def _data(self, folder: Folder, file: str) -> dict[str, Any]:
        return parse_config(folder.read(file, largest=MAX_CONFIG_BYTES), file)


class GrooveShelf(Protocol):
    """Where rendered grooves are remembered, apart for each organisation."""

    def load(self, org_id: str, groove_id: str) -> StoredGroove:
        """Raises ``NotFound``."""
        ...


def config_blocks(configs: Configs, grooves: GrooveShelf) -> tuple[Block[Any, Any], ...]:
    """``configs.create``, ``.list``, ``.read``, ``.write`` and ``.examples``."""

    @block(
        "configs.create",
        summary="Save a groove as a config under a name, to change and render later",
        effects=Effects.WRITES_FILES,
    )
    def create(request: NewConfig) -> SavedConfig:
        given = (request.groove, request.config, request.groove_id or None, request.like or None)
        if sum(each is not None for each in given) != 1:
            raise InvalidInput(
                "a new config needs one of a groove, its id, a whole config, and the name of one "
                "to copy",
                where="groove",
                hint='like "groove": {"style": "dub"}, or "like": "polymetric"',
            )
        if request.groove is not None:
            plain = written(config_of(request.groove))
        elif request.groove_id:
            kept = grooves.load(current_call().principal.org_id, request.groove_id)
            plain = written(config_kept(kept.request, kept.groove_id))
        elif isinstance(request.config, dict):
            plain = request.config
        elif request.config is not None:
            raise InvalidInput("the config must be an object", where="config")
        else:
            plain = configs.plain(request.like)[1]
        return configs.save(request.name, plain, replace=request.replace)

    @block("configs.list", summary="List the configs that were saved", effects=Effects.READS)
    def list_configs(_: NoOp) -> ConfigList:
        return configs.listed()

    @block(
        "configs.read",
        summary="Read a config, an example or the config of a render",
        effects=Effects.READS,
    )
    def read(request: NamedConfig) -> ConfigText:
        path, plain = configs.plain(request.name)
        load_config(plain)  # YAML can say in a line what fills all memory when it is written out
        return ConfigText(without_ending(request.name), path, plain)

    @block(
        "configs.write",
        summary="Change fields of a config, or write a whole one",
        effects=Effects.WRITES_FILES,
    )
    def write(request: ConfigChange) -> SavedConfig:
        return configs.save(request.name, _wanted(configs, request), replace=True)

    @block(
        "configs.examples",
        summary="List the example configs and what to listen for",
        effects=Effects.READS,
    )
    def list_examples(_: NoOp) -> ExampleList:
        return configs.examples()

    return create, list_configs, read, write, list_examples


def _wanted(configs: Configs, request: ConfigChange) -> Mapping[str, Any]:
    given = [each for each in (request.config, request.changes) if each is not None]
    if len(given) != 1:
        raise InvalidInput(
            "either config or changes is needed, and not both",
            where="changes",
            hint='for a change: {"changes": {"swing": 58}}',
        )
    if not isinstance(given[0], dict):
        raise InvalidInput("expected an object", where="config" if request.config else "changes")
    if request.changes is None:
        return given[0]
    return merged(configs.plain(request.name)[1], given[0])


def without_ending(file: str) -> str:
    """``late_night.json`` as ``late_night``."""
    return file.rpartition(".")[0] if file.lower().endswith(ENDINGS) else file


def _files_of(name: str) -> tuple[str, ...]:
    """What the file of a config may be called; the first is what a new one is."""
    if name.lower().endswith(ENDINGS):
        return (name,)
    return tuple(name + ending for ending in ENDINGS)


def _grooves_in(folder: Folder) -> list[tuple[str, str]]:
    """The name and the file of every config."""
    return [
        (without_ending(file), file)
        for file in folder.names()
        if file.lower().endswith(ENDINGS) and not PurePosixPath(file).name.startswith(_NOT_GROOVES)
    ]
