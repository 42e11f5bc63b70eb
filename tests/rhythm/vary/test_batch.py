"""Whole batches: through Python, and through the call gate with real processes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conduit.app.crew import ProcessCrew
from conduit.blocks import Catalog, Gate, dumps, loads
from conduit.contracts.call import DEFAULT_ORG, LOCAL_OWNER, Principal
from conduit.contracts.errors import Forbidden, InvalidInput, TooLarge
from conduit.midi import smf
from conduit.rhythm import STYLES, Style, render
from conduit.rhythm.vary import Ranked, Take, vary
from conduit.rhythm.vary.blocks import VaryProgress, vary_blocks
from conduit.store.files import DiskFiles

ACID = loads(dumps(asdict(STYLES[Style.ACID])))


@pytest.fixture
def files(tmp_path: Path) -> DiskFiles:
    return DiskFiles(tmp_path / "files")


@pytest.fixture
def gate(files: DiskFiles) -> Gate:
    return Gate(Catalog(vary_blocks(files, ProcessCrew())), new_id=lambda: "1")


def test_the_best_are_unlike_each_other_and_the_same_every_time() -> None:
    best = vary(STYLES[Style.IDM], 24, keep=6)
    assert [each.config for each in best] == [e.config for e in vary(STYLES[Style.IDM], 24, keep=6)]
    assert len({each.ranked.number for each in best}) == 6
    played = [render(each.config).notes for each in best]
    assert len({notes.tobytes() for notes in played}) == 6
    assert best[0].ranked.score > 0.05


def test_a_variation_keeps_its_number_in_a_larger_batch() -> None:
    def by_number(n: int) -> dict[int, object]:
        return {v.ranked.number: v.config for v in vary(STYLES[Style.DUB], n, keep=n)}

    small, large = by_number(4), by_number(9)
    assert {number: large[number] for number in small} == small


def test_another_ranking_can_be_handed_in() -> None:
    def loudest(base: Take, takes: Sequence[Take], keep: int) -> tuple[Ranked, ...]:
        order = sorted(takes, key=lambda take: -int(take.loudness.sum(dtype=np.int64)))
        return tuple(Ranked(take.number, 1.0, 1.0, 1.0) for take in order[:keep])

    first, second = vary(STYLES[Style.HARD], 8, keep=2, rank=loudest)
    assert render(first.config).notes["velocity"].sum() > 0
    assert {first.ranked.number, second.ranked.number} <= set(range(1, 9))


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"n": 0}, InvalidInput),
        ({"n": -1}, InvalidInput),
        ({"n": 10**9}, InvalidInput),
        ({"keep": 0}, InvalidInput),
        ({"amount": 1.5}, InvalidInput),
        ({"amount": float("nan")}, InvalidInput),
        ({"n": 10_000, "bars": 4096}, TooLarge),
        ({"config": []}, InvalidInput),
        ({"config": {"layers": []}}, InvalidInput),
    ],
)
def test_batches_that_cannot_be_made(
    gate: Gate, tmp_path: Path, fields: dict[str, Any], error: type[InvalidInput]
) -> None:
    with pytest.raises(error):
        gate.call("groove.vary", {"config": ACID, **fields})
    assert list(tmp_path.iterdir()) == []
    if "config" not in fields and "bars" not in fields:
        with pytest.raises(error):
            vary(STYLES[Style.ACID], **fields)


def test_files_through_the_gate(gate: Gate, files: DiskFiles) -> None:
    made = gate.call(
        "groove.vary", {"config": ACID, "n": 12, "keep": 3, "bars": 4, "seed": 2**53 - 1}
    )
    assert (made.n, [each.rank for each in made.kept]) == (12, [1, 2, 3])
    for each in made.kept:
        config = json.loads(files.get(DEFAULT_ORG, each.config.id)[1])
        notes = smf.loads(files.get(DEFAULT_ORG, each.midi.id)[1]).notes
        assert np.array_equal(notes["tick"], render(config).notes["tick"])
        assert config["seed"] == each.seed < 2**53
        assert each.score == pytest.approx(each.fit * each.novelty, abs=1e-3)
        for change in each.changes:
            assert change.was != change.now
    with pytest.raises(Forbidden):
        gate.call("groove.vary", {"config": ACID}, Principal("nobody"))


async def test_processes_tell_how_far_they_are_and_agree_with_one(gate: Gate) -> None:
    request = {"config": ACID, "n": 400, "keep": 4, "bars": 8}  # enough to be worth processes
    *told, made = [event async for event in gate.stream("groove.vary", request, LOCAL_OWNER)]
    assert all(isinstance(each, VaryProgress) for each in told)
    done = [each.done for each in told]
    assert done == sorted(set(done))
    assert done[-1] == 400
    alone = vary({**ACID, "bars": 8}, 400, keep=4)
    assert [each.number for each in made.kept] == [each.ranked.number for each in alone]
