"""What we write and what our fakes answer, held to the types that OpenAI publishes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.embedding_create_params import EmbeddingCreateParams
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import TypeAdapter

from conduit.contracts.chat import (
    ChatRequest,
    EmbeddingRequest,
    Image,
    Message,
    OutputSchema,
    Reasoning,
    Text,
    Thinking,
    ToolCall,
    ToolSpec,
)
from conduit.models.catalogue import CATALOGUE
from conduit.models.wire.openai_responses import OPENAI_RESPONSES
from tests.fakes.answer import Answer, ToolUse
from tests.fakes.dialects import DIALECTS

ANSWER = Answer(
    "Hello from the fake.",
    (ToolUse("look", {"n": 1}, "c1"),),
    thinking="Let me think.",
    sources=(("http://a", "A"),),
    cached=2,
)
PICTURE = (Text("a"), Image("", "QUJD", detail="low"))
REQUEST = ChatRequest(
    (
        Message("system", "S"),
        Message("user", "a", parts=PICTURE, name="ada"),
        Message(
            "assistant", "A", (ToolCall("c", "look", "{}"),), thinking=(Thinking("h", "rs_1:g"),)
        ),
        Message("tool", "a", tool_call_id="c", parts=PICTURE, failed=True),
    ),
    tools=(ToolSpec("look", "Look it up.", {"type": "object"}),),
    tool_choice="look",
    temperature=0.5,
    top_p=0.9,
    max_tokens=10,
    stop=("x",),
    seed=7,
    output=OutputSchema("s", {"type": "object"}),
    top_k=3,
    frequency_penalty=0.1,
    presence_penalty=0.2,
    top_logprobs=2,
    parallel_tool_calls=False,
    reasoning=Reasoning("low"),
    user="u",
)


def fits(type: Any, value: dict[str, Any]) -> None:
    """The types of parameters are closed: what is not in them was never published."""
    assert not set(value) - set(type.__annotations__) - set(_inherited(type))
    TypeAdapter(type).validate_json(json.dumps(value))


def _inherited(type: Any) -> set[str]:
    return {name for base in type.__orig_bases__ for name in getattr(base, "__annotations__", {})}


def test_a_chat_that_we_ask_for() -> None:
    wire = CATALOGUE["openai"].wire
    sent = wire.encode(REQUEST, "m", False)
    assert sent.dropped == ("top_k",)
    fits(CompletionCreateParamsNonStreaming, json.loads(sent.body))
    fits(CompletionCreateParamsStreaming, json.loads(wire.encode(REQUEST, "m", True).body))


def test_a_response_that_we_ask_for() -> None:
    sent = OPENAI_RESPONSES.encode(REQUEST, "m", False)
    fits(ResponseCreateParamsNonStreaming, json.loads(sent.body))


def test_embeddings_that_we_ask_for() -> None:
    embedding = CATALOGUE["openai"].wire.embedding
    assert embedding is not None
    sent = embedding.encode(EmbeddingRequest(("a", "b"), dimensions=4), "m")
    TypeAdapter(EmbeddingCreateParams).validate_json(sent.body)


@pytest.mark.parametrize("body", [{}, {"logprobs": True, "top_logprobs": 2}])
def test_the_fake_answers_chats_as_published(body: dict[str, Any]) -> None:
    asked = {"model": "m", "messages": [], "stream_options": {"include_usage": True}} | body
    reply = DIALECTS["/v1/chat/completions"](ANSWER, asked)
    ChatCompletion.model_validate(reply.body)
    for piece in reply.pieces[:-1]:
        ChatCompletionChunk.model_validate_json(piece.removeprefix(b"data: "))


@pytest.mark.parametrize("body", [{}, {"include": ["message.output_text.logprobs"]}])
@pytest.mark.parametrize("finish", ["", "length"])
def test_the_fake_answers_responses_as_published(finish: str, body: dict[str, Any]) -> None:
    answer = Answer(ANSWER.text, ANSWER.tools, finish, ANSWER.thinking, ANSWER.sources)
    reply = DIALECTS["/v1/responses"](answer, {"model": "m", "input": []} | body)
    Response.model_validate(reply.body)
    adapter: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    for number, piece in enumerate(reply.pieces):
        name, _, data = piece.strip().partition(b"\ndata: ")
        event = adapter.validate_json(data)
        assert (event.type, event.sequence_number) == (name[7:].decode(), number)


def test_the_fake_answers_embeddings_as_published() -> None:
    reply = DIALECTS["/v1/embeddings"](ANSWER, {"model": "m", "input": ["a", "bc"]})
    CreateEmbeddingResponse.model_validate(reply.body)
