"""A request of Anthropic's Messages API, understood.

Tools that Anthropic runs itself, and files, are refused by name. ``cache_control`` is a mark on
single blocks, which no other protocol has: it is reported in ``extra``, in the place where the API
takes it for the request as a whole.
"""

from __future__ import annotations

from typing import Any

from conduit.contracts.chat import ChatRequest, Message, OutputSchema, Reasoning, ToolSpec
from conduit.contracts.json import JsonObject
from conduit.models.dialects import counting
from conduit.models.dialects.anthropic.messages import CACHE_MARK, Turns
from conduit.models.dialects.reader import Reader

EXTRA = frozenset(
    "cache_control container context_management diagnostics inference_geo mcp_servers service_tier "
    "speed user_profile_id workspace_id".split()
)
"""Parameters that only Anthropic understands."""

_KNOWN = EXTRA | frozenset(
    "model messages system max_tokens metadata stop_sequences stream temperature top_p top_k tools "
    "tool_choice thinking output_config output_format".split()
)
_HINT = "the fields, types and bounds are those of Anthropic's Messages API"
_EFFORTS = frozenset({"low", "medium", "high", "xhigh", "max"})
_USUAL_EFFORT = "high"
"""What ``adaptive`` thinking stands for when no effort is given, as the reference says."""

_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_MOST_TOOLS = 512
_MOST_STOPS = 8191
_MOST_TOKENS = 10_000_000


def streams(body: JsonObject) -> bool:
    """Whether a stream is wanted: only when it is asked for."""
    return body.get("stream") is True


def read(body: JsonObject) -> ChatRequest:
    """Understand a request body. Raises ``InvalidInput`` that names every wrong field."""
    return _read(body, counting_only=False)


def count_tokens(body: JsonObject) -> int:
    """The answer to ``POST /v1/messages/count_tokens``, estimated: how well is said in
    ``counting``. Raises ``InvalidInput`` as ``read`` does; ``max_tokens`` is not needed."""
    return counting.estimate(_read(body, counting_only=True))


def _read(body: JsonObject, counting_only: bool) -> ChatRequest:
    reader = Reader(_HINT)
    given = reader.body(body, _KNOWN)
    get = given.get
    limit = reader.whole(get("max_tokens"), "max_tokens", 1, _MOST_TOKENS)
    if limit is None and "max_tokens" not in given and not counting_only:
        reader.fault("max_tokens", "is missing", "say how many tokens the answer may have")
    reader.flag(get("stream"), "stream")
    turns = Turns(reader)
    system = turns.system(get("system"))
    messages = turns.read(get("messages"))
    tools, marked = _tools(reader, get("tools"))
    choice, parallel = _choice(reader, get("tool_choice"))
    reasoning, output = _thinking_and_shape(reader, given)
    extra = {name: value for name, value in given.items() if name in EXTRA}
    if turns.marked or marked:
        extra.setdefault(CACHE_MARK, {"type": "ephemeral"})
    request = ChatRequest(
        messages=(Message("system", system), *messages) if system else messages,
        model=reader.name(get("model"), "model"),
        tools=tools,
        tool_choice=choice,
        temperature=reader.real(get("temperature"), "temperature", 0, 1),
        top_p=reader.real(get("top_p"), "top_p", 0, 1),
        max_tokens=limit,
        stop=reader.texts(get("stop_sequences"), "stop_sequences", _MOST_STOPS),
        output=output,
        top_k=reader.whole(get("top_k"), "top_k", 0, _MOST_TOKENS),
        parallel_tool_calls=parallel,
        reasoning=reasoning,
        user=_user(reader, get("metadata")),
        extra=extra,
        dialect="anthropic",
    )
    reader.refuse()
    return request


def _user(reader: Reader, metadata: Any) -> str:
    if metadata is None:
        return ""
    user = reader.object(metadata, "metadata").get("user_id")
    return reader.text(user, "metadata.user_id")


def _tools(reader: Reader, value: Any) -> tuple[tuple[ToolSpec, ...], bool]:
    """What is offered, and whether one of them carries a mark for the cache."""
    if value is None:
        return (), False
    found, marked = [], False
    for at, item in enumerate(reader.array(value, "tools", _MOST_TOOLS)):
        where = f"tools[{at}]"
        tool = reader.item(item, where)
        if tool is None:
            continue
        kind = tool.get("type")
        if kind is not None and kind != "custom":
            said = "tools that the provider runs itself,"
            reader.unsupported(f"{where}.type", kind, said, "offer tools with an input_schema")
            continue
        marked = marked or tool.get(CACHE_MARK) is not None
        found.append(
            ToolSpec(
                reader.name(tool.get("name"), f"{where}.name", 128),
                reader.text(tool.get("description"), f"{where}.description"),
                reader.object(tool.get("input_schema"), f"{where}.input_schema"),
            )
        )
    return tuple(found), marked


def _choice(reader: Reader, value: Any) -> tuple[str, bool | None]:
    """Which tool, and whether several at once."""
    if value is None:
        return "auto", None
    given = reader.object(value, "tool_choice")
    one = reader.flag(
        given.get("disable_parallel_tool_use"), "tool_choice.disable_parallel_tool_use"
    )
    parallel = None if one is None else not one
    kind = given.get("type")
    if kind == "tool":
        return reader.name(given.get("name"), "tool_choice.name", 128) or "auto", parallel
    if type(kind) is str and kind in _CHOICES:
        return _CHOICES[kind], parallel
    hint = 'use {"type": "auto"}, any, none, or {"type": "tool", "name": …}'
    reader.fault("tool_choice.type", "is no tool choice", hint)
    return "auto", parallel


def _thinking_and_shape(
    reader: Reader, given: JsonObject
) -> tuple[Reasoning | None, OutputSchema | None]:
    """``thinking`` and ``output_config``; ``output_format`` is the name its ``format`` had first.

    How much to think is a number of tokens in the one and an effort in the other.
    """
    config: JsonObject = {}
    if "output_config" in given:
        config = reader.object(given["output_config"], "output_config")
    effort = reader.choice(config.get("effort"), "output_config.effort", _EFFORTS)
    output = _shape(reader, config.get("format"), "output_config.format")
    if "output_format" in given:
        output = output or _shape(reader, given["output_format"], "output_format")
    reasoning = Reasoning(effort) if effort else None
    if "thinking" not in given:
        return reasoning, output
    thinking = reader.object(given["thinking"], "thinking")
    match thinking.get("type"):
        case "disabled":
            return Reasoning("none"), output
        case "adaptive" | "between_tools":
            return Reasoning(effort or _USUAL_EFFORT), output
        case "enabled":
            where = "thinking.budget_tokens"
            budget = reader.whole(thinking.get("budget_tokens"), where, 1, _MOST_TOKENS)
            if "budget_tokens" not in thinking:
                reader.fault(where, "is missing")
            return Reasoning(effort, budget), output
    reader.fault("thinking.type", "expected enabled, adaptive or disabled")
    return reasoning, output


def _shape(reader: Reader, value: Any, where: str) -> OutputSchema | None:
    if value is None:
        return None
    given = reader.object(value, where)
    if given.get("type") != "json_schema":
        kind = given.get("type")
        reader.unsupported(f"{where}.type", kind, "formats", "use json_schema")
        return None
    return OutputSchema("answer", reader.object(given.get("schema"), f"{where}.schema"))
