"""What an answer puts into Live: the blocks in it, and why some are none.

Models call ``live.clip`` and ``live.parameters``. Those without tools write the same as JSON in
their text, or a plain list of notes; that counts only where no tool was called, or it would be
applied twice. What is wrong in it is said, and nothing of it is given on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from conduit.agents.live.typed import LiveBlock, MidiBlock, ParameterBlock
from conduit.blocks import decode
from conduit.contracts.errors import ConduitError, InvalidInput
from conduit.contracts.json import Json
from conduit.contracts.outcome import ErrorInfo

_KINDS: Final[dict[str, type[Any]]] = {"midi": MidiBlock, "parameters": ParameterBlock}
_OF_BLOCKS: Final = {"live.clip": "midi", "live.parameters": "parameters"}
_BEFORE: Final = {"start_beat": "start", "duration_beats": "duration"}
"""Fields of notes by the names that they had before there were blocks."""
MOST: Final = 16
"""Blocks of one answer."""


class Use(Protocol):
    """A call of a tool that was made."""

    @property
    def block(self) -> str: ...

    @property
    def ok(self) -> bool: ...

    @property
    def result(self) -> Json: ...


@dataclass(frozen=True, slots=True)
class ForLive:
    """``blocks`` in the order they were made; ``refused`` says why others are not among them."""

    blocks: tuple[LiveBlock, ...] = ()
    refused: tuple[ErrorInfo, ...] = ()


def for_live(uses: Iterable[Use], written: Sequence[Json], cut: Collection[int] = ()) -> ForLive:
    """What calls of tools gave, or else what was written as JSON. Of ``cut``, which are places in
    ``written``, the end is missing."""
    made = [
        (_OF_BLOCKS[use.block], use.result, True)
        for use in uses
        if use.ok and use.block in _OF_BLOCKS
    ]
    if not made:
        made = [
            (*found, at not in cut)
            for at, each in enumerate(written)
            if (found := _meant(each)) is not None
        ]
    blocks: list[LiveBlock] = []
    refused: list[ErrorInfo] = []
    for kind, data, whole in made[:MOST]:
        try:
            blocks.append(_read(kind, data, whole))
        except ConduitError as error:
            refused.append(ErrorInfo.of(error))
    return ForLive(tuple(blocks), tuple(refused))


def _meant(value: Json) -> tuple[str, Json] | None:
    """A block that was written out, under its kind; None for any other JSON."""
    kind = value.get("type") if isinstance(value, dict) else None
    if isinstance(kind, str) and kind in _KINDS:
        return kind, value
    if isinstance(value, list) and value and all(map(_is_note, value)):
        notes = [{_BEFORE.get(k, k): v for k, v in each.items()} for each in value]
        return "midi", {"notes": notes}
    return None


def _is_note(value: Json) -> bool:
    return isinstance(value, dict) and "pitch" in value and bool({"start", *_BEFORE} & value.keys())


def _read(kind: str, data: Json, whole: bool) -> LiveBlock:
    if not whole:
        raise InvalidInput(
            "the answer broke off in the middle of it",
            where=kind,
            hint="nothing of it goes to Live; ask again, for fewer bars",
        )
    if data is None:
        raise InvalidInput(
            "what goes to Live is too large to be kept with a run",
            where=kind,
            hint="ask again, for fewer bars",
        )
    if kind == "midi" and isinstance(data, dict):
        data = {"name": "", "length_beats": None, **data}
    try:
        block: LiveBlock = decode(_KINDS[kind], data, lenient=True, where=kind)
    except InvalidInput as error:
        error.hint = f"nothing of it goes to Live; ask again. {error.hint}".strip()
        raise
    return block
