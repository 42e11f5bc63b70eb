"""The Responses API on both sides: a client's own body goes on, and its events come back."""

from __future__ import annotations

from conduit.contracts.chat import FinishReason, Usage
from conduit.contracts.json import JsonObject
from conduit.models.event_shape import EventShape
from conduit.models.exchange import ErrorInside, Frame, NotTheProtocol, Relay, WireRequest
from conduit.models.reading import error_words, json_body, list_of, object_of, parse_object
from conduit.models.wire.openai_responses.reply import finish_of, refuse_failure, usage_of
from conduit.models.wire.openai_responses.request import PATH

_LAST = ("response.completed", "response.incomplete", "response.failed")


def _encode(body: JsonObject, model: str, stream: bool) -> WireRequest:
    """What the client wrote, for this model."""
    return WireRequest(PATH, json_body(body | {"model": model, "stream": stream}))


class ResponsesWatcher:
    """Follows one stream. ``characters`` are counted as the bytes of the text in JSON."""

    def __init__(self, body: JsonObject) -> None:
        self._shape = EventShape()
        self._name = ""
        self._line = b"data: "
        self.model = ""
        self.answered = False
        self.ended = False
        self.usage: Usage | None = None
        self.characters = 0
        self.reason: FinishReason | None = None

    @property
    def complete(self) -> bool:
        return self.ended

    def feed(self, frame: Frame) -> bytes:
        if self.ended:
            return b""
        data = frame.data
        length = self._shape.match(data)
        if length < 0:
            data = self._read(frame)
            if not data:
                return b""
        else:
            self.characters += length
        if frame.event != self._name:
            self._name = frame.event
            self._line = f"event: {frame.event}\ndata: ".encode() if frame.event else b"data: "
        return self._line + data + b"\n\n"

    def alike(self, data: bytes) -> bool:
        return False  # each event is numbered

    def finish(self) -> bytes:
        if not self.ended:
            raise NotTheProtocol("the stream ended before the answer did")
        return b""

    def _read(self, frame: Frame) -> bytes:
        """An event that is not like the one before. No end mark belongs to this protocol."""
        if frame.data.startswith(b"[DONE]"):
            return b""
        event = parse_object(frame.data, "an event of the stream")
        kind = event.get("type")
        if kind == "error" or (event.get("error") and "response" not in event):
            raise ErrorInside(error_words(event.get("error") or event) or "an error without words")
        if kind == "response.created":
            self._name_model(event)
        elif kind in _LAST:
            self._name_model(event)
            response = object_of(event["response"], "response")
            refuse_failure(response | ({"status": "failed"} if kind == _LAST[-1] else {}))
            self.usage = usage_of(response)
            output = list_of(response.get("output"), "output")
            calls = any(isinstance(e, dict) and e.get("type") == "function_call" for e in output)
            self.reason = finish_of(response, calls, False)
            self.answered = self.ended = True
        elif isinstance(kind, str) and kind.endswith(".delta"):
            delta = event.get("delta")
            self.answered = True
            self.characters += len(delta) if isinstance(delta, str) else 0
            self._shape.learn(frame.data)
        elif kind == "response.output_item.added":
            item = event.get("item")
            if isinstance(item, dict) and item.get("type") == "function_call":
                self.answered = True
        return frame.data.replace(b"\n", b"\ndata: ")

    def _name_model(self, event: JsonObject) -> None:
        model = object_of(event.get("response"), "response").get("model")
        if not self.model and isinstance(model, str):
            self.model = model


RELAY = Relay(_encode, ResponsesWatcher)
