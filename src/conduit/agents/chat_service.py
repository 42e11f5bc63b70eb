"""``llm.chat``: a chat for those who know neither our dialects nor our tools.

The request and the answer are those of chat completions, by the names of 2023 that the service's
documents use (``functions``, ``function_call``); the names of today (``tools``) work as well. A
function is a schema of the caller's own, or the name of a block. What the model then asks for is
*not done here*: the answer says what it wants, and the caller decides (``planner.execute``,
``POST /blocks/NAME``). Who wants it done asks ``agent.ask``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from conduit.agents.planning.names import BlockNames
from conduit.blocks import (
    Block,
    Effects,
    Gate,
    Length,
    Range,
    block,
    current_call,
    loads,
    tool_name,
)
from conduit.contracts.call import Principal
from conduit.contracts.errors import ConduitError, InvalidInput
from conduit.contracts.json import Json, JsonObject
from conduit.models.gateway.blocks import ModelCall, ModelReply

_MOST_FUNCTIONS: Final = 128


@dataclass(frozen=True, slots=True)
class ChatRequestBody:
    """A conversation to answer, as chat completions have it."""

    messages: Annotated[list[JsonObject], Length(1, 2000), "each with role and content"]
    functions: Annotated[
        list[str | JsonObject],
        Length(0, _MOST_FUNCTIONS),
        "names of blocks, or objects with name, description and parameters",
    ] = field(default_factory=list)
    function_call: Annotated[Json, 'auto, none, or {"name": …}'] = None
    tools: Annotated[
        list[JsonObject], Length(0, _MOST_FUNCTIONS), "the same by their newer name"
    ] = field(default_factory=list)
    tool_choice: Json = None
    model: Annotated[str, Length(0, 200), "empty: whoever answers"] = ""
    temperature: Annotated[float, Range(0, 2)] | None = None
    top_p: Annotated[float, Range(0, 1)] | None = None
    max_tokens: Annotated[int, Range(1, 10_000_000)] | None = None
    stop: Json = None
    seed: int | None = None
    response_format: Json = None
    user: Annotated[str, Length(0, 1000)] = ""


@dataclass(frozen=True, slots=True)
class ChatChoice:
    """An answer. ``message`` is as chat completions have it: role, content, and the
    ``function_call`` that the model asks for."""

    index: int
    message: JsonObject
    finish_reason: str


@dataclass(frozen=True, slots=True)
class ChatUsage:
    """Tokens."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ChatCompletion:
    """The answer, and who gave it. ``created`` is Unix time."""

    id: str
    choices: tuple[ChatChoice, ...]
    created: int
    model: str
    provider: str
    usage: ChatUsage
    object: str = "chat.completion"


def chat_block(gate: Gate) -> Block[Any, Any]:
    """``llm.chat``."""
    names = BlockNames(gate.catalog)

    @block("llm.chat", summary="Answer a chat, offering functions", effects=Effects.NETWORK)
    async def chat(request: ChatRequestBody) -> ChatCompletion:
        offered = _Offered(gate, names, request, current_call().principal)
        reply: ModelReply = await gate.acall(
            "models.call", ModelCall("openai_chat", offered.body())
        )
        return _completion(loads(reply.body), reply, offered)

    return chat


class _Offered:
    """The functions of a request, and under which names the model knows those that are blocks:
    theirs may hold no dots. A caller sees its own names, in both directions."""

    def __init__(
        self, gate: Gate, names: BlockNames, request: ChatRequestBody, person: Principal
    ) -> None:
        self._request = request
        self._theirs: dict[str, str] = {}
        self._functions: list[JsonObject] = []
        for at, each in enumerate(request.functions):
            if not isinstance(each, str):
                self._functions.append(each)
                continue
            where = f"functions[{at}]"
            try:
                found = gate.catalog.get(names.block_of(each))
            except ConduitError as error:
                raise InvalidInput(error.message, where=where, hint=error.hint) from None
            if not gate.may(person, found):
                raise InvalidInput(
                    f"{person.subject} may not call {found.name}, so it is not offered",
                    where=where,
                    hint="GET /blocks lists what this caller may call",
                )
            spec = gate.catalog.tool(found.name)
            self._theirs[spec.name] = each
            self._functions.append(
                {
                    "name": spec.name,
                    "description": spec.description,
                    "parameters": spec.parameters,
                }
            )

    def body(self) -> JsonObject:
        """The request in the dialect. What was not given is left out: an empty list of functions is
        refused by those that follow the letter."""
        request = self._request
        rest = {name: getattr(request, name) for name in ChatRequestBody.__slots__}
        body: JsonObject = {
            name: value for name, value in rest.items() if value not in (None, "", [])
        }
        body.setdefault("model", "auto")
        body["messages"] = [self._said(each) for each in request.messages]
        if self._functions:
            body["functions"] = self._functions
        choice = request.function_call
        if isinstance(choice, dict) and isinstance(choice.get("name"), str):
            body["function_call"] = {**choice, "name": self._known(choice["name"])}
        return body

    def named(self, message: Mapping[str, Any]) -> JsonObject:
        """A message of the model with the caller's names; what is empty is left out."""
        said = {
            key: value for key, value in message.items() if value is not None or key == "content"
        }
        return self._renamed(said, lambda name: self._theirs.get(name, name))

    def _said(self, message: JsonObject) -> JsonObject:
        """An earlier message, with the names that the model knows."""
        if message.get("role") == "function" and isinstance(message.get("name"), str):
            message = {**message, "name": self._known(message["name"])}
        return self._renamed(message, self._known)

    def _known(self, name: str) -> str:
        back = {theirs: ours for ours, theirs in self._theirs.items()}
        return back.get(name) or tool_name(name)

    def _renamed(self, message: JsonObject, rename: Any) -> JsonObject:
        call = message.get("function_call")
        if isinstance(call, dict) and isinstance(call.get("name"), str):
            message = {**message, "function_call": {**call, "name": rename(call["name"])}}
        return message


def _completion(body: JsonObject, reply: ModelReply, offered: _Offered) -> ChatCompletion:
    """The answer as it is published. It was written, or checked, by the gateway."""
    usage = body.get("usage") or {}
    prompt, said = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
    return ChatCompletion(
        id=str(body.get("id", "")),
        choices=tuple(
            ChatChoice(
                at,
                offered.named(choice.get("message") or {}),
                str(choice.get("finish_reason") or "stop"),
            )
            for at, choice in enumerate(body.get("choices") or ())
        ),
        created=int(body.get("created") or 0),
        model=reply.model or str(body.get("model", "")),
        provider=reply.provider,
        usage=ChatUsage(prompt, said, prompt + said),
    )
