"""A gRPC server with blocks of its own, over the real wire, and what a client says to it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.struct_pb2 import Struct
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, QuotaFailure, RetryInfo
from google.rpc.status_pb2 import Status

from conduit.blocks import Block, Catalog, Gate, block, current_call
from conduit.contracts.call import Principal
from conduit.contracts.errors import RateLimited, Unauthenticated
from conduit.contracts.json import Json
from conduit.surfaces.grpc.generated.conduit.v1 import blocks_pb2 as pb
from conduit.surfaces.grpc.generated.conduit.v1.blocks_pb2_grpc import BlockServiceStub
from conduit.surfaces.grpc.limits import USUAL, Limits
from conduit.surfaces.grpc.server import GrpcServer
from conduit.surfaces.grpc.values import put

KEY = "ck-known"
CALLER = Principal("somebody", permissions=frozenset({"*"}))
HOLDER = Principal("holder", "acme", permissions=frozenset({"say.*"}))
DETAILS = (ErrorInfo, BadRequest, QuotaFailure, RetryInfo)


@dataclass(frozen=True, slots=True)
class Said:
    text: str
    times: int = 1


@dataclass(frozen=True, slots=True)
class Count:
    upto: int
    size: int = 0


@dataclass(frozen=True, slots=True)
class Number:
    number: int
    filling: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    total: int


@dataclass(frozen=True, slots=True)
class Deep:
    data: Json


@dataclass
class Annex:
    """What one organisation has for itself."""

    blocks: dict[str, Block[Any, Any]]
    generation: int = 1

    def shelf(self, org_id: str) -> dict[str, Block[Any, Any]]:
        return self.blocks if org_id == HOLDER.org_id else {}


class Blocks:
    """A few blocks, and what happened to them."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.made = 0
        self.free = asyncio.Event()

    def gate(self) -> Gate:
        ids = itertools.count(1)

        @block("say.again", summary="Say it again")
        def again(said: Said) -> Said:
            return Said(said.text * said.times)

        @block("say.who", summary="Say who asks")
        def who(said: Said) -> Said:
            call = current_call()
            return Said(f"{call.principal.subject} {call.correlation_id}")

        @block("wait.long", summary="Wait until let go")
        async def wait(said: Said) -> Said:
            self.begun += 1
            try:
                await self.free.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            return said

        @block("count.up", summary="Count")
        async def count(to: Count) -> AsyncIterator[Number | Counted]:
            try:
                for number in range(to.upto):
                    self.made += 1
                    yield Number(number, "x" * to.size)
                    await asyncio.sleep(0)
                yield Counted(to.upto)
            except (asyncio.CancelledError, GeneratorExit):
                self.cancelled += 1
                raise

        @block("break.down", summary="Fail in a way nobody foresaw")
        def broken(said: Said) -> Said:
            raise ZeroDivisionError("the secret is 42")

        @block("be.limited", summary="Be asked too often")
        def limited(said: Said) -> Said:
            raise RateLimited("five a minute", retry_after_s=2.5, where="key", hint="wait")

        @block("keep.out", summary="Guarded", guarded=True)
        def guarded(said: Said) -> Said:
            return said

        @block("give.deep", summary="Give what is nested")
        def deep(to: Count) -> Deep:
            data: Any = []
            for _ in range(to.upto):
                data = {"a": data}
            return Deep(data)

        @block("say.ours", summary="There for one organisation")
        def ours(said: Said) -> Said:
            return said

        every = (again, who, wait, count, broken, limited, guarded, deep)
        return Gate(Catalog(every, Annex({ours.name: ours})), new_id=lambda: f"call-{next(ids):06}")


def door(key: str) -> Principal:
    if key == KEY:
        return HOLDER
    raise Unauthenticated("this key is not known", where="key", hint="ask for a new one")


class Client:
    """A client of ``BlockService`` with generated stubs."""

    def __init__(self, server: GrpcServer, blocks: Blocks, channel: grpc.aio.Channel) -> None:
        self.server = server
        self.blocks = blocks
        self.channel = channel
        self.stub: Any = BlockServiceStub(channel)

    async def call(self, name: str, data: dict[str, Any] | bytes, **how: Any) -> pb.CallResponse:
        answer: pb.CallResponse = await self.stub.Call(request(name, data), **how)
        return answer

    async def raw(self, method: str, data: bytes, **how: Any) -> bytes:
        answer: bytes = await self.channel.unary_unary(method)(data, **how)
        return answer


def request(name: str, data: dict[str, Any] | bytes) -> pb.CallRequest:
    if isinstance(data, bytes):
        return pb.CallRequest(name=name, json=data)
    made = pb.CallRequest(name=name, input=Struct())
    for field, value in data.items():
        put(made.input.fields[field], value)
    return made


@dataclass(frozen=True)
class Refused:
    """How a call failed: its status, and the details by their kind."""

    code: grpc.StatusCode
    message: str
    info: ErrorInfo
    details: dict[type, Any]


def refused(error: Any) -> Refused:
    """An error of a client, with the details that came along."""
    status = Status()
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            status.ParseFromString(value)
    details: dict[type, Any] = {}
    for packed in status.details:
        for kind in DETAILS:
            if packed.Is(kind.DESCRIPTOR):
                details[kind] = kind()
                packed.Unpack(details[kind])
    assert status.message == error.details()
    return Refused(error.code(), error.details(), details[ErrorInfo], details)


@asynccontextmanager
async def served(limits: Limits = USUAL, **options: int) -> AsyncIterator[Client]:
    """A running server and one client; ``options`` are the client's."""
    blocks = Blocks()
    ids = itertools.count(1)
    server = GrpcServer(
        blocks.gate(), lambda: f"front-{next(ids):06}", caller=CALLER, door=door, limits=limits
    )
    await server.start(0)
    arguments = [(f"grpc.{name}", value) for name, value in options.items()]
    try:
        async with grpc.aio.insecure_channel(server.address, arguments) as channel:
            yield Client(server, blocks, channel)
        await until(lambda: server.front.calls == 0)  # whatever was done: nothing is left
    finally:
        await server.stop()


async def until(fact: Any) -> None:
    """Return once something is so; fail when it is not within 20 s."""
    async with asyncio.timeout(20):
        while not fact():  # noqa: ASYNC110 - a fact tells nobody that it became one
            await asyncio.sleep(0.01)
