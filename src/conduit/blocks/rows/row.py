"""What comes back for one row: its output, or the reason why there is none. Errors are values."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Generic, TypeVar

from conduit.contracts.errors import ConduitError, Unavailable

O = TypeVar("O")  # noqa: E741 - the output type of Block[I, O]

_LONGEST_MESSAGE = 2_000
"""Characters; a row may be megabytes, and its error may quote it."""

_LONGEST_NOTE = 200
_MOST_NOTES = 4
"""Characters, and notes, of what a pipeline says about where an error happened."""


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row has no output.

    ``code`` is stable and of the error tree (``type_mismatch``, ``invalid_input`` …); it is
    ``internal`` when the block raised something else, whose line and step are in ``hint``; and
    ``unavailable`` when the process that ran the row died. ``index`` counts rows from 0.
    """

    index: int
    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Row(Generic[O]):
    """One row of the results: ``error`` is None, or ``output`` is."""

    index: int
    input: Any
    """The row as its source gave it."""
    output: O | None = None
    error: RowError | None = None


def error_of(index: int, error: BaseException) -> RowError:
    """An exception as a value."""
    if isinstance(error, ConduitError):
        message = f"{error.where}: {error.message}" if error.where else error.message
        return RowError(index, error.code, message[:_LONGEST_MESSAGE], error.hint)
    try:
        said = str(error)
    except Exception:  # an exception whose own text fails is still one row's affair
        said = ""
    name = type(error).__name__
    message = f"{name}: {said}" if said else name
    return RowError(index, "internal", message[:_LONGEST_MESSAGE], _origin(error))


def _origin(error: BaseException) -> str:
    """The line that raised it, and the step: the traceback itself does not travel."""
    trace = error.__traceback__
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    file = PurePath(trace.tb_frame.f_code.co_filename).name
    notes = [str(note)[:_LONGEST_NOTE] for note in getattr(error, "__notes__", ())[:_MOST_NOTES]]
    return ", ".join([f"raised by {file}, line {trace.tb_lineno}", *notes])


def killed(index: int, how: str) -> RowError:
    """The row was alone in its process when that died."""
    hint = "it may need more memory than there is, or crash a library"
    return RowError(index, Unavailable.code, f"the process that ran it died ({how})", hint)


def raised(error: RowError) -> ConduitError:
    """A row's error as an exception of the tree, of the class its code names."""
    text = f"row {error.index}"
    return _class_of(error.code)(error.message, hint=error.hint, where=text)


def _class_of(code: str) -> type[ConduitError]:
    """The class with that code, or the nearest above it that takes no more than a message."""
    tree = _tree(ConduitError)
    plain = [cls for cls in tree if cls is ConduitError or "__init__" not in vars(cls)]
    for cls in tree:
        if cls.code == code:
            return next(above for above in cls.__mro__ if above in plain)
    return ConduitError


def _tree(cls: type[ConduitError]) -> list[type[ConduitError]]:
    return [cls, *(deeper for below in cls.__subclasses__() for deeper in _tree(below))]


def numbered(outcomes: Sequence[Any], start: int) -> list[Any]:
    """Outcomes whose errors carry the index of their row in the whole."""
    return [
        dataclasses.replace(outcome, index=start + position)
        if type(outcome) is RowError
        else outcome
        for position, outcome in enumerate(outcomes)
    ]
