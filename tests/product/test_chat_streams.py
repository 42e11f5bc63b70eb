"""``llm.chat`` told as it comes: over HTTP, gRPC, MIDI 2.0 and OSC, from one server."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any

import grpc
import httpx
import pytest

from conduit.contracts.errors import ConduitError
from conduit.surfaces.flex.asking import Wire as MidiWire
from conduit.surfaces.flex.asking import ask as ask_by_midi
from conduit.surfaces.flex.envelope import Envelope
from conduit.surfaces.grpc.generated.conduit.v1 import blocks_pb2
from conduit.surfaces.grpc.generated.conduit.v1.blocks_pb2_grpc import BlockServiceStub
from conduit.surfaces.osc.asking import Told
from conduit.surfaces.osc.asking import ask as ask_by_osc
from conduit.surfaces.osc.wire import Message
from tests.fakes.upstream import Answer, FakeUpstream, ToolUse
from tests.product.answers import Event, error_in, events, refused
from tests.product.raw import Wire, request
from tests.product.server import Server, serving
from tests.product.waiting import settled

SSE = {"accept": "text/event-stream"}
SAID = "Four on the floor, and the hats a little late."
HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}]}
numbers = itertools.count()


@pytest.fixture(scope="module")
def server(upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    lines = ["providers:"]
    for priority, (name, path, model) in enumerate(
        (
            ("first", "/v1", "fake-1"),
            ("second", "/v1", "fake-2"),
            ("stall", "/stall/v1", "fake-3"),
            ("cut", "/drop_mid_stream/v1", "fake-3"),
        ),
        1,
    ):
        lines += [
            f"  {name}:",
            "    type: openai_compatible",
            f"    base_url: {upstream.url}{path}",
            f"    model: {model}",
            f"    priority: {priority}",
        ]
    folder = tmp_path_factory.mktemp("streams")
    (folder / "home").mkdir()
    (folder / "home" / "flex.yaml").write_text('strangers: {here: ["*"]}\n')
    with serving(folder, "\n".join(lines), flex=True, osc=True) as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh(upstream: FakeUpstream) -> None:
    upstream.answers.clear()
    upstream.requests.clear()
    upstream.script.clear()


def streamed(http: httpx.Client, body: dict[str, Any]) -> list[Event]:
    with http.stream("POST", "/chat", json=body, headers=SSE) as reply:
        assert (reply.status_code, reply.headers["content-type"]) == (
            200,
            "text/event-stream; charset=utf-8",
        ), reply.read()
        return list(events(reply.iter_lines()))


def said_in(told: list[Event]) -> str:
    return "".join(each.data["text"] for each in told if each.name == "text")


def test_text_comes_in_pieces_and_the_same_answer_as_a_whole(
    http: httpx.Client, upstream: FakeUpstream
) -> None:
    upstream.answers.extend([Answer(SAID), Answer(SAID)])
    told = streamed(http, HELLO)
    names = [each.name for each in told]
    assert (names[0], names[-1], set(names[1:-1])) == ("provider", "output", {"text"})
    assert len(names) > 5
    assert told[0].data == {"provider": "first", "model": "fake-1", "failures": []}
    assert said_in(told) == SAID
    whole = http.post("/chat", json=HELLO).json()
    ours = told[-1].data
    for name in ("choices", "model", "provider", "usage", "object"):
        assert ours[name] == whole[name], name
    assert ours["usage"]["total_tokens"] > 0
    assert [bool(each.body.get("stream")) for each in upstream.requests] == [True, False]
    assert {each.body["model"] for each in upstream.requests} == {"fake-1"}

    settled(lambda: len(http.get("/usage/recent").json()["records"]) == 2)
    metered = http.get("/usage/recent").json()["records"]
    tokens = {(each["input_tokens"], each["output_tokens"]) for each in metered}
    assert tokens == {(ours["usage"]["prompt_tokens"], ours["usage"]["completion_tokens"])}


def test_functions_are_offered_and_named_as_their_caller_knows_them(
    http: httpx.Client, upstream: FakeUpstream
) -> None:
    upstream.answers.append(Answer("", (ToolUse("groove_render", {"bars": 8}),)))
    told = streamed(http, HELLO | {"functions": ["groove.render"]})
    choice = told[-1].data["choices"][0]
    call = choice["message"]["function_call"]
    assert (call["name"], json.loads(call["arguments"])) == ("groove.render", {"bars": 8})
    assert choice["finish_reason"] == "function_call"
    assert said_in(told) == ""


def test_somebody_else_answers_before_the_first_word_and_nobody_after_it(
    http: httpx.Client, upstream: FakeUpstream
) -> None:
    upstream.fail("fake-1", "drop_before_token", "drop_before_token")
    upstream.answers.append(Answer(SAID))
    told = streamed(http, HELLO)
    assert told[0].data["provider"] == "second"
    assert {each["provider"] for each in told[0].data["failures"]} == {"first"}
    assert said_in(told) == SAID

    asked = len(upstream.requests)
    told = streamed(http, HELLO | {"model": "cut"})
    assert told[-1].name == "error"
    assert error_in(told[-1].data, "stream_interrupted")
    assert said_in(told)
    assert len(upstream.requests) == asked + 1


def test_a_refusal_before_the_first_word_is_a_plain_one(http: httpx.Client) -> None:
    for body, status, code in (
        ({"messages": []}, 400, "invalid_input"),
        (HELLO | {"functions": ["groove.rendr"]}, 400, "invalid_input"),
        (HELLO | {"model": "nobody/at-all"}, 404, "not_found"),
        ({"messages": [{"role": "nobody"}]}, 400, "invalid_input"),
    ):
        refused(http.post("/chat", json=body, headers=SSE), status, code)


def test_who_leaves_ends_the_call_of_the_model(
    server: Server, http: httpx.Client, upstream: FakeUpstream
) -> None:
    stalling = HELLO | {"model": "stall"}
    with http.stream("POST", "/chat", json=stalling, headers=SSE) as reply:
        lines = reply.iter_lines()  # held on to: whoever lets go of them leaves
        next(line for line in lines if "text" in line)
        assert not upstream.requests[0].hung_up
    settled(lambda: upstream.requests[0].hung_up)
    with Wire(server.port) as wire:  # so it is for who waits for all of it
        wire.send(*request("/chat", stalling))
        settled(lambda: len(upstream.requests) == 2)
    settled(lambda: upstream.requests[1].hung_up)
    with grpc.insecure_channel(server.grpc) as channel:
        call = over_grpc(channel, stalling)
        assert "provider" in json.loads(next(call).json)
        assert "text" in json.loads(next(call).json)
        call.cancel()
    settled(lambda: len(upstream.requests) == 3 and upstream.requests[2].hung_up)


def over_grpc(channel: grpc.Channel, body: dict[str, Any]) -> Any:
    stub: Any = BlockServiceStub(channel)
    asked = blocks_pb2.StreamRequest(name="llm.chat", json=json.dumps(body).encode())
    return stub.Stream(asked, timeout=30)


def test_grpc_streams_it_by_itself(server: Server, upstream: FakeUpstream) -> None:
    upstream.answers.append(Answer(SAID))
    with grpc.insecure_channel(server.grpc) as channel:
        told = [(each.last, json.loads(each.json)) for each in over_grpc(channel, HELLO)]
    assert "".join(data.get("text", "") for _, data in told) == SAID
    assert [last for last, _ in told] == [False] * (len(told) - 1) + [True]
    assert told[-1][1]["choices"][0]["message"]["content"] == SAID


def by_midi(
    server: Server, intent: str, body: Any, corr: str = ""
) -> AsyncGenerator[Envelope, None]:
    host, _, port = server.flex.partition(":")
    now_ms = time.time_ns() // 1_000_000
    asked = Envelope(now_ms, corr or f"c{next(numbers)}", intent, body)
    return ask_by_midi(MidiWire(host, int(port)), asked, patience_s=30)


def by_osc(server: Server, body: Any) -> AsyncGenerator[Told, None]:
    host, _, port = server.osc.partition(":")
    corr = f"c{next(numbers)}"
    asked = Message("/conduit/llm/chat", (json.dumps(body), corr))
    return ask_by_osc(host, int(port), asked, corr, patience_s=30)


@pytest.mark.parametrize("said", [SAID, " ".join(f"word{number}" for number in range(300))])
async def test_devices_and_hosts_are_told_it_as_progress(
    server: Server, upstream: FakeUpstream, said: str
) -> None:
    upstream.answers.extend([Answer(said), Answer(said)])
    by_device = [(each.intent, each.body) async for each in by_midi(server, "llm.chat", HELLO)]
    by_host = [(each.kind, each.value) async for each in by_osc(server, HELLO)]
    for told in (by_device, by_host):
        kinds = [kind for kind, _ in told]
        assert (kinds[0], kinds[-1], set(kinds[1:-1])) == ("ack", "result", {"progress"})
        first, *rest = (body for kind, body in told if kind == "progress")
        assert first["event"]["provider"] == "first"
        assert "".join(each["text"] for each in rest) == said
        assert told[-1][1]["choices"][0]["message"]["content"] == said
        if said is not SAID:  # gathered, and told before all of it was there
            assert 1 < len(rest) < 20


async def test_what_is_cancelled_or_left_ends_the_call_of_the_model(
    server: Server, upstream: FakeUpstream
) -> None:
    stalling = HELLO | {"model": "stall"}
    async with aclosing(by_midi(server, "llm.chat", stalling, "long")) as told:
        assert (await anext(told)).intent == "ack"
        assert "event" in (await anext(told)).body
        assert (await anext(told)).body["text"], "before there is any more"
        async with aclosing(by_midi(server, "cancel", {"corr": "long"})) as ended:
            assert (await anext(ended)).body == {"status": 200}
        with pytest.raises(ConduitError, match="it was cancelled"):
            _ = [each async for each in told]
    await asyncio.to_thread(settled, lambda: upstream.requests[0].hung_up)

    async with aclosing(by_osc(server, stalling)) as heard:
        assert (await anext(heard)).kind == "ack"
        assert "event" in (await anext(heard)).value
        assert (await anext(heard)).value["text"]
        await asyncio.to_thread(server.stop)  # with a call of its own going on
    await asyncio.to_thread(settled, lambda: upstream.requests[1].hung_up)
    await asyncio.to_thread(server.start)
