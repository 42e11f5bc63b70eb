"""A client that speaks Anthropic's protocol itself: its words go on as they are."""

from __future__ import annotations

from conduit.contracts.chat import FinishReason, Usage
from conduit.contracts.json import JsonObject
from conduit.models.exchange import Frame, NotTheProtocol, WireRequest
from conduit.models.reading import json_body, object_of, parse_object, text_of
from conduit.models.wire.anthropic.reply import finish, refuse_error, usage
from conduit.models.wire.anthropic.request import PATH, VERSION

_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
_DELTA = b'{"type":"content_block_delta"'
_VALUES = ((b'"text":', 8), (b'"thinking":', 12), (b'"partial_json":', 16))
"""Keys of what a delta says, and the bytes from there to its end that are not said."""


def encode_relayed(body: JsonObject, model: str, stream: bool) -> WireRequest:
    """The client's own body, for this model. Tool servers and betas that only Anthropic knows stay
    in it; its headers are not ours to choose."""
    sent = body | {"model": model}
    if stream is not (body.get("stream") is True):
        sent["stream"] = stream
    return WireRequest(PATH, json_body(sent), (VERSION,))


class AnthropicWatcher:
    """Follows one stream. Nearly all events are deltas, which are passed on unread."""

    def __init__(self, body: JsonObject) -> None:
        self._started = False
        self._reason = ""
        self.model = ""
        self.answered = False
        self.ended = False
        self.usage: Usage | None = None
        self.characters = 0

    @property
    def complete(self) -> bool:
        return bool(self._reason)

    @property
    def reason(self) -> FinishReason | None:
        return finish(self._reason) if self._reason else None

    def feed(self, frame: Frame) -> bytes:
        data = frame.data
        if self.ended:  # an end mark twice, or what nobody expects behind it
            return b""
        if frame.event == "content_block_delta" or data.startswith(_DELTA):
            self.answered = True
            self._measure(data)
        else:
            self._learn(data)
        if b"\n" in data:
            data = data.replace(b"\n", b"\ndata: ")
        if frame.event:
            return b"event: %b\ndata: %b\n\n" % (frame.event.encode(), data)
        return b"data: %b\n\n" % data

    def alike(self, data: bytes) -> bool:
        return False  # each event is named

    def finish(self) -> bytes:
        if not self._started or not (self.ended or self.complete):
            raise NotTheProtocol("the stream ended before the answer did")
        return b"" if self.ended else _STOP

    def _measure(self, data: bytes) -> None:
        for key, rest in _VALUES:
            at = data.find(key)
            if at >= 0:
                self.characters += max(len(data) - at - rest - 3, 0)
                return

    def _learn(self, data: bytes) -> None:
        event = parse_object(data, "an event of the stream")
        refuse_error(event)
        match event.get("type"):
            case "message_start":
                message = object_of(event.get("message"), "message")
                self._started = True
                self.model = text_of(message.get("model"), "message.model")
                self.usage = usage(message.get("usage"), None)
            case "content_block_start" | "content_block_delta":
                self.answered = True
                self._measure(data)
            case "message_delta":
                delta = object_of(event.get("delta"), "delta")
                self._reason = text_of(delta.get("stop_reason"), "stop_reason") or self._reason
                self.usage = usage(event.get("usage"), self.usage)
            case "message_stop":
                self.ended = True
