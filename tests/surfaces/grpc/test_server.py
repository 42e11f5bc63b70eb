"""Calls as clients make them: answers, refusals with their details, limits, and leaving."""

from __future__ import annotations

import asyncio
import gzip
import socket
from dataclasses import replace
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToJson
from google.rpc.error_details_pb2 import BadRequest, QuotaFailure, RetryInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc

from conduit.blocks import Catalog, Gate
from conduit.contracts.errors import Unavailable
from conduit.surfaces.grpc.generated.conduit.v1 import blocks_pb2 as pb
from conduit.surfaces.grpc.limits import USUAL
from conduit.surfaces.grpc.server import GrpcServer
from tests.surfaces.grpc.serving import (
    CALLER,
    KEY,
    Blocks,
    Client,
    door,
    refused,
    request,
    served,
    until,
)

CALL = "/conduit.v1.BlockService/Call"


async def test_the_answer_comes_in_the_form_of_the_input() -> None:
    async with served() as client:
        told = await client.call("say.again", {"text": "ho", "times": 3})
        assert told.output.struct_value.fields["text"].string_value == "hohoho"
        told = await client.call("say.again", b'{"text":"ho","times":2}')
        assert told.json == b'{"text":"hoho","times":1}'


async def test_a_key_says_who_calls_and_the_correlation_id_comes_back() -> None:
    async with served() as client:
        shown = (("authorization", f"Bearer {KEY}"), ("x-correlation-id", "my-own-id-1"))
        call = client.stub.Call(request("say.who", {"text": ""}), metadata=shown)
        answer = await call
        said = answer.output.struct_value.fields["text"].string_value
        assert said == "holder my-own-id-1"
        assert dict(await call.trailing_metadata())["x-correlation-id"] == "my-own-id-1"
        shown = (("x-api-key", KEY), ("x-correlation-id", "no good: {}"))
        answer = await client.call("say.who", b'{"text":""}', metadata=shown)
        assert answer.json == b'{"text":"holder front-000001","times":1}'


async def failing(
    client: Client, name: str, data: dict[str, Any] | bytes, **how: Any
) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.call(name, data, **how)
    return caught.value


async def test_who_may_not_is_told_what_is_needed() -> None:
    async with served() as client:
        said = refused(await failing(client, "keep.out", {"text": ""}))
        assert said.code is grpc.StatusCode.PERMISSION_DENIED
        assert said.info.reason == "FORBIDDEN"
        assert "'keep.out'" in said.info.metadata["hint"]
        shown = (("authorization", f"Bearer {KEY}"),)
        said = refused(await failing(client, "wait.long", {"text": ""}, metadata=shown))
        assert said.code is grpc.StatusCode.PERMISSION_DENIED
        assert "holder may not call wait.long" in said.message


async def test_a_wrong_key_and_two_keys_get_nobody_in() -> None:
    async with served() as client:
        wrong = (("authorization", "Bearer ck-wrong"),)
        said = refused(await failing(client, "say.again", {"text": ""}, metadata=wrong))
        assert (said.code, said.info.reason) == (
            grpc.StatusCode.UNAUTHENTICATED,
            "UNAUTHENTICATED",
        )
        two = (("authorization", f"Bearer {KEY}"), ("x-api-key", "ck-wrong"))
        said = refused(await failing(client, "say.again", {"text": ""}, metadata=two))
        assert said.code is grpc.StatusCode.INVALID_ARGUMENT


async def test_blocks_of_an_organisation_are_there_for_nobody_else() -> None:
    async with served() as client:
        shown = (("authorization", f"Bearer {KEY}"),)
        told = await client.call("say.ours", b'{"text":"us"}', metadata=shown)
        assert told.json == b'{"text":"us","times":1}'
        listed = await client.stub.List(pb.ListRequest(), metadata=shown)
        assert [each.name for each in listed.blocks] == ["say.again", "say.ours", "say.who"]
        said = refused(await failing(client, "say.ours", {"text": ""}))
        assert said.code is grpc.StatusCode.NOT_FOUND
        others = await client.stub.List(pb.ListRequest(prefix="say."))
        assert [each.name for each in others.blocks] == ["say.again", "say.who"]


