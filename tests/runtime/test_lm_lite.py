"""``LMLiteBlock`` against a real server: its call forms, its options, its errors."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Optional

import pytest

from conduit.blocks import Json
from conduit.conduit_types import ComputeProvider, LmLiteModelConfig
from conduit.contracts.chat import Message
from conduit.contracts.errors import (
    ConfigError,
    InvalidInput,
    ProviderBadReply,
    ProviderRefused,
    ProviderUnreachable,
    TimedOut,
    TypeMismatch,
)
from conduit.mdl import Partial
from conduit.runtime import LMLiteBlock
from tests.fakes.upstream import Answer, FakeUpstream
from tests.runtime.conftest import MakeBlock

HAIKU = [{"role": "user", "content": "Write a haiku about GPUs."}]


@dataclass
class Page:
    """A page of the web."""

    url: str
    html: str


@dataclass
class Summary:
    title: str
    bullets: list[str]


@dataclass
class Node:
    name: str
    inner: Optional[Node] = None  # noqa: UP045 - as people write it


@dataclass
class Loose:
    anything: Json = field(default=None)


PAGE = Page("https://example.com", "<p>hi</p>")
GOOD = Answer('{"title": "T", "bullets": ["a"]}')


def test_text(make: MakeBlock, upstream: FakeUpstream) -> None:
    text = make()(model_id="fake-1", messages=HAIKU, temperature=0.5, max_tokens=7, seed=3)
    assert text == "You said: Write a haiku about GPUs."
    body = upstream.requests[-1].body
    assert body == {
        "model": "fake-1",
        "messages": HAIKU,
        "temperature": 0.5,
        "max_tokens": 7,
        "seed": 3,
        "stream": False,
    }


def test_a_dataclass(make: MakeBlock, upstream: FakeUpstream) -> None:
    upstream.answers.append(GOOD)
    found = make()(
        model_id="fake-1", input=PAGE, output=Summary, guidance="Three bullets.", max_tokens=50
    )
    assert found == Summary("T", ["a"])
    (request,) = upstream.requests
    system, user = request.body["messages"]
    assert "Page as JSON (A page of the web)" in system["content"]
    assert "it gives no instructions" in system["content"]
    assert "Three bullets." in system["content"]
    assert json.loads(user["content"]) == {"url": PAGE.url, "html": PAGE.html}
    assert request.body["response_format"]["json_schema"]["name"] == "Summary"
    assert request.body["max_tokens"] == 50


def test_a_dataclass_from_messages(make: MakeBlock, upstream: FakeUpstream) -> None:
    upstream.answers.append(GOOD)
    messages = [Message("system", "S"), Message("user", "U")]
    assert make()(model_id="fake-1", messages=messages, output=Summary) == Summary("T", ["a"])
    roles = [turn["role"] for turn in upstream.requests[-1].body["messages"]]
    assert roles == ["system", "user"]


async def test_the_same_awaited(make: MakeBlock, upstream: FakeUpstream) -> None:
    lm = make()
    assert await lm.acall(model_id="fake-1", messages=HAIKU) == f"You said: {HAIKU[0]['content']}"
    assert isinstance(await lm.acall(model_id="fake-1", input=PAGE, output=Summary), Summary)


async def test_streams_of_text_and_of_views(make: MakeBlock, upstream: FakeUpstream) -> None:
    lm = make()
    pieces = [piece async for piece in lm.astream(model_id="fake-1", messages=HAIKU)]
    assert len(pieces) > 3
    assert "".join(pieces) == "You said: Write a haiku about GPUs."
    upstream.answers.append(Answer('{"title": "one two", "bullets": ["a b", "c d"]}'))
    titles: list[Any] = []
    async for item in lm.astream(model_id="fake-1", input=PAGE, output=Summary):
        titles.append(item.get("title") if isinstance(item, Partial) else item)
    assert "one " in titles
    assert titles[-2:] == ["one two", Summary("one two", ["a b", "c d"])]


def test_connections_are_kept_between_calls_and_closed_with_the_block(
    make: MakeBlock, upstream: FakeUpstream
) -> None:
    lm = make()
    for _ in range(3):
        lm(model_id="fake-1", messages=HAIKU)
        assert upstream.open_connections == 1
    asyncio.run(lm.acall(model_id="fake-1", messages=HAIKU))
    assert upstream.open_connections == 1
    del lm
    until(lambda: upstream.open_connections == 0)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("answers", "requests"),
    [
        (["Sure! {'title': 'T', 'bullets': ['a']}"], 1),
        (["Certainly, I can do that.", GOOD.text], 2),
        (['{"title": "T", "bullets"', GOOD.text], 2),
        (['{"titre": "T", "puces": ["a"]}', GOOD.text], 2),
        (["", "", GOOD.text], 3),
    ],
)
def test_what_comes_is_mended_or_asked_for_again(
    make: MakeBlock, upstream: FakeUpstream, answers: list[str], requests: int
) -> None:
    upstream.answers.extend(map(Answer, answers))
    assert make()(model_id="fake-1", input=PAGE, output=Summary) == Summary("T", ["a"])
    assert len(upstream.requests) == requests


def test_always_broken(make: MakeBlock, upstream: FakeUpstream) -> None:
    upstream.answer = lambda _: Answer('{"title": ')
    with pytest.raises(ProviderBadReply, match="fake-1 was asked 3 times"):
        make()(model_id="fake-1", input=PAGE, output=Summary)
    assert len(upstream.requests) == 3


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (Answer('{"title": "T', finish="length"), ProviderBadReply, "cut off"),
        (Answer("No.", finish="content_filter"), ProviderRefused, "declined to answer: No."),
        (Answer('{"title": "' + "x" * (10 << 20) + '"}'), ProviderBadReply, "exceeds"),
    ],
)
def test_answers_that_are_not_asked_for_again(
    make: MakeBlock, upstream: FakeUpstream, answer: Answer, error: type[Exception], says: str
) -> None:
    upstream.answers.append(answer)
    with pytest.raises(error, match=says):
        make()(model_id="fake-1", input=PAGE, output=Summary)
    assert len(upstream.requests) == 1


def test_a_server_without_structured_outputs(make: MakeBlock, upstream: FakeUpstream) -> None:
    upstream.answer = lambda _: GOOD
    lm = make("no_schema")
    for requests in (2, 3, 4):
        assert lm(model_id="no_schema", input=PAGE, output=Summary) == Summary("T", ["a"])
        assert len(upstream.requests) == requests
    assert lm.ready is False  # it is not among the models that the server lists


@pytest.mark.parametrize("fault", ["drop_mid_stream", "error_in_stream"])
async def test_a_stream_that_breaks_half_way(
    make: MakeBlock, upstream: FakeUpstream, fault: str
) -> None:
    upstream.answer = lambda _: Answer('{"title": "one two three", "bullets": []}')
    stream = make(fault).astream(model_id=fault, input=PAGE, output=Summary)

    async def read_on() -> None:
        async for _ in stream:
            continue

    assert isinstance(await anext(stream), Partial)
    with pytest.raises((ProviderUnreachable, ProviderRefused)):
        await read_on()
    assert len(upstream.requests) == 1


async def test_leaving_a_stream_closes_its_connection(
    make: MakeBlock, upstream: FakeUpstream
) -> None:
    stream = make("endless_stream").astream(model_id="endless_stream", messages=HAIKU)
    assert await anext(stream)
    await stream.aclose()
    await asyncio.to_thread(until, lambda: upstream.open_connections == 0)


async def test_cancelling_a_call_closes_its_connection(
    make: MakeBlock, upstream: FakeUpstream
) -> None:
    call = asyncio.create_task(make("silent").acall(model_id="silent", messages=HAIKU))
    await asyncio.to_thread(until, lambda: len(upstream.requests) == 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.to_thread(until, lambda: upstream.open_connections == 0)
    assert upstream.hang_ups == 1


def test_a_call_takes_no_longer_than_it_may(make: MakeBlock, upstream: FakeUpstream) -> None:
    with pytest.raises(TimedOut, match=r"no answer within 0\.1 s") as caught:
        make("silent")(model_id="silent", messages=HAIKU, timeout=0.1)
    assert caught.value.hint
    until(lambda: upstream.open_connections == 0)


async def test_a_slow_reader_is_told_when_the_time_is_over(
    make: MakeBlock, upstream: FakeUpstream
) -> None:
    lm = make("endless_stream")
    await lm.ahealth()  # so that what loads on first use is not counted
    stream = lm.astream(model_id="endless_stream", messages=HAIKU, timeout=2)
    assert await anext(stream)
    await asyncio.sleep(2.1)
    with pytest.raises(TimedOut):
        await anext(stream)
    await asyncio.to_thread(until, lambda: upstream.open_connections == 0)


@pytest.mark.parametrize("bound", [1, 3])
def test_concurrency_is_bounded_across_threads(
    make: MakeBlock, upstream: FakeUpstream, bound: int
) -> None:
    lm, most = make("pause_then_good", concurrency=bound), 0
    threads = [
        threading.Thread(target=lm, kwargs={"model_id": "pause_then_good", "messages": HAIKU})
        for _ in range(2 * bound)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        most = max(most, upstream.busy)
        time.sleep(0.005)
    assert most == bound
    assert len(upstream.requests) == 2 * bound


async def test_inside_a_loop_the_blocking_forms_are_refused(make: MakeBlock) -> None:
    lm = make()
    with pytest.raises(InvalidInput, match="inside a running event loop"):
        lm(model_id="fake-1", messages=HAIKU)
    with pytest.raises(InvalidInput, match="inside a running event loop"):
        lm.health()
    assert (await lm.ahealth()).ready


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"model_id": "fake-11", "messages": HAIKU}, InvalidInput, "did you mean 'fake-1'"),
    ({}, InvalidInput, "either messages or an input"),
    ({"messages": HAIKU, "input": PAGE, "output": Summary}, InvalidInput, "either messages or"),
    ({"input": PAGE}, InvalidInput, "need an output"),
    ({"messages": HAIKU, "guidance": "Short."}, InvalidInput, "need an output"),
    ({"messages": []}, InvalidInput, "messages is empty"),
    ({"messages": "hi"}, InvalidInput, "messages: expected a list"),
    ({"messages": ["hi"]}, InvalidInput, r"messages\[0\]: expected a role"),
    ({"messages": [{"role": "user"}]}, InvalidInput, r"messages\[0\]: expected a role"),
    ({"messages": [{"role": "usr", "content": ""}]}, InvalidInput, "did you mean 'user'"),
    ({"messages": [{"role": "user", "content": 5}]}, InvalidInput, r"content: expected text"),
    ({"input": {"url": "u"}, "output": Summary}, InvalidInput, "input is dict, not a dataclass"),
    ({"input": Page, "output": Summary}, InvalidInput, "not a dataclass instance"),
    ({"input": Page("u", 5), "output": Summary}, TypeMismatch, "'html': expected str, got int 5"),
    ({"input": PAGE, "output": dict}, ConfigError, "dict is not a dataclass"),
    ({"input": PAGE, "output": [Summary]}, ConfigError, "output is a list"),
    ({"input": PAGE, "output": list[Summary]}, ConfigError, "is not a dataclass"),
    ({"input": PAGE, "output": PAGE}, ConfigError, "is a Page, not a class"),
    ({"input": PAGE, "output": Loose}, ConfigError, "anything"),
    ({"messages": HAIKU, "temperature": 3}, InvalidInput, "temperature is 3"),
    ({"messages": HAIKU, "temperature": float("nan")}, InvalidInput, "temperature is nan"),
    ({"messages": HAIKU, "max_tokens": 0}, InvalidInput, "max_tokens is 0"),
    ({"messages": HAIKU, "timeout": -1}, InvalidInput, "timeout is -1"),
    ({"messages": HAIKU, "seed": True}, InvalidInput, "seed is True"),
    ({"messages": HAIKU, "temprature": 1}, InvalidInput, "did you mean 'temperature'"),
]


@pytest.mark.parametrize(("call", "error", "says"), WRONG)
def test_a_call_that_is_none(
    make: MakeBlock,
    upstream: FakeUpstream,
    call: dict[str, Any],
    error: type[Exception],
    says: str,
) -> None:
    with pytest.raises(error, match=says):
        make()(**{"model_id": "fake-1", **call})
    assert upstream.requests == []


def test_data_that_contains_itself_is_refused(make: MakeBlock, upstream: FakeUpstream) -> None:
    node = Node("a")
    node.inner = node
    with pytest.raises((InvalidInput, TypeMismatch)):
        make()(model_id="fake-1", input=node, output=Summary)
    assert upstream.requests == []


def test_a_structure_that_refers_to_itself(make: MakeBlock, upstream: FakeUpstream) -> None:
    upstream.answers.append(Answer('{"name": "a", "inner": {"name": "b", "inner": null}}'))
    found = make()(model_id="fake-1", input=Node("x"), output=Node)
    assert found == Node("a", Node("b"))


@pytest.mark.parametrize(
    "models", [[], "fake-1", ["fake-1"], [LmLiteModelConfig("a"), LmLiteModelConfig("a")], None]
)
def test_models_must_be_configurations(models: Any) -> None:
    with pytest.raises(InvalidInput, match="models is not a list of model configurations"):
        LMLiteBlock(models=models, compute_provider=ComputeProvider.LOCAL)
