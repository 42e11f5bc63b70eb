"""The crew of processes: results come, errors are told, nobody is left behind."""

from __future__ import annotations

import math
import os
from contextlib import aclosing

import pytest

from conduit.app.crew import ProcessCrew
from conduit.contracts.errors import Unavailable


async def results(crew: ProcessCrew, inputs: list[float], processes: bool) -> list[float]:
    made = crew.each(math.sqrt, inputs, processes=processes)
    return [result async for result in made]


@pytest.mark.parametrize("processes", [True, False])
@pytest.mark.parametrize("count", [0, 1, 2, 9])
async def test_every_input_is_worked_on_once(processes: bool, count: int) -> None:
    inputs = [float(n * n) for n in range(count)]
    assert sorted(await results(ProcessCrew(2), inputs, processes)) == list(range(count))


async def test_it_is_done_in_other_processes() -> None:
    pids = [pid async for pid in ProcessCrew(2).each(_pid, [1, 2, 3, 4], processes=True)]
    assert os.getpid() not in pids
    assert 1 <= len(set(pids)) <= 2


async def test_a_process_that_fails_is_an_error_and_the_others_end(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(Unavailable, match="ended early"):
        await results(ProcessCrew(2), [1.0, -1.0, 4.0, 9.0], True)
    assert "math domain error" in capfd.readouterr().err


async def test_leaving_early_ends_the_processes() -> None:
    made = ProcessCrew(2).each(_pid, list(range(50)), processes=True)
    async with aclosing(made):
        pids = [await anext(made), await anext(made)]
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def _pid(_: int) -> int:
    return os.getpid()
