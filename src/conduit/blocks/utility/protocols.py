"""What the input of a utility block must hold, told to type checkers and asked at construction.

The members are read-only properties, so that frozen dataclasses fit too.
"""

from __future__ import annotations

import dataclasses
from typing import Protocol

from conduit.blocks.shape import Choice, Field, Scalar, fields_of, require_known, spell
from conduit.contracts.errors import ConfigError


class SupportsShellCommand(Protocol):
    """A dataclass with a field ``shell_command: str``."""

    @property
    def shell_command(self) -> str: ...


class SupportsSqlCommand(Protocol):
    """A dataclass with a field ``sql_command: str``; its other fields are bound as parameters."""

    @property
    def sql_command(self) -> str: ...


class SupportsFileContent(Protocol):
    """A dataclass with a field ``file_content: str``."""

    @property
    def file_content(self) -> str: ...


def require_text(cls: type, name: str, block: str) -> None:
    """Raise ``ConfigError`` unless ``cls`` is a dataclass whose field ``name`` always holds text.

    ``Literal`` texts and enums of text count: they narrow what may be asked for.
    """
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        shown = cls.__name__ if isinstance(cls, type) else repr(cls)[:40]
        raise _unfit(f"{shown} is not a dataclass", block, name)
    require_known(cls)
    field = next((each for each in fields_of(cls) if each.name == name), None)
    if field is None:
        raise _unfit(f"{cls.__name__} has no field {name!r}", block, name)
    if not _is_text(field):
        spelled = spell(field.shape)
        raise _unfit(f"{cls.__name__}.{name} is declared as {spelled}, not as str", block, name)


def _is_text(field: Field) -> bool:
    match field.shape:
        case Scalar(kind):
            return kind is str
        case Choice(values, members):
            texts = all(isinstance(value, str) for value in values)
            return issubclass(members, str) if members else texts
    return False


def _unfit(message: str, block: str, name: str) -> ConfigError:
    return ConfigError(
        message, where=block, hint=f"give it a dataclass that has the field `{name}: str`"
    )
