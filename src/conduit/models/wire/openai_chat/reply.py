"""Reading what ``POST /chat/completions`` answers, whole.

Where look-alikes differ, all their forms are read: thinking as ``reasoning_content`` (DeepSeek,
llama.cpp), ``reasoning`` (vLLM, Groq), ``reasoning_details`` (OpenRouter) or a part of the content
(Mistral); sources as ``annotations`` or beside the choices (Perplexity); usage under ``x_groq``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conduit.contracts.chat import (
    ChatResponse,
    Citation,
    FinishReason,
    Thinking,
    ToolCall,
    Usage,
)
from conduit.contracts.json import Json, JsonObject
from conduit.models.exchange import ErrorInside, NewId, NotTheProtocol
from conduit.models.reading import (
    count_of,
    error_words,
    json_text,
    list_of,
    name_of,
    object_of,
    parse_object,
    text_of,
)

_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "sensitive": "content_filter",
}
_PLAIN = frozenset({"role", "content"})
_CHOSEN = frozenset({"index", "message", "logprobs", "finish_reason"})
_COUNTED = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})
_USUAL = frozenset("id object created model choices usage system_fingerprint service_tier".split())
"""The fields of what a reply with nothing but text consists of."""
_BROKEN = ("error", "insufficient_system_resource", "network_error")
"""Finish reasons that say that there is no answer (OpenRouter and Mistral, DeepSeek, Z.ai)."""


def decode(body: bytes, new_id: NewId) -> ChatResponse:
    """A whole reply."""
    reply = parse_object(body, "the reply")
    usual = _usual(reply)
    if usual is not None:
        return usual
    refuse_error(reply)
    choices = list_of(reply.get("choices"), "choices")
    if not choices:
        raise NotTheProtocol("the reply has no choices")
    choice = object_of(choices[0], "choices[0]")
    message = object_of(choice.get("message"), "choices[0].message")
    calls = tuple(
        _call(object_of(call, f"tool_calls[{at}]"), f"tool_calls[{at}]", new_id)
        for at, call in enumerate(list_of(message.get("tool_calls"), "tool_calls"))
    )
    return ChatResponse(
        text=content_of(message),
        tool_calls=calls,
        finish_reason=finish_of(choice.get("finish_reason"), bool(calls), refuses(message)),
        usage=usage_of(reply),
        model=text_of(reply.get("model"), "model"),
        thinking=tuple(thinking_of(message)),
        citations=tuple(dict.fromkeys(citations_of(reply, message))),
        logprobs=logprobs_of(choice),
        stop_sequence=stop_sequence_of(choice),
    )


def _usual(reply: JsonObject) -> ChatResponse | None:
    """A reply that holds text, a usual finish reason and plain counts, and nothing else: most do,
    and so nothing need be looked for. None for every other."""
    try:
        (choice,) = reply["choices"]
        message, reason, usage = choice["message"], choice["finish_reason"], reply["usage"]
        text, model = message["content"], reply["model"]
        prompt, completion = usage["prompt_tokens"], usage["completion_tokens"]
    except (KeyError, TypeError, ValueError):
        return None
    if (
        type(text) is str
        and text
        and type(model) is str
        and type(reason) is str
        and reason in _FINISH
        and type(prompt) is int
        and type(completion) is int
        and prompt >= 0
        and completion >= 0
        and choice.get("logprobs") is None
        and choice.keys() <= _CHOSEN
        and message.keys() <= _PLAIN
        and usage.keys() <= _COUNTED
        and reply.keys() <= _USUAL
    ):
        return ChatResponse(text, (), _FINISH[reason], Usage(prompt, completion), "", model)
    return None


def refuse_error(reply: JsonObject) -> None:
    """Raises ``ErrorInside`` when it holds an error."""
    if reply.get("error"):
        raise ErrorInside(error_words(reply) or "an error without words")


def content_of(message: JsonObject) -> str:
    """The text of a message or delta, or the words with which the model declined."""
    content = message.get("content")
    if type(content) is str and content:
        return content
    if isinstance(content, list):
        return "".join(
            text_of(part.get("text"), "content.text")
            for part in content
            if isinstance(part, dict) and part.get("type") == "text"
        )
    return text_of(content, "content") or text_of(message.get("refusal"), "refusal")


def refuses(message: JsonObject) -> bool:
    """Whether the model declined: with structured outputs it does so beside the content."""
    return bool(message.get("refusal")) and not message.get("content")


def thinking_of(message: JsonObject) -> Iterator[Thinking]:
    """Blocks of thinking in a message or delta. Details say more than the same in plain words."""
    told = False
    for item in list_of(message.get("reasoning_details"), "reasoning_details"):
        detail = object_of(item, "reasoning_details[]")
        thought = Thinking(
            text_of(detail.get("text") or detail.get("summary"), "reasoning_details[].text"),
            text_of(detail.get("signature"), "reasoning_details[].signature"),
            text_of(detail.get("data"), "reasoning_details[].data"),
        )
        if thought != Thinking():
            told = told or bool(thought.text)
            yield thought
    plain = message.get("reasoning_content") or message.get("reasoning")
    if plain and not told:
        yield Thinking(text_of(plain, "reasoning"))
    if isinstance(message.get("content"), list):
        yield from _thinking_parts(message["content"])


def _thinking_parts(content: list[Any]) -> Iterator[Thinking]:
    for part in content:
        if isinstance(part, dict) and part.get("type") == "thinking":
            pieces = part.get("thinking")
            pieces = [{"text": pieces}] if isinstance(pieces, str) else pieces
            text = "".join(
                text_of(object_of(piece, "thinking[]").get("text"), "thinking[].text")
                for piece in list_of(pieces, "thinking")
            )
            if text:
                yield Thinking(text, text_of(part.get("signature"), "thinking.signature"))


def citations_of(reply: JsonObject, message: JsonObject) -> Iterator[Citation]:
    """Sources beside the text. They are extras: one of an unknown form is passed over."""
    for note in _objects(message.get("annotations")):
        source = note.get("url_citation")
        if isinstance(source, dict):
            yield from _citation(source, "content")
    results = _objects(reply.get("search_results"))
    for result in results:
        yield from _citation(result, "snippet")
    known = {url for result in results if isinstance(url := result.get("url"), str)}
    bare = reply.get("citations")
    for url in bare if isinstance(bare, list) else ():
        if isinstance(url, str) and url and url not in known:
            yield Citation(url)


def _citation(source: JsonObject, quote: str) -> Iterator[Citation]:
    url, title, words = source.get("url"), source.get("title"), source.get(quote)
    if isinstance(url, str) and url:
        yield Citation(
            url,
            title if isinstance(title, str) else "",
            words if isinstance(words, str) else "",
        )


def _objects(value: Any) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def logprobs_of(choice: JsonObject) -> list[Json]:
    """Those of the answer's tokens, where they have OpenAI's form."""
    given = choice.get("logprobs")
    tokens = given.get("content") if isinstance(given, dict) else None
    return tokens if isinstance(tokens, list) else []


def stop_sequence_of(choice: JsonObject) -> str:
    """vLLM's ``stop_reason``: the sequence, or the number of a token, which tells nobody much."""
    reason = choice.get("stop_reason")
    return reason if isinstance(reason, str) else ""


