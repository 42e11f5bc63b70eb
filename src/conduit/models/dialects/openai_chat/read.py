"""A request of OpenAI's chat completions, understood.

What a client may send and nobody but an OpenAI-like provider can honour is kept in ``extra``; what
we could not even pass on is refused by name rather than dropped in silence.
"""

from __future__ import annotations

from typing import Any

from conduit.contracts.chat import ChatRequest, OutputSchema, Reasoning, ToolSpec
from conduit.contracts.json import JsonObject
from conduit.models.dialects import functions
from conduit.models.dialects.openai_chat.messages import messages
from conduit.models.dialects.reader import Reader

EXTRA = frozenset(
    "logit_bias service_tier store metadata prediction verbosity safety_identifier moderation "
    "prompt_cache_key prompt_cache_retention prompt_cache_options web_search_options "
    "min_p top_a repetition_penalty length_penalty min_tokens ignore_eos skip_special_tokens "
    "chat_template_kwargs enable_thinking include_reasoning transforms plugins "
    "search_mode search_domain_filter search_recency_filter return_images "
    "return_related_questions safe_prompt guided_json guided_regex guided_choice".split()
)
"""Parameters that only an OpenAI-like provider understands; the last four lines are those of
look-alikes (vLLM, DeepSeek, OpenRouter, Perplexity, Mistral)."""

_READ = frozenset(
    "model messages stream stream_options tools tool_choice functions function_call temperature "
    "top_p top_k max_tokens max_completion_tokens stop seed n frequency_penalty presence_penalty "
    "logprobs top_logprobs response_format parallel_tool_calls reasoning_effort reasoning thinking "
    "user modalities audio".split()
)
_KNOWN = _READ | EXTRA
_HINT = "the fields, types and bounds are those of OpenAI's chat completions"
_EFFORTS = frozenset({"none", "minimal", "low", "medium", "high", "xhigh", "max"})
_CHOICE_HINT = 'use "auto", "none", "required" or {"type": "function", "function": {"name": …}}'
_MOST_STOPS = 64
_MOST_TOKENS = 10_000_000
_SEEDS = 2**63


def streams(body: JsonObject) -> bool:
    """Whether a stream is wanted: only when it is asked for."""
    return body.get("stream") is True


def read(body: JsonObject) -> ChatRequest:
    """Understand a request body. Raises ``InvalidInput`` that names every wrong field."""
    reader = Reader(_HINT)
    given = reader.body(body, _KNOWN)
    get = given.get
    offered, choice = _tools(reader, given)
    extra = {name: value for name, value in given.items() if name in EXTRA}
    limit = reader.whole(
        get("max_completion_tokens"), "max_completion_tokens", 1, _MOST_TOKENS
    ) or reader.whole(get("max_tokens"), "max_tokens", 1, _MOST_TOKENS)
    output, json_mode = _shape(reader, get("response_format"))
    parallel = reader.flag(get("parallel_tool_calls"), "parallel_tool_calls")
    if "functions" in given:
        parallel = False  # that protocol has room for one call
    _refuse(reader, given)
    request = ChatRequest(
        messages=messages(reader, get("messages")),
        model=reader.name(get("model"), "model"),
        tools=offered,
        tool_choice=choice,
        temperature=reader.real(get("temperature"), "temperature", 0, 2),
        top_p=reader.real(get("top_p"), "top_p", 0, 1),
        max_tokens=limit,
        stop=reader.texts(get("stop"), "stop", _MOST_STOPS) if "stop" in given else (),
        seed=reader.whole(get("seed"), "seed", -_SEEDS, _SEEDS - 1),
        output=output,
        json_mode=json_mode,
        top_k=reader.whole(get("top_k"), "top_k", -1, _MOST_TOKENS),
        frequency_penalty=reader.real(get("frequency_penalty"), "frequency_penalty", -2, 2),
        presence_penalty=reader.real(get("presence_penalty"), "presence_penalty", -2, 2),
        top_logprobs=_logprobs(reader, given) if "logprobs" in given else None,
        parallel_tool_calls=parallel,
        reasoning=_reasoning(reader, given),
        user=reader.text(get("user"), "user"),
        extra=extra,
        dialect="openai_chat",
    )
    reader.refuse()
    return request


