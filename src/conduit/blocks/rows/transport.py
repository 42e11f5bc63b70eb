"""Chunks and their outcomes as bytes between processes of one run.

Columns where the rows are of their declared type, else the objects themselves, pickled. These
bytes come from our own workers through their own pipe, never from a file or a network.
"""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable, Sequence
from typing import Any

from conduit.blocks.rows.codec import Codec, Unpackable, codec_of
from conduit.blocks.rows.inputs import Form
from conduit.blocks.rows.row import RowError, error_of, numbered
from conduit.contracts.errors import ConfigError, InvalidInput

_COLUMNS, _OBJECTS = 0, 1


def packed_rows(cls: Any, rows: Sequence[Any]) -> bytes:
    """Rows on their way to a worker. A row that cannot travel becomes a ``RowError``."""
    if dataclasses.is_dataclass(rows[0]):
        try:
            return _dumps((_COLUMNS, codec_of(cls).pack_rows(rows)))
        except (Unpackable, RecursionError, *_UNPICKLABLE):
            pass  # a row breaks its type: it travels as it is, and is refused there
    try:
        return _dumps((_OBJECTS, list(rows)))
    except _UNPICKLABLE:
        return _dumps((_OBJECTS, [_portable(row) for row in rows]))


def unpacked_rows(cls: Any, data: bytes) -> list[Any]:
    kind, plain = pickle.loads(data)
    return codec_of(cls).unpack_rows(plain) if kind == _COLUMNS else plain


def packed_outcomes(cls: Any, outcomes: list[Any], seconds: float, start: int) -> bytes:
    """Outcomes on their way back. An output that cannot travel becomes a ``RowError``."""
    errors = [(i, o) for i, o in enumerate(outcomes) if type(o) is RowError]
    outputs = [o for o in outcomes if type(o) is not RowError] if errors else outcomes
    codec: Codec = codec_of(cls)
    try:
        return _dumps((seconds, errors, _COLUMNS, codec.pack_rows(outputs) if outputs else None))
    except (Unpackable, RecursionError, *_UNPICKLABLE):
        return _dumps((seconds, [], _OBJECTS, numbered([_portable(o) for o in outcomes], start)))


def unpacked_outcomes(cls: Any, data: bytes) -> tuple[list[Any], float]:
    """The outcomes, and the seconds that they took."""
    seconds, errors, kind, plain = pickle.loads(data)
    if kind == _OBJECTS:
        return plain, seconds
    outputs = codec_of(cls).unpack_rows(plain) if plain is not None else []
    return merged(outputs, errors), seconds


def merged(outputs: list[Any], errors: list[tuple[int, RowError]]) -> list[Any]:
    """Outputs with the errors back in the places they had."""
    if not errors:
        return outputs
    at, rest = dict(errors), iter(outputs)
    return [at[i] if i in at else next(rest) for i in range(len(outputs) + len(errors))]


_UNPICKLABLE = (pickle.PicklingError, TypeError, AttributeError, ValueError, RecursionError)


def _dumps(value: object) -> bytes:
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def _portable(value: Any) -> Any:
    try:
        _dumps(value)
    except _UNPICKLABLE as error:
        name = type(value).__name__
        reason = InvalidInput(f"{name} cannot be sent to another process: {str(error)[:200]}")
        return error_of(0, reason)
    return value


def packed_job(
    block: Any, form: Form, at_once: int, dumps: Callable[[Any], bytes] = _dumps
) -> bytes:
    """A block on its way to the workers. Raises ``ConfigError`` when it cannot travel."""
    try:
        return dumps((block, form, at_once))
    except _UNPICKLABLE as error:
        raise ConfigError(
            f"the block cannot be sent to worker processes: {str(error)[:300]}",
            where=block.label,
            hint="define it, and the functions it is made of, at module level",
        ) from None
