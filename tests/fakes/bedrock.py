"""Amazon Bedrock's runtime: ``Converse`` and ``ConverseStream``, with signatures checked.

Shapes: the service model ``bedrock-runtime`` (2023-09-30). A signature is verified as AWS does,
from what came over the wire, with code of its own: only credentials in ``SECRETS`` are known.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import struct
import zlib
from typing import Any
from urllib.parse import quote, unquote

from tests.fakes.answer import Answer, Reply, words_of
from tests.fakes.places import Place, Request

SECRETS = {"AKIDEXAMPLE": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
API_KEY = "bedrock-api-key-0123456789"
_PATH = re.compile(r"/model/([^/]+)/converse(-stream)?")
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)
_REASONS = {"length": "max_tokens", "content_filter": "content_filtered"}
_BLOCKS = {"text", "image", "toolUse", "toolResult", "reasoningContent"}
_FIELDS = {
    "messages", "system", "inferenceConfig", "toolConfig", "additionalModelRequestFields",
    "outputConfig",
}  # fmt: skip


def place_of(path: str) -> Place | None:
    """What a path leads to, if it is one of this protocol."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    return Place(unquote(found[1]), bool(found[2]), _reply, _asked, _refuse)


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """A message of the event stream, all headers being text."""
    head = b""
    for name, value in headers.items():
        head += bytes([len(name)]) + name.encode() + b"\x07"
        head += struct.pack(">H", len(value.encode())) + value.encode()
    prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return body + struct.pack(">I", zlib.crc32(body))


def event(type: str, value: dict[str, Any]) -> bytes:
    """An event, padded as AWS pads them."""
    headers = {
        ":event-type": type,
        ":content-type": "application/json",
        ":message-type": "event",
    }
    return message(headers, json.dumps(value | {"p": "abcdefgh"}).encode())


def exception(type: str, value: dict[str, Any]) -> bytes:
    """An exception in the stream."""
    headers = {
        ":exception-type": type,
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    return message(headers, json.dumps(value).encode())


def _reply(answer: Answer, body: dict[str, Any]) -> Reply:
    content: list[dict[str, Any]] = []
    if answer.thinking:
        said = {"text": answer.thinking, "signature": "c2lnbmVk"}
        content.append({"reasoningContent": {"reasoningText": said}})
    if answer.text:
        content.append({"text": answer.text})
    content += [
        {"toolUse": {"toolUseId": use.id, "name": use.name, "input": use.arguments}}
        for use in answer.tools
    ]
    reason = _REASONS.get(answer.finish) or ("tool_use" if answer.tools else "end_turn")
    usage = {
        "inputTokens": 7 - answer.cached,
        "outputTokens": 5,
        "totalTokens": 12,
        "cacheReadInputTokens": answer.cached,
        "cacheWriteInputTokens": 0,
    }
    metrics = {"latencyMs": 12}
    whole = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": reason,
        "usage": usage,
        "metrics": metrics,
    }
    pieces = [event("messageStart", {"role": "assistant"})]
    for at, block in enumerate(content):
        pieces += _pieces(at, block)
    pieces.append(event("messageStop", {"stopReason": reason}))
    pieces.append(event("metadata", {"usage": usage, "metrics": metrics}))
    error = exception("throttlingException", {"message": "The model is overloaded."})
    return Reply(whole, pieces, 1, "application/vnd.amazon.eventstream", error)


def _pieces(at: int, block: dict[str, Any]) -> list[bytes]:
    place, begun = {"contentBlockIndex": at}, []
    if "text" in block:
        deltas: list[dict[str, Any]] = [{"text": word} for word in words_of(block["text"])]
    elif "toolUse" in block:
        use = dict(block["toolUse"])
        text = json.dumps(use.pop("input"))
        begun = [event("contentBlockStart", place | {"start": {"toolUse": use}})]
        halves = [text[: len(text) // 2], text[len(text) // 2 :]] if text != "{}" else [""]
        deltas = [{"toolUse": {"input": half}} for half in halves]
    else:
        said = block["reasoningContent"]["reasoningText"]
        thoughts = [{"text": word} for word in words_of(said["text"])]
        thoughts.append({"signature": said["signature"]})
        deltas = [{"reasoningContent": thought} for thought in thoughts]
    pieces = [event("contentBlockDelta", place | {"delta": delta}) for delta in deltas]
    return [*begun, *pieces, event("contentBlockStop", place)]


def _asked(body: dict[str, Any]) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    for turn in body["messages"]:
        text = " ".join(block["text"] for block in turn["content"] if "text" in block)
        results = [b["toolResult"] for b in turn["content"] if "toolResult" in b]
        messages.append({"role": "tool" if results else turn["role"], "content": text})
    tools = [t["toolSpec"] for t in body.get("toolConfig", {}).get("tools", ())]
    asked: dict[str, Any] = {"messages": messages, "tools": [{"name": t["name"]} for t in tools]}
    if shape := body.get("outputConfig", {}).get("textFormat"):
        schema = json.loads(shape["structure"]["jsonSchema"]["schema"])
        asked["response_format"] = {"json_schema": {"schema": schema}}
    return asked


def _refuse(request: Request) -> tuple[int, str]:
    if words := _unknown(request):
        return 403, words
    odd = set(request.body) - _FIELDS
    if odd:
        return 400, f"extraneous key {sorted(odd)} is not permitted"
    roles = [turn["role"] for turn in request.body["messages"]]
    if roles != ["user", "assistant"] * (len(roles) // 2) + ["user"] * (len(roles) % 2):
        return 400, "A conversation must alternate between user and assistant roles"
    blocks = [block for turn in request.body["messages"] for block in turn["content"]]
    if any(len(block) != 1 or not set(block) <= _BLOCKS for block in blocks):
        return 400, "ContentBlock object at messages must set one of the following keys"
    used = any("toolUse" in block or "toolResult" in block for block in blocks)
    if used and "toolConfig" not in request.body:
        return 400, "The toolConfig field must be defined when using toolUse and toolResult"
    return 0, ""


def _unknown(request: Request) -> str:
    """Why a request's signature (or API key) is not accepted."""
    sent = request.headers.get("authorization", "")
    if sent == f"Bearer {API_KEY}":
        return ""
    found = _AUTHORIZATION.fullmatch(sent)
    if found is None or found[1] not in SECRETS:
        return "The security token included in the request is invalid."
    access, date, region, service, names, signature = found.groups()
    if service != "bedrock":
        return "Credential should be scoped to correct service: 'bedrock'."
    needed = {"host", "x-amz-date"} | {n for n in request.headers if n.startswith("x-amz-")}
    if not needed <= set(names.split(";")):
        return "There were headers present in the request which were not signed"
    stamp = request.headers["x-amz-date"]
    path, _, query = request.target.partition("?")
    lines = [request.method, quote(path, safe="/-_.~"), query]
    lines += [f"{name}:{request.headers[name]}" for name in names.split(";")]
    lines += ["", names, hashlib.sha256(request.raw).hexdigest()]
    scope = f"{date}/{region}/bedrock/aws4_request"
    canonical = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    key = ("AWS4" + SECRETS[access]).encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{canonical}"
    right = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    if right == signature and stamp.startswith(date):
        return ""
    return "The request signature we calculated does not match the signature you provided."
