"""Several answers to one question: what they mean, who has the majority, and what follows."""

from __future__ import annotations

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.agents.consistency.blocks import Agreed, Consistent, consistency_blocks
from conduit.agents.reward import difficulty, reward, tool_complexity
from conduit.blocks import Catalog, Effects, Gate, block
from conduit.contracts.chat import ChatResponse, Usage
from conduit.contracts.errors import ConduitError, ProviderTimeout
from conduit.models.blocks import ChatCall
from conduit.telemetry.ids import IdMaker


def gate_of(*answers: str | ConduitError) -> tuple[Gate, list[ChatCall]]:
    asked: list[ChatCall] = []

    @block("models.complete", summary="Answer", effects=Effects.NETWORK)
    async def complete(call: ChatCall) -> ChatResponse:
        asked.append(call)
        if call.request.model == "broken":
            raise ProviderTimeout("silent", provider="p")
        if call.request.model == "strong":
            return ChatResponse("The answer is 7.", provider="p", model="strong", usage=Usage(5, 5))
        if len(asked) > len(answers):
            await asyncio.Event().wait()  # one that never answers
        said = answers[len(asked) - 1]
        if isinstance(said, ConduitError):
            raise said
        return ChatResponse(said, provider="p", model="weak", usage=Usage(10, 2))

    gate = Gate(Catalog([complete]), new_id=IdMaker())
    for each in consistency_blocks(gate, lambda provider, model, usage: usage.input_tokens):
        gate.catalog.add(each)
    return gate, asked


async def consistent(gate: Gate, **more: object) -> Agreed:
    found = await gate.acall("agent.consistent", Consistent("6*7?", **more))  # type: ignore[arg-type]  # fields by name
    assert isinstance(found, Agreed)
    return found


async def test_the_majority_answers_in_the_words_of_the_first() -> None:
    gate, asked = gate_of("It is 41.", "The answer is 42", "42.0", "\\boxed{42}", "40")
    found = await consistent(gate, samples=5)
    assert found.text == "The answer is 42"
    assert found.agreement == pytest.approx(3 / 4)  # the fifth could change nothing
    assert found.uncertainty == pytest.approx(1 / 4)
    assert found.dissent == {"it is 41": 1}
    assert found.samples[-1].error == "not_needed"
    assert found.cost_micro == 40
    assert all(call.request.temperature == 0.7 for call in asked)


async def test_no_more_is_asked_when_it_is_decided() -> None:
    gate, asked = gate_of(*["42"] * 9)
    found = await consistent(gate, samples=16)
    assert found.agreement == 1
    assert found.entropy == 0
    assert len(asked) <= 9 + 4  # four at a time
    assert [each.error for each in found.samples] == [""] * 9 + ["not_needed"] * 7


async def test_a_sample_that_fails_is_no_answer() -> None:
    gate, _ = gate_of("1", ProviderTimeout("silent", provider="p"), "1")
    found = await consistent(gate, samples=3)
    assert found.text == "1"
    gate, _ = gate_of(*[ProviderTimeout("silent", provider="p")] * 3)
    with pytest.raises(ProviderTimeout):
        await consistent(gate, samples=3)


async def test_little_agreement_asks_somebody_stronger() -> None:
    gate, asked = gate_of("1", "2", "3")
    found = await consistent(gate, samples=3, escalate_below=0.5, escalate_to="strong")
    assert found.escalated
    assert found.text == "The answer is 7."
    assert [call.request.model for call in asked] == ["", "", "", "strong"]
    assert found.cost_micro == 35
    gate, asked = gate_of("1", "1", "3")
    found = await consistent(gate, samples=3, escalate_below=0.5, escalate_to="strong")
    assert not found.escalated


async def test_when_the_stronger_fails_there_is_still_the_majority() -> None:
    gate, _ = gate_of("1", "2", "1")
    found = await consistent(gate, samples=3, escalate_below=0.9, escalate_to="broken")
    assert (found.text, found.escalated) == ("1", False)
    assert found.samples[-1].error == "provider_timeout"
    gate, _ = gate_of(*[ProviderTimeout("silent", provider="p")] * 3)
    with pytest.raises(ProviderTimeout):
        await consistent(gate, samples=3, escalate_below=0.9, escalate_to="broken")


SHARE = st.floats(0, 1)
TOOLS = st.lists(st.tuples(st.sampled_from("abc"), SHARE), max_size=10)


@given(SHARE, TOOLS, st.integers(0, 10**12))
def test_a_reward_is_the_weighted_sum_of_its_parts(
    uncertainty: float, tools: list[tuple[str, float]], cost: int
) -> None:
    found = reward(uncertainty, tools, cost)
    assert 0 <= found.total <= 1
    parts = 0.5 * uncertainty + 0.3 * tool_complexity(tools) + 0.2 / (1 + cost / 1e6)
    assert math.isclose(found.total, parts, abs_tol=1e-12)


def test_what_is_harder_and_more_varied_is_worth_more() -> None:
    assert difficulty(Effects.NONE) < difficulty(Effects.READS) < difficulty(Effects.NETWORK)
    assert difficulty(Effects.READS | Effects.RUNS_COMMANDS) == 1
    assert tool_complexity([("a", 0.5), ("b", 0.5)]) > tool_complexity([("a", 0.5), ("a", 0.5)])
    assert reward(0, [], 0).total == pytest.approx(0.2)
    assert reward(1, [("a", 1.0)], 0).total == 1
