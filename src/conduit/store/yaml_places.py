"""Where in a YAML text a fault lies: people look for a line, not for a path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from conduit.contracts.errors import ConfigError
from conduit.store.settings_file import safe_loader

if TYPE_CHECKING:
    import yaml

_JOINT: Final = ": "


def placed(error: ConfigError, data: bytes, file: str) -> ConfigError:
    """The same error with ``file:line:column: path`` in ``where``, both counted from 1.

    ``error.where`` is ``file: path`` as ``Section`` makes it. A path that is not there, like that
    of a field that was left out, gets the place of the nearest one around it. ``data`` must have
    been read by ``parse_settings``; what could not be has no places, and the error stays as it is.
    """
    import yaml

    prefix = file + _JOINT
    if not error.where.startswith(prefix):
        return error
    path = error.where[len(prefix) :]
    try:
        root = yaml.compose(data.decode(), Loader=safe_loader())
    except (UnicodeDecodeError, yaml.YAMLError):
        return error
    mark = _nearest(root, path)
    if mark is None:
        return error
    where = f"{file}:{mark.line + 1}:{mark.column + 1}{_JOINT}{path}"
    return ConfigError(error.message, where=where, hint=error.hint)


def _nearest(node: yaml.Node | None, path: str) -> yaml.Mark | None:
    """Names may hold dots, so the path is not split: each step takes the key that it begins with,
    the longest where several do."""
    import yaml

    mark: yaml.Mark | None = None
    rest = path
    while rest:
        steps: list[tuple[str, yaml.Mark, yaml.Node]] = []
        if isinstance(node, yaml.MappingNode):
            steps = [(str(key.value), key.start_mark, value) for key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            steps = [(f"[{at}]", each.start_mark, each) for at, each in enumerate(node.value)]
        fits = [step for step in steps if _begins(rest, step[0])]
        if not fits:
            break
        name, mark, node = max(fits, key=lambda step: len(step[0]))
        rest = rest[len(name) :].removeprefix(".")
    return mark


def _begins(path: str, name: str) -> bool:
    return (
        bool(name) and path.startswith(name) and path[len(name) : len(name) + 1] in ("", ".", "[")
    )
