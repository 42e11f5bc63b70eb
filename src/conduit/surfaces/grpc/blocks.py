"""``conduit.v1.BlockService``: every block by its name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from conduit.blocks import Gate, dumps, loads
from conduit.blocks.catalog import BlockInfo
from conduit.contracts.call import Principal
from conduit.surfaces.grpc.generated.conduit.v1 import blocks_pb2 as pb
from conduit.surfaces.grpc.service import Caller, Method
from conduit.surfaces.grpc.values import fits, of_struct, put, require_fit, schema_struct

SERVICE = "conduit.v1.BlockService"


def block_methods(gate: Gate) -> list[Method]:
    async def call(request: pb.CallRequest, caller: Caller) -> pb.CallResponse:
        await gate.catalog.made(request.name)
        made = await gate.acall(
            request.name,
            _input(gate, request, caller),
            caller.principal,
            correlation_id=caller.correlation_id,
        )
        response = pb.CallResponse()
        if request.WhichOneof("form") == "json":
            response.json = dumps(made)
        else:
            put(response.output, _plain(made))
        return response

    async def stream(
        request: pb.StreamRequest, caller: Caller
    ) -> AsyncGenerator[pb.StreamResponse, None]:
        await gate.catalog.made(request.name)
        data = _input(gate, request, caller)
        ends = gate.catalog.of(caller.principal.org_id).get(request.name).output_classes
        as_json = request.WhichOneof("form") == "json"
        items = gate.stream(
            request.name, data, caller.principal, correlation_id=caller.correlation_id
        )
        async with aclosing(items):
            async for item in items:
                response = pb.StreamResponse(last=isinstance(item, ends))
                if as_json:
                    response.json = dumps(item)
                else:
                    put(response.item, _plain(item))
                yield response

    async def list_blocks(request: pb.ListRequest, caller: Caller) -> pb.ListResponse:
        return await asyncio.to_thread(_listed, gate, request, caller.principal)

    return [
        Method(f"/{SERVICE}/Call", pb.CallRequest, answer=call),
        Method(f"/{SERVICE}/Stream", pb.StreamRequest, tell=stream),
        Method(f"/{SERVICE}/List", pb.ListRequest, answer=list_blocks),
    ]


def _listed(gate: Gate, request: pb.ListRequest, who: Principal) -> pb.ListResponse:
    """What the caller may call now. An organisation may have thousands of blocks of its own."""
    response = pb.ListResponse()
    catalog = gate.catalog.of(who.org_id)
    for each in catalog:
        if each.name.startswith(request.prefix) and gate.offers(who, each):
            response.blocks.append(_published(catalog.info(each.name), request.schemas))
    return response


def _input(gate: Gate, request: pb.CallRequest | pb.StreamRequest, caller: Caller) -> Any:
    """What the block is given. Raises ``NotFound``, ``MalformedJson``."""
    catalog = gate.catalog.of(caller.principal.org_id)
    catalog.get(request.name)  # a wrong name is said before a wrong input
    form = request.WhichOneof("form")
    if form == "json":
        return loads(request.json) if request.json else {}
    return of_struct(request.input) if form else {}


def _plain(made: object) -> Any:
    """What a block made, as JSON. Raises ``Unavailable`` when it is nested too deep."""
    data = loads(dumps(made))
    require_fit(data)
    return data


def _published(info: BlockInfo, schemas: bool) -> pb.Block:
    block = pb.Block(
        name=info.name,
        summary=info.summary,
        permission=info.permission,
        guarded=info.guarded,
        effects=info.effects,
        streams=info.streams,
    )
    if schemas and fits(info.input_schema) and fits(info.output_schema):
        block.input_schema.CopyFrom(schema_struct(info.input_schema))
        block.output_schema.CopyFrom(schema_struct(info.output_schema))
    return block
