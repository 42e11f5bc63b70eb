"""``groove.vary``: a ranked batch of variations, played by several processes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final, Protocol, TypeVar

from conduit.blocks import Block, Effects, Range, block, current_call, dumps
from conduit.contracts.files import FileRef, FileStore
from conduit.contracts.json import Json
from conduit.rhythm.blocks import MIDI_TYPE
from conduit.rhythm.check import cells_of
from conduit.rhythm.engine import play
from conduit.rhythm.groove import slug
from conduit.rhythm.load import load_config
from conduit.rhythm.vary.batch import MAX_VARIATIONS, Variation, kept, parts_of, play_part
from conduit.rhythm.vary.jitter import Change
from conduit.rhythm.vary.rank import Rank, fit_and_unlike
from conduit.rhythm.vary.take import Take

CONFIG_TYPE = "application/json"
MAX_KEPT: Final = 64

_WORTH_PROCESSES = 200_000
"""Cells from which starting processes (a third of a second each) is worth it."""

A = TypeVar("A")
B = TypeVar("B")


class Crew(Protocol):
    """Works on many inputs at once."""

    def each(
        self, work: Callable[[A], B], inputs: Sequence[A], *, processes: bool
    ) -> AsyncGenerator[B, None]:
        """The results, in the order in which they are ready. With ``processes`` each core of the
        machine has one; without, it is done in a thread. Raises ``Unavailable``."""
        ...


@dataclass(frozen=True, slots=True)
class VaryRequest:
    """A config to make variations of."""

    config: Annotated[Json, "the config as a JSON object; its fields are those of EngineConfig"]
    n: Annotated[int, Range(1, MAX_VARIATIONS), "how many are made and compared"] = 64
    keep: Annotated[int, Range(1, MAX_KEPT), "how many of the best are kept as files"] = 8
    amount: Annotated[float, Range(0, 1), "how far the dials move; 0: only the seed changes"] = 0.5
    bars: Annotated[int | None, Range(1, 4096), "null: as the config says"] = None
    seed: Annotated[int | None, Range(0, 2**53 - 1), "null: as the config says"] = None


@dataclass(frozen=True, slots=True)
class VaryProgress:
    """How far it has come."""

    done: int
    of: int


@dataclass(frozen=True, slots=True)
class KeptVariation:
    """One of the best variations."""

    rank: Annotated[int, "1 is the best"]
    number: Annotated[int, "which of the n variations it is"]
    seed: int
    score: Annotated[float, "fit × novelty, 0 to 1"]
    fit: Annotated[float, "how close the density of its layers is to the config's, 0 to 1"]
    novelty: Annotated[float, "how unlike it is to the config and to all ranked above it, 0 to 1"]
    changes: tuple[Change, ...]
    midi: FileRef
    config: Annotated[FileRef, "the variation as a config of its own, in JSON"]


@dataclass(frozen=True, slots=True)
class Variations:
    """The best of a batch, best first."""

    title: str
    n: Annotated[int, "how many were made and compared"]
    kept: tuple[KeptVariation, ...]


def vary_blocks(
    files: FileStore, crew: Crew, rank: Rank = fit_and_unlike
) -> tuple[Block[Any, Any], ...]:
    """``groove.vary``; ``rank`` decides what is better."""

    @block(
        "groove.vary",
        summary="Make many variations of a groove config and keep the best, unlike each other",
        effects=Effects.WRITES_FILES,
    )
    async def vary_groove(request: VaryRequest) -> AsyncIterator[VaryProgress | Variations]:
        config = load_config(request.config, {"bars": request.bars, "seed": request.seed})
        parts = parts_of(config, request.n, request.amount)
        takes: list[Take] = []
        many = request.n * cells_of(config) >= _WORTH_PROCESSES
        results = crew.each(play_part, parts, processes=many)
        try:
            async for played in results:
                takes += played
                yield VaryProgress(len(takes), request.n)
        finally:
            await results.aclose()
        best = kept(config, takes, request.keep, request.amount, rank)
        org = current_call().principal.org_id
        name = slug(config.title) or "groove"
        yield Variations(
            title=config.title or "groove",
            n=request.n,
            kept=tuple(
                _stored(files, org, f"{place:02}-{name}-{each.ranked.number}", place, each)
                for place, each in enumerate(best, 1)
            ),
        )

    return (vary_groove,)


def _stored(
    files: FileStore, org: str, name: str, place: int, variation: Variation
) -> KeptVariation:
    """Put a variation into the store, as notes and as a config."""
    ranked, config = variation.ranked, variation.config
    return KeptVariation(
        rank=place,
        number=ranked.number,
        seed=config.seed,
        score=round(ranked.score, 4),
        fit=round(ranked.fit, 4),
        novelty=round(ranked.novelty, 4),
        changes=variation.changes,
        midi=files.put(org, f"{name}.mid", MIDI_TYPE, play(config).midi_bytes()),
        config=files.put(org, f"{name}.json", CONFIG_TYPE, dumps(asdict(config))),
    )
