"""``providers.yaml``: providers as configuration.

::

    providers:
      claude:
        type: anthropic            # see the catalogue; "online" is taken from base_url
        base_url: https://…        # the type's own when left out
        api_key_env: SOME_VARIABLE # or api_key: …; null when none is needed
        model: claude-sonnet-4-5   # also default_model; else the first of models
        models: […]
        timeout_s: 60              # longest silence
        priority: 100              # lower is asked earlier

A field that is not known is an error, not ignored. A provider whose variable is not set is left out
and reported, so that one file serves several machines.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from conduit.contracts.errors import ConfigError, InvalidInput
from conduit.models.catalogue import CATALOGUE
from conduit.models.secret import Secret
from conduit.models.settings import ProviderSettings, configure, kind_named

if TYPE_CHECKING:
    import yaml

FILE_NAME = "providers.yaml"
MAX_BYTES = 1 << 18
MAX_DEPTH = 8
_FIELDS = (
    "type",
    "base_url",
    "api_key_env",
    "api_key",
    "model",
    "default_model",
    "models",
    "timeout_s",
    "priority",
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A configured provider that is not used here, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class FileProviders:
    """What a file configures on this machine, in the order of the file."""

    providers: tuple[ProviderSettings, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def load_providers(path: Path, environ: Mapping[str, str]) -> FileProviders:
    """Read ``providers.yaml``; nothing when there is none. Raises ``ConfigError``, whose ``where``
    is the file and the path in it."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return FileProviders()
    except OSError as error:
        raise ConfigError(
            f"it could not be read: {error.strerror}", where=str(path), hint="check its permissions"
        ) from None
    return parse_providers(data, environ, where=str(path))


def parse_providers(
    data: bytes, environ: Mapping[str, str], *, where: str = FILE_NAME
) -> FileProviders:
    """``load_providers`` without a file."""
    document = _Section(_parse_yaml(data, where), where, ": ")
    document.refuse_unknown(("providers",))
    providers = document.section("providers")
    found: list[ProviderSettings] = []
    left_out: list[LeftOut] = []
    for name in providers.values:
        one = _provider(str(name), providers.section(name), environ)
        if isinstance(one, LeftOut):
            left_out.append(one)
        else:
            found.append(one)
    return FileProviders(tuple(found), tuple(left_out))


def _provider(
    name: str, section: _Section, environ: Mapping[str, str]
) -> ProviderSettings | LeftOut:
    section.refuse_unknown(_FIELDS)
    base_url = section.text("base_url")
    try:
        kind = kind_named(_type(section.text("type"), base_url))
        key_env, key = _key(section, kind.key_env, environ)
        if key_env and not key:
            return LeftOut(name, f"the environment variable {key_env} is not set")
        return configure(
            name,
            kind.type,
            source="file",
            base_url=base_url,
            model=section.text("model") or section.text("default_model"),
            key=key,
            key_env=key_env,
            models=section.texts("models"),
            timeout_s=section.number("timeout_s", 60.0, 0.1, 3600.0),
            priority=int(section.number("priority", 100, 0, 100_000)),
        )
    except InvalidInput as error:
        raise section.fault(error.where, error.message, error.hint) from None


def _type(given: str, base_url: str) -> str:
    """``online`` with a base URL says no type: the address does."""
    if given != "online":
        return given
    host = urlsplit(base_url).hostname
    for kind in CATALOGUE.values():
        if host and kind.key_env and host == urlsplit(kind.base_url).hostname:
            return kind.type
    return "openai_compatible"


def _key(section: _Section, usual_env: str, environ: Mapping[str, str]) -> tuple[str, Secret]:
    given = section.text("api_key")
    if given:
        if "api_key_env" in section.values:
            raise section.fault("api_key", "there is also api_key_env", "keep one of the two")
        return "", Secret(given)
    variable = section.text("api_key_env") if "api_key_env" in section.values else usual_env
    if not variable:
        return "", Secret()
    if not _VARIABLE.fullmatch(variable):
        raise section.fault(
            "api_key_env", "it is not the name of a variable", "a key itself goes into api_key"
        )
    return variable, Secret(environ.get(variable, "").strip(), where=variable)


class _Section:
    """A mapping of the file and the path to it; every access names the path when it fails."""

    def __init__(self, values: Any, path: str, joint: str = ".") -> None:
        if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
            raise ConfigError(
                "expected a mapping with names as keys",
                where=path,
                hint="see the guide on providers for an example",
            )
        self.values: dict[str, Any] = values
        self._path = path
        self._joint = joint

    def fault(self, field: str, message: str, hint: str) -> ConfigError:
        return ConfigError(message, where=self._at(field), hint=hint)

    def refuse_unknown(self, known: tuple[str, ...]) -> None:
        for name in self.values:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]}?" if near else f"known are: {', '.join(known)}"
                raise self.fault(name[:80], "there is no such field", hint)

    def section(self, name: str) -> _Section:
        values = self.values.get(name)
        return _Section({} if values is None else values, self._at(name))

    def text(self, name: str) -> str:
        value = self.values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.fault(name, "expected text", "put it in quotes")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        values = self.values.get(name)
        if values is None:
            return ()
        if not isinstance(values, list) or not all(isinstance(v, str) and v for v in values):
            raise self.fault(name, "expected a list of texts", "write it as [one, two]")
        return tuple(values)

    def number(self, name: str, default: float, low: float, high: float) -> float:
        value = self.values.get(name, default)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not low <= value <= high
        ):
            raise self.fault(name, "expected a number", f"from {low:g} to {high:g}")
        return value

    def _at(self, field: str) -> str:
        return (
            f"{self._path}: {field}" if self._path.endswith(FILE_NAME) else f"{self._path}.{field}"
        )


def _parse_yaml(data: bytes, where: str) -> Any:
    import yaml

    if len(data) > MAX_BYTES:
        raise ConfigError(
            f"the file exceeds {MAX_BYTES} bytes", where=where, hint="it should list providers only"
        )
    try:
        text = data.decode()
        _check_events(text, where)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        _check_keys(node, where)
        return yaml.safe_load(text) or {}
    except UnicodeDecodeError:
        raise ConfigError("it is not UTF-8", where=where, hint="save it as UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark is not None else ""
        said = getattr(error, "problem", None) or "unusable characters"
        raise ConfigError(
            f"it is not YAML{line}: {said}", where=where, hint="check indentation and quotes"
        ) from None


def _check_events(text: str, where: str) -> None:
    """Depth and aliases, before anything recursive sees the text."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise ConfigError(
                f"it nests more than {MAX_DEPTH} levels", where=where, hint="two are enough"
            )
        if isinstance(event, yaml.AliasEvent):
            raise ConfigError(
                f"it uses the alias *{event.anchor}",
                where=where,
                hint="write every provider out in full",
            )


def _check_keys(node: yaml.Node | None, where: str) -> None:
    """YAML lets the last of two equal keys win without a word."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if str(key.value) in seen:
                raise ConfigError(f"{key.value!r} occurs twice", where=where, hint="keep one")
            seen.add(str(key.value))
            _check_keys(value, where)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _check_keys(value, where)