async def test_wrong_fields_are_named() -> None:
    async with served() as client:
        said = refused(await failing(client, "say.again", {"text": 1, "times": "x"}))
        assert said.code is grpc.StatusCode.INVALID_ARGUMENT
        fields = [each.field for each in said.details[BadRequest].field_violations]
        assert fields == ["text", "times"]


async def test_a_rate_limit_says_when_to_try_again() -> None:
    async with served() as client:
        said = refused(await failing(client, "be.limited", {"text": ""}))
        assert said.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert said.details[RetryInfo].retry_delay.ToMilliseconds() == 2500
        assert said.details[QuotaFailure].violations[0].subject == "key"


async def test_what_nobody_foresaw_tells_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    async with served() as client:
        said = refused(await failing(client, "break.down", {"text": ""}))
        assert said.code is grpc.StatusCode.INTERNAL
        assert "42" not in said.message
        assert said.info.metadata["correlation_id"] in said.info.metadata["hint"]
    assert "the secret is 42" in caplog.text


async def test_names_that_are_not_there() -> None:
    async with served() as client:
        said = refused(await failing(client, "say.agan", {"text": ""}))
        assert said.code is grpc.StatusCode.NOT_FOUND
        assert "say.again" in said.message
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.raw("/conduit.v1.BlockService/Cal", b"")
        assert refused(caught.value).code is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    "data",
    [b"\xff\xff\xff", b"\x0a\x02\xff\xfe", b"\x12" + b"\x0a" * 300, b"\x0a\xff\xff\xff\xff\x7f"],
    ids=["no field", "not UTF-8", "endless", "a length that lies"],
)
async def test_bytes_that_are_no_message(data: bytes) -> None:
    async with served() as client:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.raw(CALL, data)
        said = refused(caught.value)
        assert (said.code, said.info.reason) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "MALFORMED_MESSAGE",
        )


async def test_json_that_is_none_and_numbers_that_json_has_not() -> None:
    async with served() as client:
        said = refused(await failing(client, "say.again", b'{"text":'))
        assert said.info.reason == "MALFORMED_JSON"
        said = refused(await failing(client, "say.again", {"text": "", "times": float("nan")}))
        assert said.info.reason == "MALFORMED_JSON"


async def test_what_is_nested_too_deep_is_refused_both_ways() -> None:
    deep = b"[" * 2000 + b"]" * 2000
    async with served() as client:
        said = refused(await failing(client, "say.again", b'{"text":' + deep + b"}"))
        assert said.info.reason in ("MALFORMED_JSON", "INVALID_INPUT")


def inside(tag: int, data: bytes) -> bytes:
    """A field that holds bytes."""
    length = len(data)
    size = bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])
    return bytes([tag << 3 | 2]) + size + data


async def test_a_struct_that_is_nested_too_deep_is_no_message() -> None:
    struct = b""
    for _ in range(200):
        struct = inside(1, inside(1, b"a") + inside(2, inside(5, struct)))
    async with served() as client:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.raw(CALL, inside(1, b"say.again") + inside(2, struct))
        assert refused(caught.value).info.reason == "MALFORMED_MESSAGE"


async def test_an_answer_that_is_nested_too_deep_has_another_form() -> None:
    async with served() as client:
        for levels in (35, 60, 240):
            said = refused(await failing(client, "give.deep", {"upto": levels}))
            assert said.code is grpc.StatusCode.UNAVAILABLE
            assert "`json`" in said.message
        told = await client.call("give.deep", b'{"upto":60}')
        assert told.json.count(b"a") == 60 + 2  # and twice in "data"
        told = await client.call("give.deep", {"upto": 30})
        assert MessageToJson(told.output).count('"a"') == 30


async def test_pinging_without_end_ends_the_connection() -> None:
    async with served() as client:
        reader, writer = await asyncio.open_connection(*client.server.address.split(":"))
        pings = frame(6, b"pingping") * 5
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, b"") + pings)
        async with asyncio.timeout(20):
            received = await reader.read()
        assert b"too_many_pings" in received
        writer.close()


