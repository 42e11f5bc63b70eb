"""``LMLiteBlock``: a language model that is called like a function.

    lm = LMLiteBlock(models=[LmLiteModelConfig("Qwen/Qwen3-4B-Instruct-2507-FP8")])
    text = lm(model_id=..., messages=[{"role": "user", "content": "Write a haiku about GPUs."}])
    page = lm(model_id=..., input=Page(...), output=Summary, guidance="Three to seven bullets.")

Where the model is asked, ``conduit.runtime.endpoint`` says.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, Unpack, overload

from conduit.blocks import report
from conduit.blocks.flow import refuse_inside_a_loop
from conduit.conduit_types import ComputeProvider, LmModelConfig
from conduit.contracts.chat import ChatRequest, Message, Usage
from conduit.contracts.errors import InvalidInput, ProviderRefused, TimedOut, Unavailable
from conduit.mdl import Mdl, Partial
from conduit.mdl.ask import Structured, ask, ask_stream
from conduit.models.secret import Secret
from conduit.runtime.background import background
from conduit.runtime.call import (
    WHERE,
    Generation,
    Options,
    build_request,
    nearest_model,
    read_options,
    structure_of,
)
from conduit.runtime.connection import Connection
from conduit.runtime.endpoint import API_KEY, EndpointHealth, Place, ServedModel
from conduit.runtime.step import LMStep

I = TypeVar("I")  # noqa: E741 - the published name of a block's input type
T = TypeVar("T")
Messages = Sequence[Mapping[str, str] | Message]


@dataclass(frozen=True, slots=True)
class LMHealth:
    """Whether all models of a block can be asked now, and how it stands with each."""

    ready: bool
    models: tuple[EndpointHealth, ...]


class LMLiteBlock:
    """Language models, called for text or for a dataclass.

    A call names one of ``models``. With ``messages`` it gives the text of the answer; with
    ``output`` an instance of that dataclass, from ``input`` (another dataclass) or ``messages``.
    Of each model at most ``max_model_concurrency`` calls are answered at a time, from all threads
    and event loops of the process together; further ones wait. ``max_model_len`` is the server's to
    enforce: only it can count tokens.

    Connections are made on the first call, kept between calls, and closed with the block. The block
    may be pickled, and used after a fork: each process makes its own.

    Raises:
        InvalidInput: the call, or an argument of it, is none.
        ConfigError: ``output`` holds a type that no model can be asked for.
        Unavailable: nobody serves the model; the hint says what to set.
        TimedOut: ``timeout`` was over first.
        ProviderError: the model did not answer, or not with what was asked for.
    """

    def __init__(
        self,
        models: Sequence[LmModelConfig],
        compute_provider: ComputeProvider = ComputeProvider.LOCAL,
        *,
        base_url: str = "",
        api_key: str = "",
    ) -> None:
        self.models = _checked(models)
        self.compute_provider = compute_provider
        self._place = Place(compute_provider, base_url, Secret(api_key))
        self._by_id = {model.id: model for model in self.models}
        self._connection = Connection(self._place, self._by_id, os.environ)

    @overload
    def __call__(
        self, *, model_id: str, messages: Messages, **options: Unpack[Generation]
    ) -> str: ...
    @overload
    def __call__(
        self,
        *,
        model_id: str,
        output: type[T],
        input: object = None,
        messages: Messages | None = None,
        guidance: str = "",
        **options: Unpack[Generation],
    ) -> T: ...
    def __call__(self, *, model_id: str, **given: Any) -> Any:
        """Ask, and wait for the answer. Not inside a running event loop."""
        refuse_inside_a_loop(WHERE)
        call = self._read(model_id, **given)
        return _settled(background().run(lambda: self._answer(call)))

    @overload
    async def acall(
        self, *, model_id: str, messages: Messages, **options: Unpack[Generation]
    ) -> str: ...
    @overload
    async def acall(
        self,
        *,
        model_id: str,
        output: type[T],
        input: object = None,
        messages: Messages | None = None,
        guidance: str = "",
        **options: Unpack[Generation],
    ) -> T: ...
    async def acall(self, *, model_id: str, **given: Any) -> Any:
        """The awaitable form of a call. Cancelling it closes the connection to the model."""
        call = self._read(model_id, **given)
        return _settled(await background().call(lambda: self._answer(call)))

    @overload
    def astream(
        self, *, model_id: str, messages: Messages, **options: Unpack[Generation]
    ) -> AsyncGenerator[str, None]: ...
    @overload
    def astream(
        self,
        *,
        model_id: str,
        output: type[T],
        input: object = None,
        messages: Messages | None = None,
        guidance: str = "",
        **options: Unpack[Generation],
    ) -> AsyncGenerator[Partial[T] | T, None]: ...
    async def astream(self, *, model_id: str, **given: Any) -> AsyncGenerator[Any, None]:
        """The answer as it arrives: pieces of text; or, with ``output``, views of what is known so
        far, each valid until the next, and last the value. Closing it closes the connection."""
        call = self._read(model_id, **given)
        pieces = background().iterate(lambda: self._pieces(call))
        async with aclosing(pieces):
            async for piece in pieces:
                if not isinstance(piece, _Text | Structured):
                    yield piece
                elif (value := _settled(piece)) != "":
                    yield value

    def step(
        self,
        *,
        model_id: str,
        input: type[I],
        output: type[T],
        guidance: str = "",
        name: str = "",
        **options: Unpack[Generation],
    ) -> LMStep[I, T]:
        """This model as a step of a pipeline: a block from ``input`` to ``output``.

        Raises ``ConfigError`` and ``InvalidInput`` now for what would fail on every row.
        """
        self._known(model_id)
        read_options(options)
        return LMStep(self, model_id, input, output, guidance, name, options)

    def health(self) -> LMHealth:
        """Ask each model's server whether it is there and knows the model. A server that is down is
        a finding, not an error. Not inside a running event loop."""
        refuse_inside_a_loop(WHERE)
        return background().run(self._health)

    async def ahealth(self) -> LMHealth:
        """The awaitable form of ``health``."""
        return await background().call(self._health)

    @property
    def ready(self) -> bool:
        """Whether all models can be asked now: ``health().ready``."""
        return self.health().ready

    def __reduce__(self) -> tuple[Any, ...]:
        if self._place.key:
            raise InvalidInput(
                "a block with a key of its own is not copied into other processes",
                where="LMLiteBlock",
                hint=f"leave api_key out and set {API_KEY}, which each process reads itself",
            )
        return _rebuilt, (self.models, self.compute_provider, self._place.base_url)

    def __repr__(self) -> str:
        names = ", ".join(self._by_id)
        return f"LMLiteBlock({names}; {self.compute_provider.name})"

    def _known(self, model_id: str) -> None:
        if model_id not in self._by_id:
            raise nearest_model(model_id, list(self._by_id))

    def _read(
        self,
        model_id: str,
        *,
        messages: Messages | None = None,
        input: object = None,
        output: type[Any] | None = None,
        guidance: str = "",
        **options: Any,
    ) -> _Call:
        self._known(model_id)
        if output is None and (input is not None or guidance):
            raise InvalidInput(
                "input and guidance need an output",
                where=WHERE,
                hint="output=Summary, a dataclass; text comes from messages=[…]",
            )
        wanted = read_options(options)
        mdl = None if output is None else structure_of(output)
        return _Call(model_id, build_request(messages, input, wanted), wanted, mdl, guidance)

    async def _answer(self, call: _Call) -> _Text | Structured[Any]:
        patience = _Patience(call.options.timeout)
        async with patience.waiting(), self._connection.use(call.model_id) as model:
            if call.mdl is not None:
                return await ask(model, call.mdl, call.request, guidance=call.guidance)
            answer = await model.chat(call.request)
            if answer.finish_reason == "content_filter" and not answer.text:
                raise ProviderRefused(
                    "the model declined to answer",
                    provider=answer.provider,
                    status=200,
                    hint="change what is asked, or ask another model",
                )
            return _Text(answer.text, answer.usage or Usage())

    async def _pieces(self, call: _Call) -> AsyncGenerator[Any, None]:
        """Text or views, and last what is to be settled. While its reader is busy with a piece no
        time-out strikes: it would hit whoever waits for the reader."""
        patience = _Patience(call.options.timeout)
        async with AsyncExitStack() as stack:
            async with patience.waiting():
                model = await stack.enter_async_context(self._connection.use(call.model_id))
            source: AsyncGenerator[Any, None] = (
                _texts(model, call.request)
                if call.mdl is None
                else ask_stream(model, call.mdl, call.request, guidance=call.guidance)
            )
            await stack.enter_async_context(aclosing(source))
            while True:
                async with patience.waiting():
                    piece = await anext(source, None)
                if piece is None:
                    return
                yield piece

    async def _health(self) -> LMHealth:
        found = tuple(await asyncio.gather(*map(self._health_of, self._by_id)))
        return LMHealth(all(one.ready for one in found), found)

    async def _health_of(self, model_id: str) -> EndpointHealth:
        try:
            model = await self._connection.model(model_id)
        except Unavailable as error:
            return EndpointHealth(model_id, False, reason=str(error))
        return await model.health(model_id)


@dataclass(frozen=True, slots=True)
class _Call:
    """A call whose arguments are in order. Without an ``mdl`` it is for text."""

    model_id: str
    request: ChatRequest
    options: Options
    mdl: Mdl[Any] | None
    guidance: str


@dataclass(frozen=True, slots=True)
class _Text:
    """An answer in text, or, after its pieces, the end of one: then it is empty."""

    value: str
    usage: Usage


def _settled(answer: _Text | Structured[Any]) -> Any:
    """What a call gives. Every answered call comes through here, in its caller's context, so that a
    trace learns what it spent."""
    report(tokens_in=answer.usage.input_tokens, tokens_out=answer.usage.output_tokens)
    return answer.value


async def _texts(model: ServedModel, request: ChatRequest) -> AsyncGenerator[str | _Text, None]:
    usage = Usage()
    async with aclosing(model.stream(request)) as chunks:
        async for chunk in chunks:
            usage = chunk.usage or usage
            if chunk.text:
                yield chunk.text
    yield _Text("", usage)


class _Patience:
    """The time a call has, from its beginning to its end."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._until = None if seconds is None else asyncio.get_running_loop().time() + seconds

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Raise ``TimedOut`` when what is inside goes beyond the end."""
        if self._until is None:
            yield
            return
        try:
            if asyncio.get_running_loop().time() >= self._until:
                raise TimeoutError  # what is there already would be had without waiting
            async with asyncio.timeout_at(self._until):
                yield
        except TimeoutError:
            raise TimedOut(
                f"no answer within {self._seconds:g} s",
                where=WHERE,
                hint="raise timeout, or max_model_concurrency where calls wait for each other",
            ) from None


def _checked(models: Sequence[LmModelConfig]) -> tuple[LmModelConfig, ...]:
    listed = tuple(models) if isinstance(models, Sequence) else ()
    ids = [model.id for model in listed if isinstance(model, LmModelConfig)]
    if not listed or len(ids) < len(listed) or len(set(ids)) < len(ids):
        raise InvalidInput(
            "models is not a list of model configurations, each with an id of its own",
            where="LMLiteBlock",
            hint='models=[LmLiteModelConfig("Qwen/Qwen3-4B-Instruct-2507-FP8")]',
        )
    return listed


def _rebuilt(
    models: tuple[LmModelConfig, ...], compute_provider: ComputeProvider, base_url: str
) -> LMLiteBlock:
    return LMLiteBlock(models, compute_provider, base_url=base_url)
