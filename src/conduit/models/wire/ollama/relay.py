"""A client that speaks Ollama's protocol itself: its words go on as they are."""

from __future__ import annotations

from conduit.contracts.chat import FinishReason, Usage
from conduit.contracts.json import JsonObject
from conduit.models.exchange import Frame, NotTheProtocol, WireRequest
from conduit.models.reading import json_body, text_of
from conduit.models.wire.ollama.reply import checked, finish, usage
from conduit.models.wire.ollama.request import PATH

_GENERATE = "/api/generate"
_MORE = b'"done":false'
_CALLS = b'"tool_calls":'
_VALUES = (b'"content":', b'"response":', b'"thinking":')


def encode_chat(body: JsonObject, model: str, stream: bool) -> WireRequest:
    """The client's own body of ``/api/chat``, for this model."""
    return _relayed(PATH, body, model, stream)


def encode_generate(body: JsonObject, model: str, stream: bool) -> WireRequest:
    """The client's own body of ``/api/generate``, for this model."""
    return _relayed(_GENERATE, body, model, stream)


def _relayed(path: str, body: JsonObject, model: str, stream: bool) -> WireRequest:
    """A stream is what the protocol does when nothing is said."""
    sent = body | {"model": model}
    if stream is not (body.get("stream") is not False):
        sent["stream"] = stream
    return WireRequest(path, json_body(sent))


class OllamaWatcher:
    """Follows one stream, of chat or of generate. Nearly all lines are passed on unread."""

    def __init__(self, body: JsonObject) -> None:
        self.model = ""
        self.answered = False
        self.ended = False
        self.usage: Usage | None = None
        self.characters = 0
        self.reason: FinishReason | None = None
        self._calls = False

    @property
    def complete(self) -> bool:
        return self.ended

    def feed(self, frame: Frame) -> bytes:
        data = frame.data
        if not self.model or _MORE not in data:
            self._learn(data)
        self.answered = True
        self._calls = self._calls or _CALLS in data
        for key in _VALUES:
            at = data.find(key)
            if at >= 0:
                begin = data.find(b'"', at + len(key)) + 1
                self.characters += max(data.find(b'"', begin) - begin, 0)
        return data + b"\n"

    def alike(self, data: bytes) -> bool:
        return False  # its framing is another

    def finish(self) -> bytes:
        if not self.ended:
            raise NotTheProtocol("the stream ended before the answer did")
        return b""

    def _learn(self, data: bytes) -> None:
        event = checked(data, "a line of the stream")
        if "message" not in event and "response" not in event and "done" not in event:
            raise NotTheProtocol("a line of the stream is none of an answer")
        self.model = self.model or text_of(event.get("model"), "model")
        if event.get("done") is True:
            self.ended, self.usage = True, usage(event)
            self.reason = finish(event.get("done_reason"), self._calls)
