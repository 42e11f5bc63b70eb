"""``usage.*``: sums and pages of one's own organisation, and the command that shows them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from conduit.blocks import Catalog, Gate
from conduit.cli import usage as command
from conduit.cli.main import cli
from conduit.contracts.call import LOCAL_OWNER, Principal
from conduit.contracts.errors import Forbidden, InvalidInput, NotFound
from conduit.models.usage_blocks import UsageSummary, moment, usage_blocks
from conduit.store.database import Database
from conduit.store.tables import organisations
from conduit.store.usage import UsageStore
from tests.store.usage_records import new_id, usage

DAY = 86_400_000
OTHER = Principal("eve", "01900000-0000-7000-8000-00000000000b", frozenset({"usage.*"}))


@pytest.fixture
def gate() -> Iterator[Gate]:
    with closing(Database("sqlite://")) as database:
        with database.transaction() as connection:
            row = {"id": OTHER.org_id, "name": "other", "created_at": sa.func.now()}
            connection.execute(organisations.insert().values(row))
        store = UsageStore(database)
        store.add(
            [
                usage(10, at_ms=0, model="a", samples=3, agreement=1.0),
                usage(20, at_ms=DAY, model="b", estimated=True, samples=5, agreement=0.4),
                usage(30, at_ms=2 * DAY, model="b", cost_micro=None, ending="failed"),
                usage(99, at_ms=2 * DAY, model="c", org_id=OTHER.org_id),
            ]
        )
        yield Gate(Catalog(usage_blocks(store)), new_id=new_id)


def summary(gate: Gate, who: Principal = LOCAL_OWNER, **question: str) -> UsageSummary:
    found: UsageSummary = gate.call("usage.summary", question, who)
    return found


def test_a_summary_of_ones_own(gate: Gate) -> None:
    found = summary(gate)
    assert [(row.key, row.requests, row.input_tokens, row.cost_micro) for row in found.rows] == [
        ("b", 2, 50, 60),
        ("a", 1, 10, 30),
    ]
    assert (found.total.requests, found.total.cost_micro) == (3, 90)
    assert (found.total.estimated, found.total.unpriced, found.total.failed) == (1, 1, 1)
    assert [(row.votes, row.agreement) for row in found.rows] == [(1, 0.4), (1, 1.0)]
    assert (found.total.votes, found.total.agreement) == (2, 0.7)
    assert [row.key for row in summary(gate, OTHER).rows] == ["c"]


def test_whose_usage_is_told(gate: Gate) -> None:
    """The owner may see everybody's, whoever else asks only their own, whatever they may call."""
    found = summary(gate, org_id=OTHER.org_id)
    assert [row.key for row in found.rows] == ["c"]
    assert summary(gate, OTHER, org_id=OTHER.org_id) == found
    assert not summary(gate, org_id="01900000-0000-7000-8000-0000000000ff").rows
    for may in ("usage.*", "*"):
        eve = Principal("eve", OTHER.org_id, frozenset({may}))
        with pytest.raises(Forbidden, match="another organisation") as caught:
            summary(gate, eve, org_id=LOCAL_OWNER.org_id)
        assert caught.value.hint


def test_a_summary_of_a_time(gate: Gate) -> None:
    found = summary(gate, by="day", since="1970-01-02", until="1970-01-03")
    assert [row.key for row in found.rows] == ["1970-01-02"]
    assert not summary(gate, since="2999-01-01").rows


def test_pages(gate: Gate) -> None:
    first = gate.call("usage.recent", {"limit": 2}, LOCAL_OWNER).records
    rest = gate.call("usage.recent", {"limit": 2, "before": first[-1].id}, LOCAL_OWNER).records
    assert [record.input_tokens for record in (*first, *rest)] == [30, 20, 10]
    with pytest.raises(NotFound):
        gate.call("usage.recent", {"before": first[-1].id}, OTHER)


def test_it_takes_a_permission(gate: Gate) -> None:
    for name in ("usage.summary", "usage.recent"):
        with pytest.raises(Forbidden):
            gate.call(name, {}, Principal("guest", permissions=frozenset({"groove.*"})))


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "1970-01-01T99", "x" * 40])
def test_what_is_no_time(gate: Gate, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        summary(gate, since=text)
    assert caught.value.where.endswith("since")


def test_times_have_zones() -> None:
    assert moment("1970-01-02", "since") == DAY
    assert moment("1970-01-02T01:00:00+01:00", "since") == DAY
    assert moment("", "since") is None


@pytest.fixture
def run_with(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The command with these blocks behind it."""

    def run(work: Callable[[Any], Awaitable[None]], **_: object) -> None:
        asyncio.run(work(SimpleNamespace(gate=gate)))  # type: ignore[arg-type]  # it is a coroutine

    monkeypatch.setattr(command, "run", run)
    monkeypatch.setenv("COLUMNS", "100")

    def invoke(*words: str) -> str:
        result = CliRunner().invoke(cli, ("usage", *words))
        assert result.exit_code == 0, result.output
        return result.stdout

    return invoke


def test_the_command_shows_a_table(run_with: Callable[..., str]) -> None:
    lines = run_with().splitlines()
    heads = ["model", "requests", "failed", "input", "output", "cost", "US$", "agree"]
    assert lines[0].split() == heads
    assert lines[1].split() == ["b", "2", "1", "~50", "~100", "0.0001+", "40%", "of", "1"]
    assert lines[-1].split()[-3:] == ["70%", "of", "2"]
    assert lines[-1].split()[:2] == ["all", "3"]
    by_day = run_with("--by", "day").splitlines()
    assert by_day[3].split() == ["1970-01-03", "1", "1", "30", "60", "–"], "no price is known"
    later = run_with("--since", "1970-01-03").splitlines()
    assert "agree" not in later[0], "nobody was asked several times"
    assert "No language model" in run_with("--since", "2999-01-01")


def test_the_command_prints_json(run_with: Callable[..., str]) -> None:
    found = json.loads(run_with("--json"))
    assert found["total"]["input_tokens"] == 60
    assert found["rows"][0]["key"] == "b"


def test_help_teaches_with_an_example() -> None:
    shown = CliRunner().invoke(cli, ("usage", "--help")).stdout
    assert "conduit usage" in shown
    assert "Example" in shown
    assert "--json" in shown
