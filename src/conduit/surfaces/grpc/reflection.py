"""Reflection and health: how a client finds out what there is, knowing nothing.

Reflection has two names for one protocol, ``grpc.reflection.v1`` and ``v1alpha``; the library knows
the older one, so the newer is made from it.
"""

from __future__ import annotations

from collections.abc import Iterable

import grpc
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha._async import ReflectionServicer

_ALPHA = "grpc.reflection.v1alpha"
_V1 = "grpc.reflection.v1"
HEALTH = "grpc.health.v1.Health"
_SERVICES = (HEALTH, f"{_V1}.ServerReflection", f"{_ALPHA}.ServerReflection")


def reflection_handlers(
    services: Iterable[str], files: Iterable[FileDescriptor]
) -> grpc.GenericRpcHandler:
    """Answers for these services, which ``files`` describe, for health and for itself. The details
    of errors are described too, so that clients can show them."""
    servicer = ReflectionServicer((*services, *_SERVICES), _described(files))
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return _ByPath({f"/{name}.ServerReflection/ServerReflectionInfo": handler for name in _NAMES})


_NAMES = (_V1, _ALPHA)


class _ByPath(grpc.GenericRpcHandler):
    def __init__(self, handlers: dict[str, grpc.RpcMethodHandler[object, object]]) -> None:
        self._handlers = handlers

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[object, object] | None:
        return self._handlers.get(handler_call_details.method)


def _described(files: Iterable[FileDescriptor]) -> DescriptorPool:
    """What is told about, and nothing else that happens to be loaded in this process."""
    pool = DescriptorPool()
    known: set[str] = set()

    def add(file: FileDescriptor) -> None:
        if file.name in known:
            return
        known.add(file.name)
        for needed in file.dependencies:
            add(needed)
        pool.AddSerializedFile(file.serialized_pb)

    ours = (health_pb2, reflection_pb2, error_details_pb2, status_pb2)
    for each in (*files, *(module.DESCRIPTOR for module in ours)):
        add(each)
    pool.AddSerializedFile(_newer().SerializeToString())
    return pool


def _newer() -> FileDescriptorProto:
    """``grpc/reflection/v1/reflection.proto``: the same messages in another package."""
    proto = FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(proto)
    proto.name, proto.package = "grpc/reflection/v1/reflection.proto", _V1
    fields = [field for message in proto.message_type for field in message.field]
    for field in fields:
        if field.type_name:
            field.type_name = field.type_name.replace(_ALPHA, _V1)
    for method in (method for service in proto.service for method in service.method):
        method.input_type = method.input_type.replace(_ALPHA, _V1)
        method.output_type = method.output_type.replace(_ALPHA, _V1)
    return proto
