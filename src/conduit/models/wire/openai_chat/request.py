"""A chat as the body of ``POST /chat/completions``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conduit.contracts.chat import ChatRequest, Image, Message
from conduit.contracts.json import JsonObject
from conduit.models.exchange import WireRequest
from conduit.models.reading import effort_of, image_address, json_body
from conduit.models.strict_schema import is_strict
from conduit.models.wire.openai_chat.server import Server

PATH = "/chat/completions"


def encoder(server: Server) -> Callable[[ChatRequest, str, bool], WireRequest]:
    """``encode`` for one server."""

    def encode(request: ChatRequest, model: str, stream: bool) -> WireRequest:
        asked = _sampling(request) | _tools(request) | _shape(request, server)
        asked |= _thinking(request, server)
        turns = _Turns(server)
        body: JsonObject = dict(request.extra)
        for name, value in asked.items():
            if name not in server.lacks:
                body[server.renamed.get(name, name)] = value
        body |= {"model": model, "messages": turns.of(request.messages), "stream": stream}
        if not server.stream_usage:
            body.pop("stream_options", None)
        elif stream:
            body["stream_options"] = with_usage(body)
        dropped = [*(name for name in asked if name in server.lacks), *sorted(turns.dropped)]
        if request.output is not None and not server.schemas and "response_format" not in dropped:
            dropped.append("response_format")
        return WireRequest(PATH, json_body(body), dropped=tuple(dropped))

    return encode


def with_usage(body: JsonObject) -> JsonObject:
    """``stream_options`` that ask for usage, beside whatever else they hold."""
    given = body.get("stream_options")
    return (given if isinstance(given, dict) else {}) | {"include_usage": True}


def _sampling(request: ChatRequest) -> JsonObject:
    given = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": request.top_k,
        "max_tokens": request.max_tokens,
        "seed": request.seed,
        "stop": list(request.stop) or None,
        "frequency_penalty": request.frequency_penalty,
        "presence_penalty": request.presence_penalty,
        "logprobs": None if request.top_logprobs is None else True,
        "top_logprobs": request.top_logprobs or None,
        "user": request.user or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _thinking(request: ChatRequest, server: Server) -> JsonObject:
    asked = request.reasoning
    if asked is None:
        return {}
    if server.thinking == "object" and asked.max_tokens is not None:
        return {"reasoning": {"max_tokens": asked.max_tokens}}
    effort = effort_of(asked, server.efforts)
    if server.thinking == "object":
        return {"reasoning": {"effort": effort}} if effort else {}
    given: JsonObject = {}
    if server.thinking == "switch" and (wish := effort_of(asked)):
        given["thinking"] = {"type": "disabled" if wish == "none" else "enabled"}
        effort = "" if wish == "none" else effort
    return given | {"reasoning_effort": effort} if effort else given


def _tools(request: ChatRequest) -> JsonObject:
    if not request.tools:
        return {}
    choice: Any = request.tool_choice
    if choice not in ("auto", "none", "required"):
        choice = {"type": "function", "function": {"name": choice}}
    offered = [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
            },
        }
        for tool in request.tools
    ]
    asked: JsonObject = {"tools": offered, "tool_choice": choice}
    if request.parallel_tool_calls is not None:
        asked["parallel_tool_calls"] = request.parallel_tool_calls
    return asked


def _shape(request: ChatRequest, server: Server) -> JsonObject:
    """Structured outputs, in strict mode where the schema allows it, or any JSON object."""
    if request.output is not None and server.schemas:
        schema = request.output.schema
        shape = {"name": request.output.name, "schema": schema, "strict": is_strict(schema)}
        return {"response_format": {"type": "json_schema", "json_schema": shape}}
    if request.output is not None or request.json_mode:
        return {"response_format": {"type": "json_object"}}
    return {}


class _Turns:
    """Writes the turns of one request. ``dropped`` is what they held and the server cannot take."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.dropped: set[str] = set()

    def of(self, messages: tuple[Message, ...]) -> list[JsonObject]:
        turns: list[JsonObject] = []
        shown: list[JsonObject] = []
        for message in messages:
            if shown and message.role != "tool":
                turns.append({"role": "user", "content": shown})
                shown = []
            turns.append(self._turn(message))
            if message.role == "tool":
                shown += self._pictures_of_tool(message)
        return [*turns, {"role": "user", "content": shown}] if shown else turns

    def _turn(self, message: Message) -> JsonObject:
        turn: JsonObject = {"role": message.role, "content": self._content(message)}
        if message.name:
            if "name" in self._server.lacks:
                self.dropped.add("name")
            else:
                turn["name"] = message.name
        if message.role == "assistant":
            turn |= self._of_assistant(message)
        if message.role == "tool":
            turn["tool_call_id"] = message.tool_call_id
        return turn

    def _content(self, message: Message) -> Any:
        """Only a person's turn takes pictures; those a tool gave follow its turns as a person's."""
        if message.role == "tool":
            return f"Error: {message.content}" if message.failed else message.content
        if not any(isinstance(part, Image) for part in message.parts):
            return message.content
        if message.role != "user" or "image_url" in self._server.lacks:
            self.dropped.add("image_url")
            return message.content
        return [
            _picture(part) if isinstance(part, Image) else {"type": "text", "text": part.text}
            for part in message.parts
        ]

    def _pictures_of_tool(self, message: Message) -> list[JsonObject]:
        pictures = [_picture(part) for part in message.parts if isinstance(part, Image)]
        if pictures and "image_url" in self._server.lacks:
            self.dropped.add("image_url")
            return []
        return pictures

    def _of_assistant(self, message: Message) -> JsonObject:
        more: JsonObject = {}
        thought = "".join(piece.text for piece in message.thinking)
        if thought and self._server.thinking_field:
            more[self._server.thinking_field] = thought
        if message.tool_calls:
            more["content"] = message.content or None
            more["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in message.tool_calls
            ]
        return more


def _picture(image: Image) -> JsonObject:
    shown = {"url": image_address(image)}
    if image.detail:
        shown["detail"] = image.detail
    return {"type": "image_url", "image_url": shown}
