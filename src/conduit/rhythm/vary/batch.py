"""Playing a batch of variations and keeping the best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.rhythm.check import MAX_CELLS, cells_of
from conduit.rhythm.config import EngineConfig
from conduit.rhythm.engine import play
from conduit.rhythm.load import ConfigSource, load_config
from conduit.rhythm.vary.jitter import Change, jittered
from conduit.rhythm.vary.rank import Rank, Ranked, fit_and_unlike
from conduit.rhythm.vary.take import Take, take_of

MAX_VARIATIONS: Final = 10_000
_PARTS = 50
"""A batch is played in so many parts, or fewer: often enough to be told about."""


@dataclass(frozen=True, slots=True)
class Variation:
    """A variation that was kept: its place in the ranking, its config, and what was moved."""

    ranked: Ranked
    config: EngineConfig
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a batch, to be played together: the numbers ``first`` to before ``end``."""

    config: EngineConfig
    amount: float
    first: int
    end: int


def vary(
    config: ConfigSource,
    n: int = 64,
    *,
    keep: int = 8,
    amount: float = 0.5,
    rank: Rank = fit_and_unlike,
) -> tuple[Variation, ...]:
    """The best ``keep`` of ``n`` variations of a config, best first. Pure and seeded.

    ``amount`` (0 to 1) is how far the dials move. Raises what ``load_config`` raises, and
    ``InvalidInput`` and ``TooLarge`` for a batch that is none or too much.
    """
    loaded = load_config(config)
    takes = [take for part in parts_of(loaded, n, amount) for take in play_part(part)]
    return kept(loaded, takes, keep, amount, rank)


def parts_of(config: EngineConfig, n: int, amount: float) -> tuple[Part, ...]:
    """A batch in parts that can be played in any order, anywhere."""
    if not 1 <= n <= MAX_VARIATIONS:
        raise InvalidInput(f"{n} variations; 1 to {MAX_VARIATIONS} can be made", where="n")
    if not 0 <= amount <= 1:
        raise InvalidInput(f"amount is {amount}, legal is 0 to 1", where="amount")
    if n * cells_of(config) > MAX_CELLS:
        raise TooLarge(
            f"{n} variations of {cells_of(config)} cells (bars × steps × layers) each; at most "
            f"{MAX_CELLS} cells are played",
            where="n",
            hint="ask for fewer variations or fewer bars",
        )
    size = -(-n // _PARTS)
    return tuple(
        Part(config, amount, first, min(first + size, n + 1)) for first in range(1, n + 1, size)
    )


def play_part(part: Part) -> tuple[Take, ...]:
    """Play the variations of a part."""
    return tuple(
        take_of(play(jittered(part.config, number, part.amount)[0]), number)
        for number in range(part.first, part.end)
    )


def kept(
    config: EngineConfig, takes: Iterable[Take], keep: int, amount: float, rank: Rank
) -> tuple[Variation, ...]:
    """Rank the takes of a batch, in whatever order they come, and keep the best."""
    if keep < 1:
        raise InvalidInput(f"keep is {keep}, legal is 1 and more", where="keep")
    in_order: Sequence[Take] = sorted(takes, key=lambda take: take.number)
    best = rank(take_of(play(config), 0), in_order, keep)
    return tuple(Variation(each, *jittered(config, each.number, amount)) for each in best)