def frame(kind: int, data: bytes) -> bytes:
    """A frame of HTTP/2 that is about the connection."""
    return len(data).to_bytes(3) + bytes([kind, 0]) + bytes(4) + data


async def test_too_large_both_ways() -> None:
    small = replace(USUAL, request_bytes=10_000, reply_bytes=10_000)
    async with served(small) as client:
        error = await failing(client, "say.again", {"text": "x" * 20_000})
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "10000" in error.details()
        said = refused(await failing(client, "say.again", {"text": "x" * 5_000, "times": 3}))
        assert said.info.reason == "TOO_LARGE"
        await client.call("say.again", {"text": "still there"})


async def test_a_compressed_message_is_not_unpacked() -> None:
    small = replace(USUAL, request_bytes=100_000)
    async with served(small) as client:
        bomb = b'{"text":"' + b" " * 10_000_000 + b'"}'
        assert len(gzip.compress(bomb)) < 100_000
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.call("say.again", bomb, compression=grpc.Compression.Gzip)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
        await client.call("say.again", {"text": "still there"})


async def test_who_leaves_ends_the_work() -> None:
    async with served() as client:
        call = client.stub.Call(request("wait.long", {"text": ""}))
        await until(lambda: client.blocks.begun == 1)
        call.cancel()
        await until(lambda: client.blocks.cancelled == 1)


async def test_a_deadline_ends_the_work() -> None:
    async with served() as client:
        error = await failing(client, "wait.long", {"text": ""}, timeout=0.3)
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await until(lambda: client.blocks.cancelled == 1)


async def test_one_call_too_many_is_refused_and_the_next_one_is_not() -> None:
    async with served(replace(USUAL, calls=5)) as client:
        held = [client.stub.Call(request("wait.long", {"text": ""})) for _ in range(4)]
        held.append(client.stub.Stream(pb.StreamRequest(name="wait.long", json=b'{"text":""}')))
        await until(lambda: client.blocks.begun == 5)
        async with grpc.aio.insecure_channel(client.server.address) as another:
            late = Client(client.server, client.blocks, another)
            said = refused(await failing(late, "say.again", {"text": ""}))
            assert (said.code, said.info.reason) == (
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "OVERLOADED",
            )
            assert said.details[RetryInfo].retry_delay.seconds == 1
            client.blocks.free.set()
            await asyncio.gather(*held[:4])
            assert [each.last async for each in held[4]] == [True]
            await late.call("say.again", {"text": ""})


async def test_a_message_that_does_not_come_is_not_waited_for() -> None:
    async with served(replace(USUAL, request_s=0.2)) as client:
        call = client.channel.stream_unary(CALL)()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert refused(caught.value).info.reason == "REQUEST_TIMEOUT"


async def test_a_call_without_a_message() -> None:
    async with served() as client:
        call = client.channel.stream_unary(CALL)()
        await call.done_writing()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert refused(caught.value).info.reason == "MALFORMED_MESSAGE"


def counting(client: Client, upto: int, size: int = 0) -> grpc.aio.UnaryStreamCall:
    wish = b'{"upto":%d,"size":%d}' % (upto, size)
    call: grpc.aio.UnaryStreamCall = client.stub.Stream(
        pb.StreamRequest(name="count.up", json=wish)
    )
    return call


async def test_a_stream_tells_each_and_the_output_last() -> None:
    async with served() as client:
        items = [item async for item in counting(client, 3)]
        assert [item.last for item in items] == [False, False, False, True]
        assert items[3].json == b'{"total":3}'


async def test_a_stream_that_is_left_ends_the_work() -> None:
    async with served() as client:
        call = counting(client, 10**9)
        await call.read()
        call.cancel()
        await until(lambda: client.blocks.cancelled == 1)


async def test_the_work_waits_for_a_slow_reader() -> None:
    async with served() as client:
        call = counting(client, 100_000, 10_000)  # 1 GB, if it did not wait
        await call.read()
        await asyncio.sleep(0.5)
        made = client.blocks.made
        await asyncio.sleep(0.5)
        assert client.blocks.made == made < 50_000
        call.cancel()
        await until(lambda: client.blocks.cancelled == 1)