def _refuse(reader: Reader, given: JsonObject) -> None:
    """What would need more than one answer, or something else than text."""
    reader.flag(given.get("stream"), "stream")
    if "n" in given and reader.whole(given["n"], "n", 1, 128) not in (1, None):
        reader.fault(
            "n",
            "more than one answer at a time is not supported here",
            "send the request several times, or name one OpenAI-compatible provider",
        )
    if "stream_options" in given:
        options = reader.object(given["stream_options"], "stream_options")
        reader.flag(options.get("include_usage"), "stream_options.include_usage")
    if "audio" in given:
        reader.fault("audio", "answers in audio are not supported", "ask for text")
    if "modalities" in given and given["modalities"] != ["text"]:
        reader.fault("modalities", "only text is answered", 'leave it out, or send ["text"]')
    if "top_logprobs" in given and given.get("logprobs") is not True:
        reader.fault("top_logprobs", "needs logprobs to be true", "send logprobs: true as well")


def _reasoning(reader: Reader, given: JsonObject) -> Reasoning | None:
    """OpenAI's effort; or OpenRouter's ``reasoning``, or the ``thinking`` of DeepSeek and Claude,
    which may be a number of tokens, or no more than yes or no."""
    effort = reader.choice(given.get("reasoning_effort"), "reasoning_effort", _EFFORTS)
    for name, limit in (("reasoning", "max_tokens"), ("thinking", "budget_tokens")):
        if name not in given:
            continue
        asked = reader.object(given[name], name)
        tokens = reader.whole(asked.get(limit), f"{name}.{limit}", 1, _MOST_TOKENS)
        effort = effort or reader.choice(asked.get("effort"), f"{name}.effort", _EFFORTS)
        if asked.get("enabled") is False or asked.get("type") == "disabled":
            return Reasoning("none")
        if tokens or effort:
            return Reasoning(effort, tokens)
        if asked:
            return Reasoning("medium")
    return Reasoning(effort) if effort else None


def _logprobs(reader: Reader, given: JsonObject) -> int | None:
    if not reader.flag(given["logprobs"], "logprobs"):
        return None
    return reader.whole(given.get("top_logprobs"), "top_logprobs", 0, 20) or 0


def _shape(reader: Reader, value: Any) -> tuple[OutputSchema | None, bool]:
    """``response_format``: a schema, any JSON object, or nothing in particular."""
    if value is None:
        return None, False
    where = "response_format"
    wanted = reader.object(value, where)
    kind = wanted.get("type")
    if kind == "json_schema":
        inner = reader.item(wanted.get("json_schema"), f"{where}.json_schema")
        if inner is None:
            return None, False
        name = reader.name(inner.get("name"), f"{where}.json_schema.name", functions.LONGEST_NAME)
        schema = reader.object(inner.get("schema"), f"{where}.json_schema.schema")
        return OutputSchema(name, schema), False
    if kind not in ("text", "json_object"):
        reader.unsupported(f"{where}.type", kind, "formats", "use text, json_object or json_schema")
    return None, kind == "json_object"


def _tools(reader: Reader, given: JsonObject) -> tuple[tuple[ToolSpec, ...], str]:
    """What is offered, and what may be chosen; ``functions`` and ``function_call`` are the names of
    2023 for the same."""
    offered: tuple[ToolSpec, ...] = ()
    if "tools" in given:
        offered = functions.tools(reader, given["tools"])
    if "functions" in given:
        offered += tuple(
            functions.function(reader, each, f"functions[{at}]")
            for at, each in enumerate(
                reader.array(given["functions"], "functions", functions.MOST_TOOLS)
            )
        )
    match given.get("tool_choice"):
        case None:
            return offered, _old_choice(reader, given.get("function_call"))
        case "auto" | "none" | "required" as word:
            return offered, str(word)
        case {"type": "function", "function": {"name": str(name)}} if name:
            return offered, name
        case {"type": "allowed_tools", "allowed_tools": {"mode": "auto" | "required" as mode}} as c:
            where = "tool_choice.allowed_tools.tools"
            named = c["allowed_tools"].get("tools")
            return functions.allowed(reader, offered, named, where), str(mode)
    reader.fault("tool_choice", "is no tool choice", _CHOICE_HINT)
    return offered, "auto"


def _old_choice(reader: Reader, value: Any) -> str:
    match value:
        case None | "auto":
            return "auto"
        case "none":
            return "none"
        case {"name": str(name)} if name:
            return name
    reader.fault("function_call", "is no choice of a function", 'use "auto", "none" or {"name": …}')
    return "auto"
