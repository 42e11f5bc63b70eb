"""A client that knows nothing but an address: what it finds out, in both names of the protocol."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2 as pb

from tests.surfaces.grpc.serving import Client, served

NAMES = ("grpc.reflection.v1", "grpc.reflection.v1alpha")


async def asked(client: Client, name: str, **wish: str) -> pb.ServerReflectionResponse:
    call = client.channel.stream_stream(
        f"/{name}.ServerReflection/ServerReflectionInfo",
        request_serializer=pb.ServerReflectionRequest.SerializeToString,
        response_deserializer=pb.ServerReflectionResponse.FromString,
    )()
    await call.write(pb.ServerReflectionRequest(**wish))
    await call.done_writing()
    answer: pb.ServerReflectionResponse = await call.read()
    return answer


@pytest.mark.parametrize("name", NAMES)
async def test_every_service_is_listed_and_described(name: str) -> None:
    async with served() as client:
        listed = (await asked(client, name, list_services="")).list_services_response.service
        names = {each.name for each in listed}
        assert names == {
            "agent.AgentService",
            "conduit.v1.BlockService",
            "grpc.health.v1.Health",
            *(f"{each}.ServerReflection" for each in NAMES),
        }
        for service in (*names, "google.rpc.ErrorInfo", "google.rpc.RetryInfo"):
            found = await asked(client, name, file_containing_symbol=service)
            files = [
                FileDescriptorProto.FromString(each)
                for each in found.file_descriptor_response.file_descriptor_proto
            ]
            package, _, own = service.rpartition(".")
            declared = {
                (file.package, each.name)
                for file in files
                for each in (*file.service, *file.message_type)
            }
            assert (package, own) in declared
            needed = {dependency for file in files for dependency in file.dependency}
            assert needed <= {file.name for file in files}


async def test_what_is_only_loaded_here_is_not_told() -> None:
    import opentelemetry.proto.trace.v1.trace_pb2 as loaded

    symbol = loaded.DESCRIPTOR.message_types_by_name["Span"].full_name
    async with served() as client:
        for name in (symbol, "no.such.thing"):
            answer = await asked(client, NAMES[0], file_containing_symbol=name)
            assert answer.error_response.error_code == 5