async def test_a_reader_that_reads_nothing_is_given_up() -> None:
    async with served(replace(USUAL, slowest_reader_s=0.3)) as client:
        call = counting(client, 100_000, 10_000)
        await call.read()
        await until(lambda: client.blocks.cancelled == 1)
        call.cancel()


async def test_a_stop_in_the_middle_of_a_stream() -> None:
    async with served(replace(USUAL, drain_s=0.3)) as client:
        health = health_pb2_grpc.HealthStub(client.channel)
        watch = health.Watch(health_pb2.HealthCheckRequest(service="agent.AgentService"))
        serving = health_pb2.HealthCheckResponse
        assert (await watch.read()).status == serving.SERVING
        call = counting(client, 10**9)
        await call.read()
        stopping = asyncio.create_task(client.server.stop())
        assert (await watch.read()).status == serving.NOT_SERVING
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await to_its_end(call)
        assert caught.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
        await stopping
        await until(lambda: client.blocks.cancelled == 1)


async def to_its_end(call: Any) -> None:
    while await call.read() is not grpc.aio.EOF:
        pass


async def test_a_stop_lets_those_finish_who_can() -> None:
    async with served(replace(USUAL, drain_s=15)) as client:
        call = client.stub.Call(request("wait.long", {"text": "done"}))
        await until(lambda: client.blocks.begun == 1)
        stopping = asyncio.create_task(client.server.stop())
        await asyncio.sleep(0.1)
        client.blocks.free.set()
        answer = await call
        assert answer.output.struct_value.fields["text"].string_value == "done"
        await stopping


async def test_a_stop_in_the_middle_of_a_start() -> None:
    for moment in range(5):
        server = GrpcServer(
            Gate(Catalog(), new_id=lambda: "1"), lambda: "1", caller=CALLER, door=lambda _: CALLER
        )
        starting = asyncio.create_task(server.start(0))
        for _ in range(moment):
            await asyncio.sleep(0)
        starting.cancel()
        await asyncio.wait([starting])
        async with asyncio.timeout(30):
            await server.stop()


async def test_health_is_told_for_each_service() -> None:
    async with served() as client:
        health = health_pb2_grpc.HealthStub(client.channel)
        for name in ("", "agent.AgentService", "conduit.v1.BlockService"):
            told = await health.Check(health_pb2.HealthCheckRequest(service=name))
            assert told.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health.Check(health_pb2.HealthCheckRequest(service="nobody"))
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_list_has_what_the_caller_may_call() -> None:
    async with served() as client:
        listed = await client.stub.List(pb.ListRequest(prefix="s", schemas=True))
        assert [each.name for each in listed.blocks] == ["say.again", "say.who"]
        schema = listed.blocks[0].input_schema
        assert schema["properties"]["times"]["type"] == "integer"
        everything = await client.stub.List(pb.ListRequest())
        assert "keep.out" not in [each.name for each in everything.blocks]
        assert not everything.blocks[0].HasField("input_schema")


async def test_a_hundred_at_once() -> None:
    async with served() as client:
        calls = [client.call("say.again", {"text": str(n), "times": 2}) for n in range(100)]
        answers = await asyncio.gather(*calls)
        texts = [each.output.struct_value.fields["text"].string_value for each in answers]
        assert texts == [str(n) * 2 for n in range(100)]


async def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with served() as client:
            second = GrpcServer(
                Blocks().gate(), lambda: "id", caller=door(KEY), door=door, limits=USUAL
            )
            with pytest.raises(Unavailable, match=rf"port {port}, for gRPC, is in use") as caught:
                await second.start(port)
            assert "--grpc-port" in caught.value.hint
            ours = int(client.server.address.rpartition(":")[2])
            with pytest.raises(Unavailable, match="is in use"):
                await second.start(ours)
            with pytest.raises(Unavailable, match="cannot be used"):
                await second.start(70_000)
            await second.stop()
