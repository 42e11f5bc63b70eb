"""OpenAI's protocol on both sides: a client's own body goes on, and its stream comes back."""

from __future__ import annotations

from conduit.contracts.chat import FinishReason, Usage
from conduit.contracts.json import JsonObject
from conduit.models.event_shape import EventShape
from conduit.models.exchange import ErrorInside, Frame, NotTheProtocol, Relay, WireRequest
from conduit.models.reading import error_words, json_body, list_of, object_of, parse_object
from conduit.models.wire.openai_chat.reply import finish_of, refuse_error, usage_of
from conduit.models.wire.openai_chat.request import PATH, with_usage
from conduit.models.wire.openai_chat.server import Server

_PIECES = ("content", "tool_calls", "reasoning_content", "reasoning", "refusal", "function_call")


def relay(server: Server) -> Relay:
    """The pass-through for one server."""

    def encode(body: JsonObject, model: str, stream: bool) -> WireRequest:
        """What the client wrote, for this model. Usage is asked for on our own account."""
        sent = body | {"model": model, "stream": stream}
        if not server.stream_usage:
            sent.pop("stream_options", None)
        elif stream:
            sent["stream_options"] = with_usage(body)
        return WireRequest(PATH, json_body(sent))

    return Relay(encode, ChatWatcher)


class ChatWatcher:
    """Follows one stream. ``characters`` are counted as the bytes of the text in JSON."""

    def __init__(self, body: JsonObject) -> None:
        options, choices = body.get("stream_options"), body.get("n")
        self._wants_usage = isinstance(options, dict) and options.get("include_usage") is True
        self._owed = choices if type(choices) is int and choices > 0 else 1
        self._finished: set[int] = set()
        self._shape = EventShape()
        self._choices_seen = False
        self.model = ""
        self.answered = False
        self.ended = False
        self.usage: Usage | None = None
        self.characters = 0
        self.reason: FinishReason | None = None

    @property
    def complete(self) -> bool:
        return len(self._finished) >= self._owed

    def feed(self, frame: Frame) -> bytes:
        data = frame.data
        if self.ended:
            return b""
        length = self._shape.match(data)
        if length < 0:
            return self._read(frame)
        self.characters += length
        return b"data: " + data + b"\n\n"

    def alike(self, data: bytes) -> bool:
        length = -1 if self.ended else self._shape.run(data)
        if length < 0:
            return False
        self.characters += length
        return True

    def finish(self) -> bytes:
        if not self._choices_seen or not (self.ended or self.complete):
            raise NotTheProtocol("the stream ended before the answer did")
        if self.ended:
            return b""
        self.ended = True
        return b"data: [DONE]\n\n"

    def _read(self, frame: Frame) -> bytes:
        """An event that is not like the one before."""
        data = frame.data
        if data.startswith(b"[DONE]"):
            self.ended = True
            return b"data: [DONE]\n\n"
        event = parse_object(data, "an event of the stream")
        refuse_error(event)
        if frame.event == "error":
            raise ErrorInside(error_words(event) or "an error without words")
        usage = usage_of(event)
        self.usage = usage or self.usage
        model = event.get("model")
        if not self.model and isinstance(model, str):
            self.model = model
        choices = list_of(event.get("choices"), "choices")
        if not choices and usage is not None and not self._wants_usage:
            return b""
        plain = usage is None and len(choices) == 1
        for choice in choices:
            plain = self._follow(object_of(choice, "choices[]")) and plain
        if plain:
            self._shape.learn(data)
        return b"data: " + data.replace(b"\n", b"\ndata: ") + b"\n\n"

    def _follow(self, choice: JsonObject) -> bool:
        """Whether this choice says nothing but a piece of the answer."""
        self._choices_seen = True
        delta = object_of(choice.get("delta") or {}, "delta")
        pieces = [piece for name in _PIECES if (piece := delta.get(name))]
        self.characters += sum(len(p) for p in pieces if isinstance(p, str))
        for call in list_of(delta.get("tool_calls"), "delta.tool_calls"):
            function = object_of(call, "tool_calls[]").get("function")
            arguments = function.get("arguments") if isinstance(function, dict) else None
            self.characters += len(arguments) if isinstance(arguments, str) else 0
        reason, index = choice.get("finish_reason"), choice.get("index", 0)
        over = reason is not None
        if over:
            self.reason = finish_of(reason, False, False)
            if type(index) is int and 0 <= index < self._owed:
                self._finished.add(index)
        self.answered = self.answered or over or bool(pieces)
        return bool(pieces) and not over
