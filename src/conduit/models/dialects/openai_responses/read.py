"""A request of OpenAI's Responses, understood.

Tools that OpenAI runs itself, and what lives on its servers (earlier responses, conversations,
prompts, files), are refused by name. ``store`` is taken and answered with false.
"""

from __future__ import annotations

from typing import Any

from conduit.contracts.chat import ChatRequest, Message, OutputSchema, Reasoning, ToolSpec
from conduit.contracts.json import JsonObject
from conduit.models.dialects import functions
from conduit.models.dialects.openai_responses.items import messages
from conduit.models.dialects.reader import Reader

EXTRA = frozenset(
    "max_tool_calls service_tier prompt_cache_key prompt_cache_retention prompt_cache_options "
    "safety_identifier context_management moderation access_programs".split()
)
"""Parameters that only OpenAI understands."""

_SERVER_SIDE = {
    "previous_response_id": "send the whole conversation in input: earlier responses are not kept",
    "conversation": "send the whole conversation in input: conversations are not kept",
    "prompt": "send the prompt's text as instructions: stored prompts are not known here",
    "background": "leave it out: an answer is given at once or streamed",
}
_REPEATED = ("tools", "tool_choice", "text", "reasoning")
"""What an answer repeats as it came: it must be possible to write it."""

_KNOWN = EXTRA | frozenset(
    "model input instructions tools tool_choice parallel_tool_calls temperature top_p "
    "max_output_tokens text reasoning stream stream_options store include metadata truncation "
    "top_logprobs user previous_response_id conversation prompt background image".split()
)
_HINT = "the fields, types and bounds are those of OpenAI's Responses"
_EFFORTS = frozenset({"none", "minimal", "low", "medium", "high", "xhigh", "max"})
_TRUNCATIONS = frozenset({"auto", "disabled"})
_LOGPROBS = "message.output_text.logprobs"
_ENCRYPTED = "reasoning.encrypted_content"
_CHOICE_HINT = 'use "auto", "none", "required" or {"type": "function", "name": …}'
_TOOLS_HINT = "offer tools of type function, and run them yourself"
_MOST_TOKENS = 10_000_000


def streams(body: JsonObject) -> bool:
    """Whether a stream is wanted: only when it is asked for."""
    return body.get("stream") is True


def read(body: JsonObject) -> ChatRequest:
    """Understand a request body. Raises ``InvalidInput`` that names every wrong field."""
    reader = Reader(_HINT)
    given = reader.body(body, _KNOWN)
    get = given.get
    for name, hint in _SERVER_SIDE.items():
        if given.get(name):
            reader.fault(name, "is not supported: nothing is kept between requests", hint)
    reader.flag(get("stream"), "stream")
    reader.flag(get("store"), "store")
    _metadata(reader, get("metadata"))
    for name in _REPEATED:
        if type(given.get(name)) in (dict, list):
            reader.json(given[name], name)
    turns = messages(reader, get("input"))
    instructions = reader.text(get("instructions"), "instructions")
    if instructions:
        turns = (Message("system", instructions), *turns)
    offered = _tools(reader, get("tools"))
    offered, choice = _choice(reader, offered, get("tool_choice"))
    extra = {name: value for name, value in given.items() if name in EXTRA}
    output, json_mode = _text(reader, get("text"), extra)
    logprobs = _include(reader, given, extra)
    if reader.choice(get("truncation"), "truncation", _TRUNCATIONS) == "auto":
        extra["truncation"] = "auto"
    request = ChatRequest(
        messages=turns,
        model=reader.name(get("model"), "model"),
        tools=offered,
        tool_choice=choice,
        temperature=reader.real(get("temperature"), "temperature", 0, 2),
        top_p=reader.real(get("top_p"), "top_p", 0, 1),
        max_tokens=reader.whole(get("max_output_tokens"), "max_output_tokens", 1, _MOST_TOKENS),
        output=output,
        json_mode=json_mode,
        top_logprobs=logprobs,
        parallel_tool_calls=reader.flag(get("parallel_tool_calls"), "parallel_tool_calls"),
        reasoning=_reasoning(reader, get("reasoning")),
        user=reader.text(get("user"), "user"),
        extra=extra,
        dialect="openai_responses",
    )
    reader.refuse()
    return request


def _metadata(reader: Reader, value: Any) -> None:
    """It is given back as it came."""
    if value is None:
        return
    for key, each in reader.object(value, "metadata").items():
        if type(each) is not str:
            reader.wrong(f"metadata.{key:.64}", "a string", each)


def _reasoning(reader: Reader, value: Any) -> Reasoning | None:
    """The effort. A summary is given wherever a provider tells what its model thought."""
    if value is None:
        return None
    given = reader.object(value, "reasoning")
    effort = reader.choice(given.get("effort"), "reasoning.effort", _EFFORTS)
    return Reasoning(effort) if effort else None


def _text(reader: Reader, value: Any, extra: JsonObject) -> tuple[OutputSchema | None, bool]:
    """``text.format``, and ``text.verbosity`` for a provider that has it."""
    if value is None:
        return None, False
    given = reader.object(value, "text")
    if given.get("verbosity") is not None:
        extra["text"] = {"verbosity": reader.text(given["verbosity"], "text.verbosity")}
    if given.get("format") is None:
        return None, False
    where = "text.format"
    wanted = reader.object(given["format"], where)
    kind = wanted.get("type")
    if kind == "json_schema":
        name = reader.name(wanted.get("name"), f"{where}.name", functions.LONGEST_NAME)
        return OutputSchema(name, reader.object(wanted.get("schema"), f"{where}.schema")), False
    if kind not in ("text", "json_object"):
        reader.unsupported(f"{where}.type", kind, "formats", "use text, json_object or json_schema")
    return None, kind == "json_object"


def _include(reader: Reader, given: JsonObject, extra: JsonObject) -> int | None:
    """Whether log probabilities are wanted. What else may be included stays for OpenAI."""
    top = reader.whole(given.get("top_logprobs"), "top_logprobs", 0, 20)
    if "include" not in given:
        return top
    wanted = reader.texts(given["include"], "include", 32)
    if any(each not in (_LOGPROBS, _ENCRYPTED) for each in wanted):
        extra["include"] = list(wanted)
    return (top or 0) if _LOGPROBS in wanted else top


def _tools(reader: Reader, value: Any) -> tuple[ToolSpec, ...]:
    if value is None:
        return ()
    found = []
    for at, item in enumerate(reader.array(value, "tools", functions.MOST_TOOLS)):
        where = f"tools[{at}]"
        tool = reader.item(item, where)
        if tool is None:
            continue
        if tool.get("type") == "function":
            found.append(functions.function(reader, tool, where))
        else:
            reader.unsupported(f"{where}.type", tool.get("type"), "hosted tools", _TOOLS_HINT)
    return tuple(found)


def _choice(
    reader: Reader, offered: tuple[ToolSpec, ...], value: Any
) -> tuple[tuple[ToolSpec, ...], str]:
    match value:
        case None:
            return offered, "auto"
        case "auto" | "none" | "required":
            return offered, str(value)
        case {"type": "function", "name": str(name)} if name:
            return offered, name
        case {"type": "allowed_tools", "mode": "auto" | "required" as mode}:
            named = functions.allowed(reader, offered, value.get("tools"), "tool_choice.tools")
            return named, str(mode)
    reader.fault("tool_choice", "is no tool choice", _CHOICE_HINT)
    return offered, "auto"
