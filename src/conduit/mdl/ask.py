"""Asking a model for a dataclass: tell it the shape, read what it says, ask again with the faults.

The model is told the shape twice: in words, in the system prompt, and in the provider's own strict
mode. A provider that refuses the second is asked once more without it, and not troubled with that
shape again by this process. An answer that cannot be read goes back with exactly what is wrong in
it, a bounded number of times. An answer that was cut off is not asked for again: it would be cut
off at the same place.

:class:`Asking` decides, and knows no network; :func:`ask` and :func:`ask_stream` carry.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from conduit.contracts.chat import (
    ChatRequest,
    ChatResponse,
    Chunk,
    FinishReason,
    Message,
    ToolCall,
    Usage,
)
from conduit.contracts.errors import ProviderBadReply, ProviderRefused, UnparsableOutput
from conduit.mdl.partial import Partial
from conduit.mdl.repair import Repair
from conduit.mdl.structure import Mdl

T = TypeVar("T")

RE_ASKS = 2
"""How often an answer that cannot be read is asked for again, unless the caller says."""
_SHOWN = 4000
"""Characters of a bad answer, and of its faults, that the model is shown again."""
_QUOTED = 300
_REMEMBERED = 1024
_INCOMPLETE = frozenset({"truncated", "left_out"})
"""Repairs after which something the model meant to say may be missing."""


class ChatModel(Protocol):
    """A model that answers chats. Raises only errors of the tree."""

    @property
    def identity(self) -> str:
        """What its habits are remembered by: the same for the same provider and model."""
        ...

    async def chat(self, request: ChatRequest) -> ChatResponse:
        """The whole answer."""
        ...

    def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """The answer piece by piece; the last chunk carries ``finish_reason``."""
        ...


@dataclass(frozen=True, slots=True)
class Structured(Generic[T]):
    """A value that a model gave.

    Attributes:
        value: what was asked for.
        repairs: what had to be mended in the text; empty when it was exact.
        attempts: requests that it took, refused ones included.
        usage: tokens of all attempts together, as far as the provider counted them.
        provider: who answered.
        model: the model, as it calls itself.
    """

    value: T
    repairs: tuple[Repair, ...]
    attempts: int
    usage: Usage
    provider: str
    model: str


class ShapeRefusals:
    """Which models refuse which shapes, for as long as the process lives; the oldest are forgotten
    beyond 1024. A refusal of one shape says nothing about another: limits differ in depth, size
    and recursion."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def knows(self, identity: str, shape: str) -> bool:
        """Whether this model has refused the shape before."""
        return (identity, shape) in self._known

    def add(self, identity: str, shape: str) -> None:
        """Remember a refusal."""
        self._known[identity, shape] = None
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


_REFUSALS = ShapeRefusals()


class Asking(Generic[T]):
    """One question, until it is answered: which request comes next, and what an answer means."""

    def __init__(
        self,
        mdl: Mdl[T],
        request: ChatRequest,
        identity: str,
        *,
        guidance: str = "",
        re_asks: int = RE_ASKS,
        refusals: ShapeRefusals = _REFUSALS,
    ) -> None:
        self._mdl = mdl
        self._identity = identity
        self._refusals = refusals
        self._left = re_asks
        self._native = not refusals.knows(identity, mdl.schema.name)
        self._suspected = False
        messages = _with_system(request.messages, mdl.prompt, guidance)
        self._request = replace(request, messages=messages)
        self._correction: tuple[Message, ...] = ()
        self._attempts = 0
        self._usage = Usage()

    def next_request(self) -> ChatRequest:
        """What to send now. Only the last bad answer goes along, so requests do not grow."""
        self._attempts += 1
        return replace(
            self._request,
            messages=self._request.messages + self._correction,
            output=self._mdl.schema if self._native else None,
        )

    def refused(self, error: ProviderRefused) -> None:
        """Go on without the native mode where that may be what was refused; else raise."""
        if not self._native or error.status not in (400, 422):
            raise error
        self._native, self._suspected = False, True

    def answered(self, answer: ChatResponse) -> Structured[T] | None:
        """The value, or None when it is worth asking again.

        Raises ``ProviderRefused`` when the model declined, ``ProviderBadReply`` when the answer was
        cut off or nothing readable came in all attempts.
        """
        if self._suspected:  # without the native mode it answers, so that was what it refused
            self._refusals.add(self._identity, self._mdl.schema.name)
            self._suspected = False
        self._usage = _sum(self._usage, answer.usage)
        if answer.finish_reason == "content_filter":
            raise _declined(answer)
        text = answer.text
        if not text.strip() and answer.tool_calls:
            text = answer.tool_calls[0].arguments  # some say everything by a call
        try:
            parsed = self._mdl.parse(text)
        except UnparsableOutput as error:
            if answer.finish_reason == "length":
                raise self._cut_off(answer) from error
            if self._left <= 0:
                raise self._hopeless(answer, error) from error
            self._left -= 1
            self._correction = _correction(text, error)
            return None
        if answer.finish_reason == "length" and _INCOMPLETE & {r.kind for r in parsed.repairs}:
            raise self._cut_off(answer)
        return Structured(
            parsed.value,
            parsed.repairs,
            self._attempts,
            self._usage,
            answer.provider,
            answer.model,
        )

    def _cut_off(self, answer: ChatResponse) -> ProviderBadReply:
        limit = self._request.max_tokens
        at = f"at the limit of {limit} tokens" if limit else "at its limit of tokens"
        return ProviderBadReply(
            f"the answer was cut off {at}, before the {self._mdl.schema.name} was complete",
            provider=answer.provider,
            hint="raise max_tokens, or ask for less",
        )

    def _hopeless(self, answer: ChatResponse, error: UnparsableOutput) -> ProviderBadReply:
        asked = "once" if self._attempts == 1 else f"{self._attempts} times"
        return ProviderBadReply(
            f"{answer.model or 'the model'} was asked {asked} and gave no readable "
            f"{self._mdl.schema.name}; the last: {_short(error.message, _QUOTED)}",
            provider=answer.provider,
            hint="simplify the fields, describe them, add guidance, or take a larger model",
        )


