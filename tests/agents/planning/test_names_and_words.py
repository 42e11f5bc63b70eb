"""Names of the documents, plans by rules, and blocks told to a model."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.agents.planning.check import PlanCheck
from conduit.agents.planning.names import ALIASES, Alias, BlockNames
from conduit.agents.planning.rules import plan_by_rules
from conduit.agents.planning.steps import PlanStep
from conduit.agents.planning.telling import in_full, told
from conduit.blocks import Block, Catalog, Gate, block
from conduit.blocks.foreign import Foreign, foreign_type
from conduit.contracts.call import LOCAL_OWNER
from conduit.contracts.errors import NotFound, Unavailable
from conduit.contracts.json import Json
from conduit.telemetry.ids import IdMaker


@dataclass(frozen=True)
class Corpus:
    """Which one."""

    corpus_id: str
    keepAs: str = ""


@dataclass(frozen=True)
class Other:
    """Something else."""

    number: int


@dataclass(frozen=True)
class Done:
    """That it was done."""

    items: list[Other]


def made(name: str, summary: str = "Do it") -> Block[Any, Any]:
    @block(name, summary=summary)
    def work(_: Corpus) -> Done:
        return Done([])

    return work


@block("either.one", summary="Take either")
def either(_: Corpus | Other) -> Done:
    return Done([])


CATALOG = Catalog([made("corpora.get"), made("analytics.summarize"), either])
NAMES = BlockNames(CATALOG, {**ALIASES, "old.name": Alias("corpora.get", {"id": "corpus_id"})})


def test_a_block_by_each_of_its_names() -> None:
    for name in ("corpora.get", "corpora_get", "persist.getCorpus", "old.name"):
        assert NAMES.block_of(name) == "corpora.get"
    for name in ("persist.getBaseline", "nothing", "persist.getcorpus", "", "x" * 10_000):
        with pytest.raises(NotFound):
            NAMES.block_of(name)
    assert NAMES.aliases() == ["persist.getCorpus", "old.name"]


def test_arguments_in_the_way_of_the_documents() -> None:
    given = {"corpusId": "a", "keepAs": "b", "unknownThing": 1}
    meant = {"corpus_id": "a", "keepAs": "b", "unknownThing": 1}
    assert NAMES.arguments_for("persist.getCorpus", given) == meant
    assert NAMES.arguments_for("old.name", {"id": "a"}) == {"corpus_id": "a"}
    assert NAMES.arguments_for("either.one", {"corpusId": "a"}) == {"corpusId": "a"}


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("corpora.get(corpus_id=fc-main)", {"corpus_id": "fc-main"}),
        ('corpora.get {"corpus_id": "a b", "keepAs": "x"}', {"corpus_id": "a b", "keepAs": "x"}),
        ("please run corpora.get with corpusId: 'a, b' now", {"corpus_id": "a, b"}),
        ('persist.getCorpus(corpusId="say \\"hi\\"")', {"corpus_id": 'say "hi"'}),
        ("corpora.get({corpus_id: 'lenient',})", {"corpus_id": "lenient"}),
    ],
)
def test_sentences_that_name_blocks(said: str, arguments: dict[str, Any]) -> None:
    (step,), _ = plan_by_rules(said, CATALOG, NAMES)
    assert (step.name, step.arguments) == ("corpora.get", arguments)


@pytest.mark.parametrize("said", ["Summarize corpus fc-main", "summarise the corpus “fc-main”."])
def test_the_objective_of_the_documents(said: str) -> None:
    steps, _ = plan_by_rules(said, CATALOG, NAMES)
    assert [(step.name, step.arguments) for step in steps] == [
        ("corpora.get", {"corpus_id": "fc-main"}),
        ("analytics.summarize", {"corpus_id": "fc-main"}),
    ]
    assert len(plan_by_rules("show corpus fc-main", CATALOG, NAMES)[0]) == 1


@given(st.text(max_size=200) | st.text("corpa.get(){}='\",: sumriz=1", max_size=200))
def test_any_sentence_gives_a_plan_that_can_be_looked_at_or_says_why_not(said: str) -> None:
    gate = Gate(CATALOG, new_id=IdMaker())
    try:
        steps, _ = plan_by_rules(said, CATALOG, NAMES)
    except Unavailable:
        return
    plan = [PlanStep(step.name, step.arguments) for step in steps]
    checked, faults = PlanCheck(gate, NAMES).look(plan, LOCAL_OWNER)
    assert len(checked) + len({fault.at for fault in faults}) == len(steps)


def test_a_long_sentence_takes_linear_time() -> None:
    """Quadratic time would take minutes here."""
    begun = time.monotonic()
    for said in ("corpora.get " * 50_000, "corpora.get {" * 50_000, "a.b" * 100_000, "a=" * 90_000,
                 "corpora.get(" + "a='" * 50_000, "summarize corpus " + "a" * 500_000):  # fmt: skip
        with contextlib.suppress(Unavailable):
            plan_by_rules(said, CATALOG, NAMES)
    assert time.monotonic() - begun < 30


def test_a_model_is_told_what_a_block_takes_and_gives() -> None:
    said = in_full(CATALOG.get("corpora.get"))
    assert said == (
        "- corpora.get: Do it. Takes: corpus_id (str); keepAs (str, optional). "
        "Gives: items{[number]}."
    )
    assert "Takes: corpus_id (str); keepAs (str, optional) or number (int)." in told([either], "")


FOREIGN = foreign_type(
    "PetWish",
    {
        "type": "object",
        "properties": {
            "petId": {"type": "integer", "description": "which pet"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["petId"],
        "additionalProperties": False,
    },
)


@dataclass(frozen=True)
class Answered:
    """What another program said."""

    result: Json


class Pets(Block[Foreign, Answered]):
    """An operation of another program."""

    name = "pets.show"
    summary = "Show a pet"

    def __init__(self) -> None:
        self.input_type = FOREIGN

    def forward(self, data: Foreign) -> Answered:
        return Answered(data.values)


def test_a_block_whose_fields_somebody_else_names() -> None:
    pets = Pets()
    names = BlockNames(Catalog([pets]))
    check = PlanCheck(Gate(Catalog([pets]), new_id=IdMaker()), names)
    takes = "petId (integer, which pet); tags (array, optional)"
    assert in_full(pets) == f"- pets.show: Show a pet. Takes: {takes}. Gives: result."

    def faults(*given: dict[str, Any]) -> list[str]:
        plan = [PlanStep("pets.show", arguments) for arguments in given]
        return [fault.said for fault in check.look(plan, LOCAL_OWNER)[1]]

    first = {"petId": 1}
    reference = "${steps[0].output.result.id}"
    assert faults(first, {"petId": reference, "tags": ["a"]}) == []
    assert faults(first, {"tags": [reference]}) == ["petId: is missing"]
    assert faults(first, {"petId": reference, "pet": 1}) == ["'pet': unknown field"]
    assert "petId" in faults({"petId": "x"})[0]


def test_many_blocks_are_told_within_bounds_and_the_likely_ones_in_full() -> None:
    many = [made(f"part{n}.work", "Do one of very many things " * 4) for n in range(1000)]
    wanted = made("weather.tell", "Tell the weather of a place")
    text = told([*many, wanted], "how is the weather in Oslo?")
    assert len(text) < 30_000
    assert text.startswith("- weather.tell: Tell the weather of a place. Takes: corpus_id")
