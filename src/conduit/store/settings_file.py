"""Settings that an operator writes by hand, in YAML, read strictly.

Whatever is not understood is an error that names the file and the path in it: a field spelled
wrongly must not quietly mean its default. YAML's surprises are refused too: aliases, deep nesting
and two equal keys.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from conduit.contracts.errors import ConfigError

if TYPE_CHECKING:
    import yaml

MAX_BYTES: Final = 1 << 18
MAX_DEPTH: Final = 8
MAX_VALUES: Final = 50_000
"""Names and values together; as many as a file of this size has when people write it."""


class Section:
    """A mapping of the file and the path to it; every access names the path when it fails."""

    def __init__(self, values: Any, path: str, joint: str = ".") -> None:
        """``joint`` stands between ``path`` and a field. Raises ``ConfigError``."""
        if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
            raise ConfigError(
                "expected a mapping with names as keys", where=path, hint="write it as name: value"
            )
        self.values: dict[str, Any] = values
        self._path = path
        self._joint = joint

    def fault(self, field: str, message: str, hint: str) -> ConfigError:
        return ConfigError(message, where=self._at(field), hint=hint)

    def refuse_unknown(self, known: tuple[str, ...]) -> None:
        """Raise ``ConfigError`` that names the closest of the known fields."""
        for name in self.values:
            if name not in known:
                raise self.fault(name[:80], "there is no such field", closest(name, known))

    def section(self, name: str) -> Section:
        values = self.values.get(name)
        return self.inside(name, {} if values is None else values)

    def inside(self, place: str, values: Any) -> Section:
        """A mapping that lies at a place below this one, like ``hosts[2]``."""
        return Section(values, self._at(place))

    def sections(self, name: str) -> Iterator[tuple[str, Section]]:
        """The mappings inside a mapping, by name."""
        outer = self.section(name)
        for inner in outer.values:
            yield inner, outer.section(inner)

    def text(self, name: str) -> str:
        """A text, or empty when it is not given."""
        value = self.values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.fault(name, "expected text", "put it in quotes")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        values = self.items(name)
        if not all(isinstance(value, str) and value for value in values):
            raise self.fault(name, "expected a list of texts", "write it as [one, two]")
        return values

    def items(self, name: str) -> tuple[Any, ...]:
        """A list of anything, or an empty one when it is not given."""
        values = self.values.get(name)
        if values is None:
            return ()
        if not isinstance(values, list):
            raise self.fault(name, "expected a list of texts", "write it as [one, two]")
        return tuple(values)

    def flag(self, name: str) -> bool:
        """True or false; false when it is not given."""
        value = self.values.get(name, False)
        if not isinstance(value, bool):
            raise self.fault(name, "expected true or false", "without quotes")
        return value

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
        return f"{self._path}{self._joint}{field}"


def closest(name: str, known: tuple[str, ...]) -> str:
    """A hint for a name that is not known."""
    near = difflib.get_close_matches(name[:80], known, 1)
    return f"did you mean {near[0]}?" if near else f"known are: {', '.join(known)}"


def read_settings(path: Path) -> Section:
    """The file's top level, empty when there is no file. Raises ``ConfigError``, whose ``where``
    is the file and the path in it."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        data = b""
    except OSError as error:
        raise ConfigError(
            f"it could not be read: {error.strerror}", where=str(path), hint="check its permissions"
        ) from None
    return parse_settings(data, str(path))


def parse_settings(data: bytes, where: str) -> Section:
    """``read_settings`` without a file."""
    return Section(_parse_yaml(data, where), where, ": ")


def safe_loader() -> type[yaml.SafeLoader | yaml.CSafeLoader]:
    """The one in C where there is one: a quarter of a megabyte of brackets takes the other 12 s."""
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _parse_yaml(data: bytes, where: str) -> Any:
    import yaml

    if len(data) > MAX_BYTES:
        raise ConfigError(
            f"the file exceeds {MAX_BYTES} bytes", where=where, hint="is it the right file?"
        )
    try:
        text = data.decode()
        _check_events(text, where)
        node = yaml.compose(text, Loader=safe_loader())
        _check_keys(node, where)
        return yaml.load(text, Loader=safe_loader()) or {}
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
    """Depth, number and aliases, before anything recursive sees the text."""
    import yaml

    depth = values = 0
    for event in yaml.parse(text, Loader=safe_loader()):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise ConfigError(
                f"it nests more than {MAX_DEPTH} levels", where=where, hint="a few are enough"
            )
        values += isinstance(event, yaml.NodeEvent)
        if values > MAX_VALUES:
            raise ConfigError(
                f"it holds more than {MAX_VALUES} values", where=where, hint="is it the right file?"
            )
        if isinstance(event, yaml.AliasEvent):
            raise ConfigError(
                f"it uses the alias *{event.anchor}", where=where, hint="write it out in full"
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