async def ask(
    model: ChatModel,
    mdl: Mdl[T],
    request: ChatRequest,
    *,
    guidance: str = "",
    re_asks: int = RE_ASKS,
) -> Structured[T]:
    """Ask until a value comes. ``guidance`` is put into the system prompt.

    Raises what the model raises, and as :meth:`Asking.answered`.
    """
    asking = Asking(mdl, request, model.identity, guidance=guidance, re_asks=re_asks)
    while True:
        try:
            answer = await model.chat(asking.next_request())
        except ProviderRefused as error:
            asking.refused(error)
            continue
        if (found := asking.answered(answer)) is not None:
            return found


async def ask_stream(
    model: ChatModel,
    mdl: Mdl[T],
    request: ChatRequest,
    *,
    guidance: str = "",
    re_asks: int = RE_ASKS,
) -> AsyncGenerator[Partial[T] | Structured[T], None]:
    """The same, with what is known so far as it arrives, and last the value.

    When an answer cannot be read, the views begin anew with the next one. Closing the generator
    closes the connection.
    """
    asking = Asking(mdl, request, model.identity, guidance=guidance, re_asks=re_asks)
    while True:
        partial, heard = mdl.partial(), _Heard()
        try:
            async with aclosing(model.stream(asking.next_request())) as chunks:
                async for chunk in chunks:
                    heard.take(chunk)
                    view = partial.feed(chunk.text) if chunk.text else None
                    if view is not None:
                        yield view
        except ProviderRefused as error:
            if heard.begun:
                raise
            asking.refused(error)
            continue
        if (found := asking.answered(heard.answer())) is not None:
            yield found
            return


class _Heard:
    """A streamed answer, put together."""

    def __init__(self) -> None:
        self.begun = False
        self._text: list[str] = []
        self._calls: dict[int, list[str]] = {}
        self._names: dict[int, tuple[str, str]] = {}
        self._finish: FinishReason = "stop"
        self._usage: Usage | None = None
        self._provider = self._model = ""

    def take(self, chunk: Chunk) -> None:
        self.begun = True
        self._text.append(chunk.text)
        for delta in chunk.tool_calls:
            self._names.setdefault(delta.index, (delta.id, delta.name))
            self._calls.setdefault(delta.index, []).append(delta.arguments)
        self._finish = chunk.finish_reason or self._finish
        self._usage = chunk.usage or self._usage
        self._provider = chunk.provider or self._provider
        self._model = chunk.model or self._model

    def answer(self) -> ChatResponse:
        calls = (ToolCall(*self._names[at], "".join(said)) for at, said in self._calls.items())
        return ChatResponse(
            "".join(self._text),
            tuple(calls),
            self._finish,
            self._usage,
            self._provider,
            self._model,
        )


def _with_system(messages: tuple[Message, ...], prompt: str, guidance: str) -> tuple[Message, ...]:
    """One system turn, at the front: several, or a later one, are refused by many templates."""
    given = [m.content for m in messages if m.role == "system"]
    told = "\n\n".join(part for part in (*given, guidance.strip(), prompt) if part.strip())
    rest = tuple(m for m in messages if m.role != "system")
    return (Message("system", told), *rest)


def _correction(text: str, error: UnparsableOutput) -> tuple[Message, Message]:
    """The bad answer and what is wrong with it. An empty turn would be refused."""
    faults = "\n".join(f"- {fault}" for fault in error.faults) or error.message
    return (
        Message("assistant", _short(text, _SHOWN) if text.strip() else "(nothing)"),
        Message(
            "user",
            f"That cannot be used:\n{_short(faults, _SHOWN)}\n"
            "Answer again with the whole corrected JSON object, and nothing else.",
        ),
    )


def _declined(answer: ChatResponse) -> ProviderRefused:
    said = f": {_short(' '.join(answer.text.split()), _QUOTED)}" if answer.text.strip() else ""
    return ProviderRefused(
        f"the model declined to answer{said}",
        provider=answer.provider,
        status=200,
        hint="change what is asked, or ask another model",
    )


def _sum(one: Usage, other: Usage | None) -> Usage:
    if other is None:
        return one
    return Usage(one.input_tokens + other.input_tokens, one.output_tokens + other.output_tokens)


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
