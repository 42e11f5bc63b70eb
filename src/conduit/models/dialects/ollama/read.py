"""Requests of Ollama's chat and generate, understood.

``options`` that we know become parameters of the request; the others, and ``keep_alive``, stay in
``extra`` for a provider that is Ollama too.
"""

from __future__ import annotations

from typing import Any

from conduit.contracts.chat import ChatRequest, Message, OutputSchema, Reasoning, ToolSpec
from conduit.contracts.json import JsonObject
from conduit.models.dialects import functions
from conduit.models.dialects.ollama.messages import images, messages, with_text
from conduit.models.dialects.reader import Reader

_SHARED = frozenset(
    "model stream format options keep_alive think logprobs top_logprobs truncate shift".split()
)
_CHAT = _SHARED | {"messages", "tools"}
_GENERATE = _SHARED | frozenset(
    "prompt suffix system template context raw images width height steps".split()
)
_REFUSED = {
    "suffix": "filling in between a prompt and a suffix is not supported",
    "raw": "raw prompts are not supported: not every provider takes them",
    "template": "templates of prompts are not supported: not every provider takes them",
    "context": "the context of an earlier answer is not supported",
    "width": "making pictures is not supported",
    "height": "making pictures is not supported",
    "steps": "making pictures is not supported",
}
_REFUSED_HINT = "send the conversation to /api/chat as messages"
_HINT = "the fields and types are those of Ollama's API"
_EXTRA = frozenset({"keep_alive", "truncate", "shift"})
_EFFORTS = frozenset({"low", "medium", "high", "max"})
_OPTIONS = frozenset(
    "temperature top_p top_k num_predict stop seed frequency_penalty presence_penalty".split()
)
_MOST_TOKENS = 10_000_000
_SEEDS = 2**63
_MOST_STOPS = 64


def streams(body: JsonObject) -> bool:
    """Whether a stream is wanted: unless it is said not to be."""
    return body.get("stream") is not False


def only_loads(body: JsonObject) -> bool:
    """Whether nothing is asked: Ollama then only loads the model, or lets go of it."""
    if "messages" in body:
        return not body["messages"]
    return not body.get("prompt") and not body.get("images")


def read_chat(body: JsonObject) -> ChatRequest:
    """Understand a body of ``/api/chat``. Raises ``InvalidInput`` that names every wrong field."""
    reader = Reader(_HINT)
    given = reader.body(body, _CHAT)
    tools = functions.tools(reader, given["tools"]) if "tools" in given else ()
    turns = messages(reader, given["messages"]) if "messages" in given else ()
    return _request(reader, given, turns, tools)


def read_generate(body: JsonObject) -> ChatRequest:
    """Understand a body of ``/api/generate``: one turn. Raises ``InvalidInput`` as ``read_chat``
    does."""
    reader = Reader(_HINT)
    given = reader.body(body, _GENERATE)
    for name, said in _REFUSED.items():
        if given.get(name):
            reader.fault(name, said, _REFUSED_HINT)
    prompt = reader.text(given.get("prompt"), "prompt")
    system = reader.text(given.get("system"), "system")
    turns: tuple[Message, ...] = ()
    pictures = images(reader, given.get("images"), "images")
    if prompt or pictures:
        turns = (Message("user", prompt, parts=with_text(prompt, pictures)),)
        if system:
            turns = (Message("system", system), *turns)
    return _request(reader, given, turns, ())


def _request(
    reader: Reader,
    given: JsonObject,
    turns: tuple[Message, ...],
    tools: tuple[ToolSpec, ...],
) -> ChatRequest:
    get = given.get
    reader.flag(get("stream"), "stream")
    options = reader.object(given["options"], "options") if "options" in given else {}
    opt = {name: value for name, value in options.items() if value is not None}.get
    extra = {name: value for name, value in given.items() if name in _EXTRA}
    unread = {name: value for name, value in options.items() if name not in _OPTIONS}
    if unread:
        extra["options"] = unread
    output, json_mode = _shape(reader, get("format"))
    limit = reader.whole(opt("num_predict"), "options.num_predict", -2, _MOST_TOKENS)
    request = ChatRequest(
        messages=turns,
        model=reader.name(get("model"), "model"),
        tools=tools,
        temperature=reader.real(opt("temperature"), "options.temperature", 0, 2),
        top_p=reader.real(opt("top_p"), "options.top_p", 0, 1),
        max_tokens=limit if limit and limit > 0 else None,  # -1 and -2 are no limit
        stop=reader.texts(opt("stop"), "options.stop", _MOST_STOPS),
        seed=reader.whole(opt("seed"), "options.seed", -_SEEDS, _SEEDS - 1),
        output=output,
        json_mode=json_mode,
        top_k=reader.whole(opt("top_k"), "options.top_k", -1, _MOST_TOKENS),
        frequency_penalty=reader.real(opt("frequency_penalty"), "options.frequency_penalty", -2, 2),
        presence_penalty=reader.real(opt("presence_penalty"), "options.presence_penalty", -2, 2),
        top_logprobs=_logprobs(reader, given),
        reasoning=_think(reader, get("think")),
        extra=extra,
        dialect="ollama",  # of both: they share their options
    )
    reader.refuse()
    return request


def _shape(reader: Reader, value: Any) -> tuple[OutputSchema | None, bool]:
    """``format``: ``"json"`` for any object, or a schema."""
    if value is None or value == "":
        return None, False
    if value == "json":
        return None, True
    if type(value) is dict:
        return (OutputSchema("answer", value) if value else None), False
    reader.fault("format", 'expected "json" or a JSON Schema')
    return None, False


def _think(reader: Reader, value: Any) -> Reasoning | None:
    """True asks for no effort in particular; some models take one."""
    if value is None:
        return None
    if value is True:
        return Reasoning("medium")
    if value is False:
        return Reasoning("none")
    effort = reader.choice(value, "think", _EFFORTS)
    return Reasoning(effort) if effort else None


def _logprobs(reader: Reader, given: JsonObject) -> int | None:
    top = reader.whole(given.get("top_logprobs"), "top_logprobs", 0, 20)
    return (top or 0) if reader.flag(given.get("logprobs"), "logprobs") else None
