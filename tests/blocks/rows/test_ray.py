"""Ray, for real, on this machine. It takes ten to twenty seconds to start and as long again for the
first actors to import what they need, so one Ray serves the module and there are few tests."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from conduit.blocks.rows import map_rows
from conduit.contracts.errors import MissingDependency, Unavailable
from tests.blocks.rows import steps
from tests.blocks.rows.steps import Bright, Heavy, Note, notes

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is an extra")
pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    import ray

    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")  # Ray's own deprecations are not ours to mend
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))  # it keeps a token there
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        yield ray
        ray.shutdown()


@needs_ray
def test_order_errors_and_setup_are_those_of_one_process(ray: Any) -> None:
    rows: list[Any] = [*notes(500), {"pitch": 3}, (8, "t"), {"pitch": "x"}, 9, Bright(1)]
    alone = list(map_rows(steps.fussy, rows))
    found = list(map_rows(steps.fussy, rows, engine="ray", workers=2, chunk=40))
    assert found == alone
    assert ray.is_initialized()  # somebody else's cluster is left running


@needs_ray
def test_an_endless_source_is_read_as_results_are_taken(ray: Any, tmp_path: Path) -> None:
    pulled = 0

    def endless() -> Iterator[Note]:
        nonlocal pulled
        for pulled in itertools.count():
            yield Note(pulled)

    results = map_rows(
        Heavy(str(tmp_path)), endless(), engine="ray", workers=1, chunk=10, ordered=False
    )
    with results:
        outputs = [row.output for row in itertools.islice(results, 100)]
    assert len(outputs) == 100
    assert {told.setups for told in outputs if told} == {1}
    assert pulled < 100 + 10 * 5


@needs_ray
@pytest.mark.soak  # Ray starts the actor anew twice; on a busy machine that has taken minutes
def test_only_the_row_that_kills_is_lost(ray: Any, tmp_path: Path) -> None:
    rows = [Note(i, str(tmp_path / "seen")) for i in range(45, 85)]
    results = map_rows(steps.kill, rows, engine="ray", workers=1, chunk=20)
    found = list(results)
    assert [row.index for row in found if row.output == rows[row.index]] == [
        i for i in range(40) if i != 5
    ]
    assert [(error.index, error.code) for error in results.errors] == [(5, "unavailable")]


@needs_ray
def test_a_block_that_cannot_start_says_why(ray: Any) -> None:
    with pytest.raises(Unavailable, match="no model here"):
        map_rows(steps.Unbuildable(), notes(3), engine="ray", workers=1).collect()


def test_without_ray_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conduit.blocks.rows.on_ray.find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"pip install 'conduit-os\[ray\]'"):
        map_rows(steps.up, notes(3), engine="ray")
