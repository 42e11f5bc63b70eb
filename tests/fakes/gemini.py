"""Google's Gemini API, v1beta: ``generateContent`` and ``streamGenerateContent?alt=sse``."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.fakes.answer import Answer, Reply, words_of
from tests.fakes.places import Place, Request

_PATH = re.compile(r"/v1beta/models/([A-Za-z0-9._-]+):(generate|streamGenerate)Content(\?alt=sse)?")
_REASONS = {"length": "MAX_TOKENS", "content_filter": "SAFETY"}
_FIELDS = {"contents", "systemInstruction", "generationConfig", "tools", "toolConfig"}
_CONFIG = {
    "temperature", "topP", "topK", "maxOutputTokens", "stopSequences", "seed", "presencePenalty",
    "frequencyPenalty", "responseLogprobs", "logprobs", "responseMimeType", "responseJsonSchema",
    "thinkingConfig",
}  # fmt: skip
_PARTS = {"text", "inlineData", "fileData", "functionCall", "functionResponse", "thoughtSignature"}


def place_of(path: str) -> Place | None:
    """What a path leads to, if it is one of this protocol."""
    found = _PATH.fullmatch(path)
    if found is None or (found[2] == "streamGenerate") is not bool(found[3]):
        return None
    return Place(found[1], bool(found[3]), _reply, _asked, _refuse)


def _sse(value: object) -> bytes:
    return f"data: {json.dumps(value)}\r\n\r\n".encode()


def _reply(answer: Answer, body: dict[str, Any]) -> Reply:
    config = body.get("generationConfig", {})
    usage = {
        "promptTokenCount": 7,
        "candidatesTokenCount": 5,
        "totalTokenCount": 12,
        "cachedContentTokenCount": answer.cached,
    }
    head = {"modelVersion": "gemini-fake", "responseId": "r1", "usageMetadata": usage}

    def reply(parts: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
        candidate = {"content": {"role": "model", "parts": parts}, "index": 0} | fields
        return head | {"candidates": [candidate]}

    thoughts: list[dict[str, Any]] = [
        {"text": word, "thought": True} for word in words_of(answer.thinking)
    ]
    calls: list[dict[str, Any]] = [
        {"functionCall": {"id": use.id, "name": use.name, "args": use.arguments}}
        for use in answer.tools
    ]
    if calls:
        calls[0]["thoughtSignature"] = "c2lnbmVk"
    last: dict[str, Any] = {"finishReason": _REASONS.get(answer.finish, "STOP")}
    if answer.sources:
        chunks = [{"web": {"uri": url, "title": title}} for url, title in answer.sources]
        last["groundingMetadata"] = {"groundingChunks": chunks}
    words: list[dict[str, Any]] = [{"text": word} for word in words_of(answer.text)]
    if config.get("responseLogprobs"):
        last["logprobsResult"] = _logprobs(answer.text, config.get("logprobs", 0))
    texts: list[dict[str, Any]] = [{"text": answer.text}] if answer.text else []
    whole = reply([*thoughts, *texts, *calls], **last)
    parts: list[dict[str, Any]] = [*thoughts, *words, *calls]
    pieces = [_sse(reply([part])) for part in parts[:-1]]
    pieces.append(_sse(reply(parts[-1:], **last)))
    return Reply(whole, pieces, 0, "text/event-stream")


def _logprobs(text: str, others: int) -> dict[str, Any]:
    rows = [{"token": word, "tokenId": 1, "logProbability": -0.5} for word in words_of(text)]
    tops = [{"candidates": [row] * others} for row in rows]
    return {"chosenCandidates": rows, "topCandidates": tops}


def _asked(body: dict[str, Any]) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    for turn in body["contents"]:
        text = " ".join(part["text"] for part in turn["parts"] if "text" in part)
        results = any("functionResponse" in part for part in turn["parts"])
        messages.append({"role": "tool" if results else turn["role"], "content": text})
    declared = [d for tool in body.get("tools", ()) for d in tool["functionDeclarations"]]
    asked: dict[str, Any] = {
        "messages": messages,
        "tools": [{"name": each["name"]} for each in declared],
    }
    if schema := body.get("generationConfig", {}).get("responseJsonSchema"):
        asked["response_format"] = {"json_schema": {"schema": schema}}
    return asked


def _refuse(request: Request) -> tuple[int, str]:
    if not request.headers.get("x-goog-api-key"):
        return 403, "Method doesn't allow unregistered callers"
    body = request.body
    odd = set(body) - _FIELDS | set(body.get("generationConfig", {})) - _CONFIG
    if odd:
        return 400, f"Invalid JSON payload received. Unknown name {sorted(odd)}"
    if not body["contents"] or body["contents"][0]["role"] != "user":
        return 400, "Please ensure that the conversation starts with a user turn."
    awaited = 0
    for turn in body["contents"]:
        parts = turn["parts"]
        if not parts or any(not set(part) <= _PARTS for part in parts):
            return 400, "Unable to submit request because it must have a valid part"
        results = sum("functionResponse" in part for part in parts)
        if results != awaited:
            return 400, "The number of function response parts is not that of function calls."
        calls = [part for part in parts if "functionCall" in part]
        if calls and "gemini-3" in request.target and "thoughtSignature" not in calls[0]:
            return 400, "Function call is missing a thought_signature in functionCall parts."
        awaited = len(calls)
    return 0, ""