def finish_of(reason: Any, calls: bool, refused: bool) -> FinishReason:
    """Raises as ``refuse_breakdown`` does."""
    refuse_breakdown(reason)
    if refused:
        return "content_filter"
    known = _FINISH.get(reason, "stop") if isinstance(reason, str) else "stop"
    return "tool_calls" if calls and known == "stop" else known


def refuse_breakdown(reason: Any) -> None:
    """Raises ``ErrorInside`` for a finish reason that says that there is no answer."""
    if reason in _BROKEN:
        raise ErrorInside(f"the answer ended with {reason}")


def usage_of(reply: JsonObject) -> Usage | None:
    """Usage in any of its forms; None when there is none."""
    usage = reply.get("usage")
    if not isinstance(usage, dict):
        aside = reply.get("x_groq")
        usage = aside.get("usage") if isinstance(aside, dict) else None
        if not isinstance(usage, dict):
            return None
    read, written = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    read, written = _object(read), _object(written)
    prompt, completion = count_of(usage.get("prompt_tokens")), usage.get("completion_tokens")
    completion = count_of(completion)
    thought = count_of(written.get("reasoning_tokens")) or count_of(usage.get("reasoning_tokens"))
    if thought and count_of(usage.get("total_tokens")) == prompt + completion + thought:
        completion += thought  # xAI counts thinking beside the completion, not in it
    return Usage(
        prompt,
        completion,
        cached_tokens=count_of(read.get("cached_tokens"))
        or count_of(usage.get("prompt_cache_hit_tokens")),
        cache_write_tokens=count_of(read.get("cache_write_tokens")),
        reasoning_tokens=thought,
    )


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}


def arguments_of(value: Any, path: str) -> str:
    """Some look-alikes send an object where the text of one is due."""
    return json_text(value) if isinstance(value, dict) else text_of(value, f"{path}.arguments")


def _call(call: JsonObject, path: str, new_id: NewId) -> ToolCall:
    function = object_of(call.get("function"), f"{path}.function")
    return ToolCall(
        id=text_of(call.get("id"), f"{path}.id") or new_id(),
        name=name_of(function.get("name"), f"{path}.function.name"),
        arguments=arguments_of(function.get("arguments"), path) or "{}",
    )
