"""What every call passes: who calls, how many at once, how large, how slowly; and how it ends.

The messages are read here, and not by gRPC before it asks us: so a call that is refused is refused
before its message is taken in, and one whose message does not come is not waited for.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError, EncodeError, Message

from conduit.contracts.call import Principal
from conduit.contracts.errors import (
    ConduitError,
    InvalidInput,
    NotFound,
    Overloaded,
    TooLarge,
    Unavailable,
)
from conduit.surfaces.grpc.limits import MIB, Limits
from conduit.surfaces.grpc.service import Answer, Caller, Method, Tell
from conduit.surfaces.grpc.statuses import DETAILS, refusal

log = logging.getLogger("conduit.grpc")

CORRELATION = "x-correlation-id"
_CORRELATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_BEARER = "bearer "
_KEYS = frozenset({"authorization", "x-api-key"})

Door = Callable[[str], Principal]
Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
Handler: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"


class MethodNotFound(NotFound):
    code = "method_not_found"


class MalformedMessage(InvalidInput):
    code = "malformed_message"


class RequestTimeout(InvalidInput):
    code = "request_timeout"


class Front(grpc.GenericRpcHandler):
    """In front of our services; asked last, so that what nobody knows is refused here too."""

    def __init__(
        self,
        methods: Iterable[Method],
        new_id: Callable[[], str],
        limits: Limits,
        caller: Principal,
        door: Door,
    ) -> None:
        """``caller`` is on whose behalf calls are made that show no key; ``door`` knows whose those
        are that show one."""
        self._new_id = new_id
        self._limits = limits
        self._caller = caller
        self._door = door
        self._calls = 0
        self._handlers = {each.path: self._handler(each) for each in methods}
        self._unknown: Handler = grpc.stream_unary_rpc_method_handler(self._refuse_unknown)

    @property
    def calls(self) -> int:
        """How many are in progress."""
        return self._calls

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler:
        return self._handlers.get(handler_call_details.method, self._unknown)

    def _handler(self, method: Method) -> Handler:
        """On the wire, a stream of one message is that message."""
        if method.tell is not None:
            return grpc.stream_stream_rpc_method_handler(self._telling(method, method.tell))
        assert method.answer is not None
        return grpc.stream_unary_rpc_method_handler(self._answering(method, method.answer))

    def _answering(self, method: Method, answer: Answer) -> Callable[..., Any]:
        async def serve(_: object, context: Context) -> bytes:
            async def work(caller: Caller) -> bytes:
                request = await self._read(method, context)
                return self._written(await answer(request, caller))

            return await self._admitted(context, work)

        return serve

    def _telling(self, method: Method, tell: Tell) -> Callable[..., Any]:
        async def serve(_: object, context: Context) -> None:
            async def work(caller: Caller) -> bytes:
                request = await self._read(method, context)
                async with aclosing(tell(request, caller)) as messages:
                    await self._send(messages, context)
                return b""

            await self._admitted(context, work)

        return serve

    async def _refuse_unknown(self, _: object, context: Context) -> bytes:
        async def work(caller: Caller) -> bytes:
            raise MethodNotFound(
                "there is no such method", hint="ask by reflection which services there are"
            )

        return await self._admitted(context, work)

    async def _admitted(
        self, context: Context, work: Callable[[Caller], Awaitable[bytes]]
    ) -> bytes:
        """Do the work, or end the call as it failed. Nothing gets past it but a cancellation."""
        correlation_id = ""
        self._calls += 1
        try:
            key, given = _looked_at(context.invocation_metadata())
            correlation_id = given if _CORRELATION.fullmatch(given) else self._new_id()
            context.set_trailing_metadata(((CORRELATION, correlation_id),))
            if self._calls > self._limits.calls:
                raise Overloaded(
                    f"{self._limits.calls} calls are in progress",
                    retry_after_s=1.0,
                    where="gRPC",
                    hint="try again in a second",
                )
            principal = self._door(key) if key else self._caller
            return await work(Caller(principal, correlation_id))
        except ConduitError as error:
            failure = error
        except grpc.aio.BaseError:
            raise  # the connection is gone, or the server
        except Exception:
            correlation_id = correlation_id or self._new_id()
            log.exception("call failed (correlation %s)", correlation_id)
            failure = ConduitError(
                "the call failed unexpectedly",
                hint=f"this is a bug; the server's log has the details under {correlation_id}",
            )
        finally:
            self._calls -= 1
        ending = refusal(failure, correlation_id)
        trailers = ((CORRELATION, correlation_id), (DETAILS, ending.details))
        await context.abort(ending.code, ending.message, trailers)

    async def _read(self, method: Method, context: Context) -> Message:
        """The one message of a request. Raises ``MalformedMessage``, ``RequestTimeout``."""
        try:
            async with asyncio.timeout(self._limits.request_s):
                data: object = await context.read()
        except TimeoutError:
            raise RequestTimeout(
                f"the message did not arrive within {self._limits.request_s:g} s",
                hint="send it right after the call begins",
            ) from None
        if not isinstance(data, bytes):  # the end of a stream that had no message
            raise MalformedMessage(
                "there was no message, or it was too large",
                hint=f"send one, of at most {self._limits.request_bytes / MIB:g} MiB",
            )
        try:
            return method.request.FromString(data)
        except DecodeError:
            raise MalformedMessage(
                f"this is no {method.request.DESCRIPTOR.full_name}",
                hint="send it as its proto says, text in UTF-8, nested at most 100 messages deep",
            ) from None

    async def _send(self, messages: AsyncGenerator[Message, None], context: Context) -> None:
        """Send each as it comes. The next is made when the client has room for it."""
        async for message in messages:
            data = self._written(message)
            try:
                async with asyncio.timeout(self._limits.slowest_reader_s):
                    await context.write(data)
            except TimeoutError:
                raise Unavailable(
                    f"the client took nothing for {self._limits.slowest_reader_s:g} s",
                    hint="read faster, or ask for less",
                ) from None

    def _written(self, message: Message) -> bytes:
        try:
            data = message.SerializeToString()
        except (EncodeError, ValueError):  # above 2 GiB
            raise TooLarge(
                "the answer has no place in a message", hint="ask for less at once"
            ) from None
        if len(data) > self._limits.reply_bytes:
            raise TooLarge(
                f"the answer has more than {self._limits.reply_bytes / MIB:g} MiB",
                hint="ask for less at once",
            )
        return data


def _looked_at(metadata: Iterable[Any] | None) -> tuple[str, str]:
    """The key that is shown, and the correlation id. Raises ``InvalidInput``."""
    key, correlation, seen = "", "", 0
    for name, value in metadata or ():
        if name in _KEYS:
            seen += 1
            bearer = value[: len(_BEARER)].lower() == _BEARER
            key = (value[len(_BEARER) :] if bearer else value).strip()
        elif name == CORRELATION:
            correlation = value
    if seen > 1:
        raise InvalidInput("two keys are shown", hint="send one of them")
    return key, correlation
