"""Requests with anything at all in them: a wire writes them, or says what it cannot write."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from conduit.contracts.errors import InvalidInput
from conduit.models.exchange import Wire
from conduit.models.wire.anthropic import ANTHROPIC
from conduit.models.wire.bedrock import BEDROCK
from conduit.models.wire.gemini import GEMINI
from conduit.models.wire.ollama import OLLAMA
from tests.models.hostile import JSON

WIRES = [ANTHROPIC, OLLAMA, GEMINI, BEDROCK]
TEXT = st.text(st.characters() | st.sampled_from("\ud800\0/.:"), max_size=8)
KEYS = TEXT | st.sampled_from(
    "generationConfig options metadata output_config inferenceConfig outputConfig properties items "
    "additionalModelRequestFields anyOf $defs".split()
)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=3)
MODELS = TEXT | st.sampled_from(
    ["claude-sonnet-4-5", "claude-opus-4-7", "anthropic.claude-opus-5-5", "gemini-3-pro", "x"]
)


def some(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(strategy, max_size=2).map(tuple)


MESSAGES = st.builds(
    Message,
    role=st.sampled_from(["system", "user", "assistant", "tool"]),
    content=TEXT,
    tool_calls=some(st.builds(ToolCall, TEXT | st.just("x" * 90), TEXT, TEXT)),
    tool_call_id=TEXT,
    parts=some(st.builds(Text, TEXT) | st.builds(Image, TEXT, TEXT, TEXT, TEXT)),
    thinking=some(st.builds(Thinking, TEXT, TEXT | st.just("gemini/0:s"), TEXT)),
    name=TEXT,
    failed=st.booleans(),
)
NUMBERS = st.none() | st.floats()
COUNTS = st.none() | st.integers()
REQUESTS = st.builds(
    ChatRequest,
    some(MESSAGES),
    tools=some(st.builds(ToolSpec, TEXT, TEXT, OBJECTS)),
    tool_choice=st.sampled_from(["auto", "none", "required"]) | TEXT,
    temperature=NUMBERS,
    top_p=NUMBERS,
    max_tokens=COUNTS,
    stop=some(TEXT),
    seed=COUNTS,
    output=st.none() | st.builds(OutputSchema, TEXT, OBJECTS),
    json_mode=st.booleans(),
    top_k=COUNTS,
    top_logprobs=COUNTS,
    parallel_tool_calls=st.none() | st.booleans(),
    reasoning=st.none() | st.builds(Reasoning, st.sampled_from(["none", "max"]) | TEXT, COUNTS),
    user=TEXT,
    extra=OBJECTS,
    dialect=st.sampled_from(["", "openai_chat", *(wire.name for wire in WIRES)]),
)


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
@given(REQUESTS, MODELS, st.booleans())
def test_a_chat(wire: Wire, request_: ChatRequest, model: str, stream: bool) -> None:
    try:
        sent = wire.encode(request_, model, stream)
    except InvalidInput:
        return
    assert isinstance(json.loads(sent.body), dict)
    assert sent.path.isascii()
    assert not {".", ".."} & set(sent.path.split("/"))


@pytest.mark.parametrize("wire", [OLLAMA, GEMINI, BEDROCK], ids=lambda wire: wire.name)
@given(some(TEXT), MODELS | st.just("cohere.embed"), COUNTS, OBJECTS)
def test_embeddings(
    wire: Wire, texts: tuple[str, ...], model: str, dimensions: int | None, extra: dict[str, object]
) -> None:
    assert wire.embedding is not None
    try:
        sent = wire.embedding.encode(EmbeddingRequest(texts, "", dimensions, extra), model)
    except InvalidInput:
        return
    assert isinstance(json.loads(sent.body), dict)
    assert sent.path.isascii()
