"""Asking for a structure: what is sent, what is done about each kind of answer, how often."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from conduit.contracts.chat import (
    ChatRequest,
    ChatResponse,
    Chunk,
    Message,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from conduit.contracts.errors import ProviderBadReply, ProviderRefused, UnparsableOutput
from conduit.mdl import Mdl, Partial
from conduit.mdl.ask import Asking, ShapeRefusals, Structured, ask, ask_stream


@dataclass(frozen=True)
class Summary:
    title: str
    bullets: list[str]


GOOD = '{"title": "T", "bullets": ["a", "b"]}'
VALUE = Summary("T", ["a", "b"])
QUESTION = ChatRequest((Message("system", "Be brief."), Message("user", "U")), max_tokens=9)
MDL = Mdl.of(Summary)
Form = Callable[["Model"], Awaitable[Structured[Summary]]]


class Model:
    """A model that gives the answers it was made with, in turn, and keeps what it was asked."""

    def __init__(self, *answers: str | ChatResponse | ProviderRefused, identity: str = "") -> None:
        self.identity = identity or f"model {id(self)}"
        self.asked: list[ChatRequest] = []
        self._answers = deque(answers)

    async def chat(self, request: ChatRequest) -> ChatResponse:
        self.asked.append(request)
        answer = self._answers.popleft()
        if isinstance(answer, ProviderRefused):
            raise answer
        if isinstance(answer, str):
            answer = ChatResponse(answer, usage=Usage(5, 3))
        return replace(answer, provider="p", model="m")

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        answer = await self.chat(request)
        for at in range(0, len(answer.text), 4):
            yield Chunk(answer.text[at : at + 4], provider="p", model="m")
        for at, call in enumerate(answer.tool_calls):
            yield Chunk(tool_calls=(ToolCallDelta(at, call.id, call.name, call.arguments[:5]),))
            yield Chunk(tool_calls=(ToolCallDelta(at, arguments=call.arguments[5:]),))
        yield Chunk(finish_reason=answer.finish_reason, usage=answer.usage)


async def asked_whole(model: Model) -> Structured[Summary]:
    return await ask(model, MDL, QUESTION, guidance="In French.")


async def asked_as_a_stream(model: Model) -> Structured[Summary]:
    items = [item async for item in ask_stream(model, MDL, QUESTION, guidance="In French.")]
    assert all(isinstance(item, Partial) for item in items[:-1])
    assert isinstance(items[-1], Structured)
    return items[-1]


both = pytest.mark.parametrize("asking", [asked_whole, asked_as_a_stream])
"""Both forms go through one decision, and must agree."""


def refused(status: int) -> ProviderRefused:
    return ProviderRefused("no response_format here", provider="p", status=status)


@both
async def test_the_shape_is_told_in_words_and_natively(asking: Form) -> None:
    model = Model(GOOD)
    found = await asking(model)
    assert found == Structured(VALUE, (), 1, Usage(5, 3), "p", "m")
    (request,) = model.asked
    assert request.output == MDL.schema
    assert request.max_tokens == 9
    system, user = request.messages
    assert system.role == "system"
    assert system.content == f"Be brief.\n\nIn French.\n\n{MDL.prompt}"
    assert user == Message("user", "U")


@both
async def test_broken_text_is_mended_without_asking_again(asking: Form) -> None:
    model = Model("Sure!\n```json\n{'title': 'T', bullets: ['a', 'b',]}\n```")
    found = await asking(model)
    assert (found.value, found.attempts) == (VALUE, 1)
    assert {"around", "quotes", "comma"} <= {repair.kind for repair in found.repairs}


@both
@pytest.mark.parametrize(
    "bad",
    [
        "",
        "   ",
        "I would rather not.",
        "[1, 2]",
        '{"title": "T"}',
        '{"title": "T", "bullets": [{"a": {}}]}',
        '{"titre": "T", "puces": ["a"]}',
        '{"title": "T", "bul',
    ],
)
async def test_what_cannot_be_read_goes_back_with_its_faults(asking: Form, bad: str) -> None:
    model = Model(bad, GOOD)
    found = await asking(model)
    assert (found.value, found.attempts, found.usage) == (VALUE, 2, Usage(10, 6))
    with pytest.raises(UnparsableOutput) as caught:
        MDL.parse(bad)
    first, second = model.asked
    assert second.messages[:2] == first.messages
    shown, told = second.messages[2:]
    assert shown == Message("assistant", bad if bad.strip() else "(nothing)")
    assert told.role == "user"
    assert all(f"- {fault}" in told.content for fault in caught.value.faults)
    assert second.output == MDL.schema


@both
async def test_it_is_asked_again_twice_and_no_more(asking: Form) -> None:
    model = Model("one", "two", "three", GOOD)
    with pytest.raises(
        ProviderBadReply, match="m was asked 3 times and gave no readable Summary"
    ) as caught:
        await asking(model)
    assert len(model.asked) == 3
    assert isinstance(caught.value.__cause__, UnparsableOutput)
    assert [len(request.messages) for request in model.asked] == [2, 4, 4]
    assert "two" in model.asked[2].messages[2].content


async def test_how_often_is_for_the_caller_to_say() -> None:
    model = Model("one", GOOD)
    with pytest.raises(ProviderBadReply, match="was asked once"):
        await ask(model, MDL, QUESTION, re_asks=0)
    assert len(model.asked) == 1


@both
@pytest.mark.parametrize("text", ['{"title": "T", "bul', '{"title": "T", "bullets": ["a", "b'])
async def test_an_answer_cut_off_is_an_error_at_once(asking: Form, text: str) -> None:
    """Also where what came could be read: items of the list would be missing unnoticed."""
    model = Model(ChatResponse(text, finish_reason="length"), GOOD)
    with pytest.raises(ProviderBadReply, match="cut off at the limit of 9 tokens") as caught:
        await asking(model)
    assert "max_tokens" in caught.value.hint
    assert len(model.asked) == 1


@both
async def test_a_value_that_was_whole_before_the_limit_is_taken(asking: Form) -> None:
    model = Model(ChatResponse(GOOD + " And so", finish_reason="length"))
    assert (await asking(model)).value == VALUE


@both
@pytest.mark.parametrize("text", ["I cannot help with that.", GOOD, ""])
async def test_a_model_that_declines_is_not_asked_again(asking: Form, text: str) -> None:
    model = Model(ChatResponse(text, finish_reason="content_filter"), GOOD)
    with pytest.raises(ProviderRefused, match=r"declined to answer") as caught:
        await asking(model)
    assert caught.value.hint
    assert len(model.asked) == 1


@both
async def test_a_model_that_answers_by_a_call_is_understood(asking: Form) -> None:
    call = ToolCall("1", "Summary", GOOD)
    model = Model(ChatResponse("", (call,), "tool_calls"))
    assert (await asking(model)).value == VALUE
    model = Model(ChatResponse(GOOD, (ToolCall("1", "look", "{}"),), "tool_calls"))
    assert (await asking(model)).value == VALUE


@both
@pytest.mark.parametrize("status", [400, 422])
async def test_a_refusal_of_the_native_mode_is_remembered(asking: Form, status: int) -> None:
    first = Model(refused(status), GOOD, identity=f"{asking.__name__} {status}")
    found = await asking(first)
    assert (found.value, found.attempts, found.usage) == (VALUE, 2, Usage(5, 3))
    assert [request.output for request in first.asked] == [MDL.schema, None]
    again = Model(GOOD, identity=first.identity)
    assert (await asking(again)).attempts == 1
    assert again.asked[0].output is None


@both
@pytest.mark.parametrize("status", [401, 404, 413, 429, 500])
async def test_other_refusals_are_not_about_the_shape(asking: Form, status: int) -> None:
    model = Model(refused(status), GOOD)
    with pytest.raises(ProviderRefused):
        await asking(model)
    assert len(model.asked) == 1


@both
async def test_a_request_refused_either_way_teaches_nothing(asking: Form) -> None:
    model = Model(refused(400), refused(400), identity=f"never {asking.__name__}")
    with pytest.raises(ProviderRefused):
        await asking(model)
    assert len(model.asked) == 2
    later = Model(GOOD, identity=model.identity)
    await asking(later)
    assert later.asked[0].output == MDL.schema


def test_what_is_remembered_of_refusals_is_bounded() -> None:
    refusals = ShapeRefusals()
    for at in range(1100):
        refusals.add(f"model {at}", "Summary")
    assert not refusals.knows("model 0", "Summary")
    assert refusals.knows("model 1099", "Summary")
    assert not refusals.knows("model 1099", "Other")


def test_a_huge_bad_answer_does_not_make_a_huge_request() -> None:
    asking = Asking(MDL, QUESTION, "huge", refusals=ShapeRefusals())
    asking.next_request()
    faults = {f"k{at}": at for at in range(50_000)}
    assert asking.answered(ChatResponse(json.dumps(faults))) is None
    assert sum(len(message.content) for message in asking.next_request().messages) < 10_000


async def test_views_begin_anew_with_the_second_answer() -> None:
    model = Model('{"title": "Wrong", "bullets": [{"a": {}}]}', GOOD)
    titles = []
    async for item in ask_stream(model, MDL, QUESTION):
        if isinstance(item, Partial):
            titles.append(item.get("title"))
    assert "Wrong" in titles
    assert titles[-1] == "T"
