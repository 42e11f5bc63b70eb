"""What the official clients put on the wire, from their own helpers, is understood."""

from __future__ import annotations

import base64
from typing import Any

import anthropic
import ollama
import openai
import orjson
import pytest
from pydantic import BaseModel

from conduit.contracts.chat import ChatResponse, ToolCall, Usage
from conduit.models.dialects.anthropic import ANTHROPIC_MESSAGES
from conduit.models.dialects.dialect import Dialect, ReplyTo
from conduit.models.dialects.ollama import OLLAMA_CHAT, OLLAMA_GENERATE
from conduit.models.dialects.openai_chat import OPENAI_CHAT
from conduit.models.dialects.openai_responses import OPENAI_RESPONSES

from .conftest import Serve

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUg==")
CALLS = (ToolCall("call_1", "add", '{"a":1,"b":2}'), ToolCall("call_2", "add", '{"a":3,"b":4}'))


class City(BaseModel):
    """A shape to answer in."""

    name: str
    inhabitants: int


def answered(serve: Serve, dialect: Dialect, answer: ChatResponse, **body: Any) -> str:
    to = ReplyTo("1", 1, "m", {"messages": [{}], "prompt": "x", **body})
    return serve(orjson.dumps(dialect.write(answer, to)))


def add(a: int, b: int) -> int:
    """Add two numbers.

    Args:
        a: The first number
        b: The second number
    """
    return a + b


# The client warns about its own object when it is given back; people do it all the same.
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_openai_parses_a_shape(serve: Serve) -> None:
    answer = ChatResponse('{"name":"Bern","inhabitants":134000}', usage=Usage(1, 2))
    url = answered(serve, OPENAI_CHAT, answer)
    hi: list[Any] = [{"role": "user", "content": "a city?"}]
    with openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client:
        parsed = client.chat.completions.parse(model="m", messages=hi, response_format=City)
        message = parsed.choices[0].message
        assert message.parsed == City(name="Bern", inhabitants=134000)
        client.chat.completions.create(model="m", messages=[*hi, message, *hi])  # type: ignore[list-item] # people do
    first, second = map(OPENAI_CHAT.read, serve.asked)
    assert first.output is not None
    assert first.output.name == "City"
    assert [turn.role for turn in second.messages] == ["user", "assistant", "user"]
    assert second.messages[1].content == answer.text


def test_openai_parses_a_shape_of_responses(serve: Serve) -> None:
    url = answered(serve, OPENAI_RESPONSES, ChatResponse('{"name":"Bern","inhabitants":134000}'))
    with openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client:
        reply = client.responses.parse(model="m", input="a city?", text_format=City)
        assert reply.output_parsed == City(name="Bern", inhabitants=134000)
        turns: list[Any] = [{"role": "user", "content": "a city?"}, *reply.output]
        client.responses.create(model="m", input=[*turns, {"role": "user", "content": "more"}])
    first, second = map(OPENAI_RESPONSES.read, serve.asked)
    assert first.output is not None
    assert [turn.role for turn in second.messages] == ["user", "assistant", "user"]


def test_anthropic_parses_a_shape_and_gives_its_turn_back(serve: Serve) -> None:
    answer = ChatResponse('{"name":"Bern","inhabitants":134000}', CALLS, "tool_calls")
    url = answered(serve, ANTHROPIC_MESSAGES, answer)
    hi: list[Any] = [{"role": "user", "content": "a city?"}]
    with anthropic.Anthropic(base_url=url, api_key="k", max_retries=0) as client:
        reply = client.messages.parse(model="m", max_tokens=9, messages=hi, output_format=City)
        assert reply.parsed_output == City(name="Bern", inhabitants=134000)
        results: list[Any] = [
            {"type": "tool_result", "tool_use_id": call.id, "content": "3"} for call in CALLS
        ]
        turns: list[Any] = [
            *hi,
            {"role": "assistant", "content": reply.content},
            {"role": "user", "content": results},
        ]
        client.messages.create(model="m", max_tokens=9, messages=turns)
    first, second = map(ANTHROPIC_MESSAGES.read, serve.asked)
    assert first.output is not None
    assert second.messages[1].tool_calls == CALLS
    assert [turn.tool_call_id for turn in second.messages[2:]] == ["call_1", "call_2"]


def test_ollama_calls_a_function_and_sends_a_picture(serve: Serve) -> None:
    client = ollama.Client(host=answered(serve, OLLAMA_CHAT, ChatResponse("", CALLS, "tool_calls")))
    turns: list[Any] = [{"role": "user", "content": "add", "images": [PNG]}]
    reply = client.chat("m", messages=turns, tools=[add], think=True, options={"num_ctx": 9})
    turns.append(reply.message)
    for call in reply.message.tool_calls or ():
        result = str(add(**call.function.arguments))
        turns.append({"role": "tool", "content": result, "tool_name": call.function.name})
    client.chat("m", messages=turns, format=City.model_json_schema())
    first, second = map(OLLAMA_CHAT.read, serve.asked)
    (tool,) = first.tools
    assert tool.name == "add"
    assert set(tool.parameters["properties"]) == {"a", "b"}
    assert first.messages[0].parts[-1].media_type == "image/png"  # type: ignore[union-attr] # the last part is the picture
    assert [call.arguments for call in second.messages[1].tool_calls] == [
        call.arguments for call in CALLS
    ]
    results = [(turn.tool_call_id, turn.content) for turn in second.messages[2:]]
    ids = [call.id for call in second.messages[1].tool_calls]
    assert results == [(ids[0], "3"), (ids[1], "7")]
    assert second.output is not None


def test_ollama_generates(serve: Serve) -> None:
    url = answered(serve, OLLAMA_GENERATE, ChatResponse("so"))
    reply = ollama.Client(host=url).generate("m", "why?", system="s", options={"seed": 1})
    assert reply.response == "so"
    request = OLLAMA_GENERATE.read(serve.asked[0])
    assert [turn.content for turn in request.messages] == ["s", "why?"]
    assert request.seed == 1
