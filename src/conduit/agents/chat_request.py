"""A chat as its caller writes it, and as a model is asked it.

A function is a schema of the caller's own, or the name of a block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from conduit.agents.planning.names import BlockNames
from conduit.blocks import Gate, Length, Range, tool_name
from conduit.contracts.call import Principal
from conduit.contracts.errors import InvalidInput, NotFound
from conduit.contracts.json import Json, JsonObject

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


class Offered:
    """The functions of a request, and under which names the model knows those that are blocks:
    theirs may hold no dots. A caller sees its own names, in both directions.

    Models are offered tools, because few servers know functions any more. So a call has an id on
    its way there, and the answer to it names that.
    """

    def __init__(
        self, gate: Gate, names: BlockNames, request: ChatRequestBody, person: Principal
    ) -> None:
        self._request = request
        self._callers: dict[str, str] = {}
        self._tools: list[JsonObject] = []
        for at, each in enumerate(request.functions):
            function = each
            if isinstance(each, str):
                function = self._of_block(gate, names, each, person, f"functions[{at}]")
            self._tools.append({"type": "function", "function": function})

    def _of_block(
        self, gate: Gate, names: BlockNames, name: str, person: Principal, where: str
    ) -> JsonObject:
        try:
            found = gate.in_reach.get(names.block_of(name))
        except NotFound as error:
            raise InvalidInput(error.message, where=where, hint=error.hint) from None
        if not gate.may(person, found):
            raise InvalidInput(
                f"{person.subject} may not call {found.name}, so it is not offered",
                where=where,
                hint="GET /blocks lists what this caller may call",
            )
        if not gate.offers(person, found):
            raise InvalidInput(
                f"{found.name} cannot be used now, so it is not offered",
                where=where,
                hint="GET /tools says why",
            )
        spec = gate.in_reach.tool(found.name)
        self._callers[spec.name] = name
        return {
            "name": spec.name,
            "description": spec.description,
            "parameters": spec.parameters,
        }

    def body(self) -> JsonObject:
        """The request in the dialect. What was not given is left out: an empty list of tools is
        refused by those that follow the letter."""
        request = self._request
        given = {name: getattr(request, name) for name in ChatRequestBody.__slots__}
        body: JsonObject = {
            name: value
            for name, value in given.items()
            if value not in (None, "", []) and name not in ("functions", "function_call")
        }
        body.setdefault("model", "auto")
        body["messages"] = self._messages(request.messages)
        if self._tools:
            body["tools"] = [*self._tools, *request.tools]
            if request.function_call is not None:
                body["tool_choice"] = self._choice(request.function_call)
        return body

    def _choice(self, choice: Any) -> Any:
        if isinstance(choice, dict) and isinstance(choice.get("name"), str):
            return {"type": "function", "function": {"name": self._known(choice["name"])}}
        return choice

    def _messages(self, given: list[JsonObject]) -> list[JsonObject]:
        """Earlier messages as the model is to see them."""
        found: list[JsonObject] = []
        called: dict[str, str] = {}
        for at, message in enumerate(given):
            call, name = message.get("function_call"), message.get("name")
            if isinstance(call, dict) and isinstance(call.get("name"), str):
                id = called[call["name"]] = f"call_{at}"
                made = {**call, "name": self._known(call["name"])}
                rest = {key: value for key, value in message.items() if key != "function_call"}
                calls = [{"id": id, "type": "function", "function": made}]
                found.append({**rest, "tool_calls": calls})
            elif message.get("role") == "function" and isinstance(name, str):
                id = called.get(name, f"call_{at}")
                said = message.get("content")
                found.append({"role": "tool", "tool_call_id": id, "content": said})
            else:
                found.append(message)
        return found

    def answered(self, message: Mapping[str, Any], reason: str) -> tuple[JsonObject, str]:
        """A message of the model as the caller asked for it, with the caller's names; what is empty
        is left out."""
        said: JsonObject = {
            key: value for key, value in message.items() if value is not None or key == "content"
        }
        calls = said.get("tool_calls")
        made = [
            {**call, "function": self._named(call["function"])}
            for call in (calls if isinstance(calls, list) else ())
            if isinstance(call, dict) and isinstance(call.get("function"), dict)
        ]
        if not made or not self._request.functions:
            return said, reason
        said["function_call"] = made[0]["function"]
        if len(made) == 1:  # functions have room for one; of several none is lost
            del said["tool_calls"]
        else:
            said["tool_calls"] = made
        return said, "function_call" if reason == "tool_calls" else reason

    def _named(self, function: JsonObject) -> JsonObject:
        name = str(function.get("name", ""))
        return {**function, "name": self._callers.get(name, name)}

    def _known(self, name: str) -> str:
        """What the model knows a function of the caller by."""
        back = {callers: known for known, callers in self._callers.items()}
        return back.get(name) or tool_name(name)
