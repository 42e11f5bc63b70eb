"""One turn of the offline agent: which tools it calls, or what it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conduit.agents.ears.note import heard_in
from conduit.agents.offline.clauses import read_plan
from conduit.agents.offline.intent import Answer, Beyond, ChangeSaved, Intent
from conduit.agents.offline.past import json_object, last_midi, last_source, made_in, morphed_in
from conduit.agents.offline.steps import all_steps, next_steps
from conduit.agents.offline.telling import told
from conduit.blocks import dumps
from conduit.contracts.chat import (
    ChatRequest,
    ChatResponse,
    Message,
    ToolCall,
)

_NO_TOOL = (
    "I can only do that with a tool this request did not offer. Ask through `conduit ask` or "
    "`POST /ask`, where the tools come with it, or connect a language model."
)

_NOTHING_TO_CHANGE = (
    "I did not find what to change in it. Say “change the swing in late_night to 58”, “make "
    "late_night faster”, “more ghosts in late_night”."
)


def respond(request: ChatRequest) -> ChatResponse:
    """Decide on one turn: call tools, or answer."""
    past, prompt, results = _split(request.messages)
    made = made_in(past)
    intents = read_plan(
        prompt,
        [each.request for each in made],
        _names(past),
        _last_render(past),
        [each.sat for each in made],
        heard_in(past),
        last_source(past),
        last_midi(past),
        morphed_in(past),
    )
    offered = {tool.name for tool in request.tools}
    live = "live_clip" in offered
    steps = [] if request.tool_choice == "none" else next_steps(intents, results, live=live)
    missing = [step for step in steps if step.tool not in offered]
    if steps and not missing:
        calls = tuple(
            ToolCall(
                f"offline_{len(past)}_{len(results) + at}",
                step.tool,
                dumps(step.arguments).decode(),
            )
            for at, step in enumerate(steps)
        )
        return ChatResponse("", tool_calls=calls, finish_reason="tool_calls")
    said = _told_all(intents, results, live=live)
    if missing or not said:
        said.append(_NO_TOOL)
    return ChatResponse("\n\n".join(said))


def _told_all(
    intents: Sequence[Intent], results: Sequence[dict[str, Any]], *, live: bool
) -> list[str]:
    """The results in words, then what needed no tool."""
    steps = all_steps(intents, results, live=live)
    answers = [
        told(steps[at] if at < len(steps) else None, result) for at, result in enumerate(results)
    ]
    if any("error" in result for result in results):
        left = len(steps) - len(results)
        answers += ["I stopped there; the rest was not done."] * (left > 0)
    elif (
        len(intents) == 1
        and isinstance(intents[0], ChangeSaved)
        and len(steps) == len(results) == 1
    ):
        answers.append(_NOTHING_TO_CHANGE)
    return [text for text in (*answers, *map(_said, intents)) if text]


def _split(messages: Sequence[Message]) -> tuple[Sequence[Message], str, list[Any]]:
    """What came before, the newest user's words, and the tool results since."""
    at = next((i for i in range(len(messages) - 1, -1, -1) if messages[i].role == "user"), None)
    if at is None:
        return messages, "", []
    results = [json_object(m.content) for m in messages[at + 1 :] if m.role == "tool"]
    return messages[:at], messages[at].content, results


def _names(messages: Sequence[Message]) -> frozenset[str]:
    """The configs that were named in what tools answered."""
    found: set[str] = set()
    for message in messages:
        if message.role == "tool":
            result = json_object(message.content)
            listed = [result, *_list(result.get("configs")), *_list(result.get("examples"))]
            found |= {
                str(each["name"])
                for each in listed
                if isinstance(each.get("name"), str) and "address" not in each  # that is a place
            }
    return frozenset(found)


def _last_render(messages: Sequence[Message]) -> str:
    """The name of what was rendered to files last, if no groove was made since."""
    for message in reversed(messages):
        result = json_object(message.content) if message.role == "tool" else {}
        if "lanes" in result:
            name = result.get("name")
            return name if isinstance(name, str) and "groove_id" not in result else ""
    return ""


def _list(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _said(intent: Intent) -> str:
    """What needs no tool; empty for what does."""
    match intent:
        case Beyond(what, enable):
            return f"I can't do {what}. What would enable it: {enable}."
        case Answer(text):
            return text
        case _:
            return ""
