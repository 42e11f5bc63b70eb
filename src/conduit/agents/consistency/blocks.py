"""``agent.consistent``: the answer that most of several samples give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from conduit.blocks import Block, Effects, Gate, Length, Range, block, current_call
from conduit.contracts.chat import ChatRequest, Message, Usage
from conduit.contracts.errors import ConduitError
from conduit.models.blocks import ChatCall
from conduit.models.consistency.answers import normalised
from conduit.models.consistency.ballot import MOST_SAMPLES, Ballot, Verdict
from conduit.models.consistency.polling import poll

_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Consistent:
    """A question to ask several times. When the samples agree less than ``escalate_below``, the
    model ``escalate_to`` is asked, once, and its answer is taken."""

    prompt: Annotated[str, Length(1, 100_000), "what to ask"]
    samples: Annotated[int, Range(1, MOST_SAMPLES)] = 5
    temperature: Annotated[float, Range(0, 2)] = 0.7
    system: Annotated[str, Length(0, 100_000), "how to answer"] = ""
    model: Annotated[str, Length(0, 200), "a model, group or alias; empty: the chain"] = ""
    escalate_below: Annotated[float, Range(0, 1), "0: never"] = 0.0
    escalate_to: Annotated[str, Length(0, 200), "the stronger model"] = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer. ``group`` is what it says without its wording; ``error`` is the code of why there
    is none, ``no_answer`` where it says nothing, or ``not_needed`` where it was decided before."""

    text: str
    group: str
    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    cost_micro: int | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Agreed:
    """The answer of the majority, in the words of the first that gave it.

    ``agreement`` is the majority's share of the samples that ended (one that failed agrees with
    nobody), ``uncertainty`` 1 minus that, ``entropy`` from 0 (all the same) to 1 (each another).
    ``dissent`` are the other answers, with how often they were given. ``cost_micro`` is of all
    samples, in millionths of a US dollar.
    """

    text: str
    agreement: float
    uncertainty: float
    entropy: float
    dissent: dict[str, int]
    samples: tuple[Sample, ...]
    escalated: bool
    cost_micro: int


Prices = Callable[[str, str, Usage], int | None]


def consistency_blocks(gate: Gate, prices: Prices) -> tuple[Block[Any, Any], ...]:
    """``agent.consistent``."""

    async def ask(request: Consistent, model: str, temperature: float | None) -> Sample:
        system = (Message("system", request.system),) if request.system else ()
        chat = ChatRequest(
            (*system, Message("user", request.prompt)), model=model, temperature=temperature
        )
        said = await gate.acall("models.complete", ChatCall(chat), current_call().principal)
        usage = said.usage or Usage()
        cost = prices(said.provider, said.model, usage)
        group = normalised(said.text)
        return Sample(
            said.text,
            group,
            said.provider,
            said.model,
            usage.input_tokens,
            usage.output_tokens,
            cost,
            "" if group else "no_answer",
        )

    @block(
        "agent.consistent",
        summary="Ask a model several times and take the answer that most samples give",
        effects=Effects.NETWORK,
    )
    async def consistent(request: Consistent) -> Agreed:
        agree = request.escalate_below if request.escalate_to else 0.0
        ballot = Ballot(request.samples, agree=agree)
        samples: list[Sample] = []
        failed: list[ConduitError] = []

        async def one() -> None:
            try:
                sample = await ask(request, request.model, request.temperature)
            except ConduitError as error:
                failed.append(error)
                sample = _without(error.code)
            samples.append(sample)
            if sample.error:
                ballot.fail()
            else:
                ballot.add(sample.group)

        await poll(ballot, one, _AT_ONCE)
        if failed and not ballot.answers and not request.escalate_to:
            raise failed[-1]
        found = ballot.verdict
        samples += [_without("not_needed")] * (request.samples - len(samples))
        text = next((each.text for each in samples if each.group == found.winner), "")
        escalate = bool(request.escalate_to) and not ballot.agreed
        if escalate:
            try:
                stronger = await ask(request, request.escalate_to, None)
            except ConduitError as error:
                if not text:
                    raise
                stronger = _without(error.code)
                escalate = False  # how little they agree is better than nothing
            samples.append(stronger)
            text = stronger.text if escalate else text
        return _agreed(text, found, samples, escalate)

    return (consistent,)


def _agreed(text: str, found: Verdict, samples: list[Sample], escalated: bool) -> Agreed:
    return Agreed(
        text,
        found.agreement,
        found.uncertainty,
        found.entropy,
        found.dissent,
        tuple(samples),
        escalated,
        sum(each.cost_micro or 0 for each in samples),
    )


def _without(error: str) -> Sample:
    return Sample("", "", "", "", 0, 0, None, error)
