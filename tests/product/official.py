"""The official clients, used as their authors show it, behind one question and one answer.

Nothing here helps a client: what it cannot do is left out of the question by the test.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import anthropic
import ollama
import openai
from pydantic import BaseModel

Finish = Literal["stop", "length", "tool_calls"]
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


class City(BaseModel):
    """The shape that an answer is asked for."""

    name: str
    people: int


@dataclass(frozen=True)
class Call:
    """A call of a tool. ``id`` is empty where the client's API has none."""

    name: str
    arguments: dict[str, Any]
    id: str = ""


@dataclass(frozen=True)
class Said:
    """An answer. ``native`` is what the client hands back in the next turn, ``pieces`` how many
    pieces of text a stream had."""

    text: str
    calls: tuple[Call, ...]
    finish: Finish
    usage: tuple[int, int]
    headers: dict[str, str]
    native: Any
    pieces: int = 0
    parsed: Any = None
    logprobs: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Question:
    """``tools`` are names; ``earlier`` is an answer that called tools, and what they gave."""

    model: str
    text: str = "hello there"
    system: str = ""
    tools: tuple[str, ...] = ()
    picture: bool = False
    limit: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    earlier: tuple[Said, tuple[str, ...]] | None = None
    more: dict[str, Any] = field(default_factory=dict)


class Official(Protocol):
    """One client."""

    def ask(self, question: Question) -> Said: ...

    def stream(self, question: Question) -> Said: ...

    def parse(self, question: Question) -> Said:
        """Ask for a ``City``."""
        ...

    def cut(self, question: Question) -> tuple[str, Finish]:
        """Stream an answer that its limit cuts off. Two helpers of OpenAI's client refuse to hand
        out such an answer, so this is what its plain streams say."""
        ...


_ANTHROPIC: dict[str, Finish] = {
    "end_turn": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
}


def schema() -> dict[str, Any]:
    """Of each tool's arguments."""
    return {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def _address() -> str:
    return f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, (), [], {}, "")}


class Headers:
    """Keeps those of the newest reply."""

    def __init__(self) -> None:
        self.newest: dict[str, str] = {}

    def __call__(self, response: Any) -> None:
        self.newest = dict(response.headers)


class OpenAIChat:
    """``client.chat.completions``."""

    def __init__(self, client: openai.OpenAI, headers: Headers) -> None:
        self._client = client
        self._headers = headers

    def ask(self, question: Question) -> Said:
        made: Any = self._client.chat.completions.create(**self._asked(question))
        return self._said(made)

    def stream(self, question: Question) -> Said:
        asked = self._asked(question) | {"stream_options": {"include_usage": True}}
        with self._client.chat.completions.stream(**asked) as stream:
            pieces = sum(event.type == "content.delta" for event in stream)
            return self._said(stream.get_final_completion(), pieces)

    def parse(self, question: Question) -> Said:
        made: Any = self._client.chat.completions.parse(
            **self._asked(question), response_format=City
        )
        return self._said(made, parsed=made.choices[0].message.parsed)

    def cut(self, question: Question) -> tuple[str, Finish]:
        chunks = self._client.chat.completions.create(**self._asked(question), stream=True)
        choices: list[Any] = [each for chunk in chunks for each in chunk.choices]
        text = "".join(choice.delta.content or "" for choice in choices)
        return text, choices[-1].finish_reason

    def _said(self, made: Any, pieces: int = 0, parsed: Any = None) -> Said:
        (choice,) = made.choices
        message = choice.message
        calls = tuple(
            Call(each.function.name, json.loads(each.function.arguments), each.id)
            for each in message.tool_calls or ()
        )
        usage = (made.usage.prompt_tokens, made.usage.completion_tokens)
        assert made.usage.total_tokens == sum(usage)
        text, finish, headers = message.content or "", choice.finish_reason, self._headers.newest
        logprobs = tuple(choice.logprobs.content) if choice.logprobs else ()
        return Said(text, calls, finish, usage, headers, message, pieces, parsed, logprobs)

    def _asked(self, question: Question) -> dict[str, Any]:
        content: Any = question.text
        if question.picture:
            picture = {"type": "image_url", "image_url": {"url": _address()}}
            content = [{"type": "text", "text": question.text}, picture]
        messages: list[Any] = [{"role": "user", "content": content}]
        if question.system:
            messages.insert(0, {"role": "system", "content": question.system})
        if question.earlier:
            said, results = question.earlier
            messages.append(said.native)
            messages += [
                {"role": "tool", "tool_call_id": call.id, "content": result}
                for call, result in zip(said.calls, results, strict=True)
            ]
        tools = [
            {"type": "function", "function": {"name": name, "parameters": schema()}}
            for name in question.tools
        ]
        given = _given(
            tools=tools,
            max_completion_tokens=question.limit,
            temperature=question.temperature,
            stop=list(question.stop),
        )
        return {"model": question.model, "messages": messages, **given, **question.more}


class OpenAIResponses:
    """``client.responses``."""

    def __init__(self, client: openai.OpenAI, headers: Headers) -> None:
        self._client = client
        self._headers = headers

    def ask(self, question: Question) -> Said:
        return self._said(self._client.responses.create(**self._asked(question)))

    def stream(self, question: Question) -> Said:
        with self._client.responses.stream(**self._asked(question)) as stream:
            pieces = sum(event.type == "response.output_text.delta" for event in stream)
            return self._said(stream.get_final_response(), pieces)

    def parse(self, question: Question) -> Said:
        made: Any = self._client.responses.parse(**self._asked(question), text_format=City)
        return self._said(made, parsed=made.output_parsed)

    def cut(self, question: Question) -> tuple[str, Finish]:
        *_, last = self._client.responses.create(**self._asked(question), stream=True)
        assert last.type == "response.incomplete"
        said = self._said(last.response)
        return said.text, said.finish

    def _said(self, made: Any, pieces: int = 0, parsed: Any = None) -> Said:
        calls = tuple(
            Call(item.name, json.loads(item.arguments), item.call_id)
            for item in made.output
            if item.type == "function_call"
        )
        finish: Finish = "tool_calls" if calls else "stop"
        if made.status == "incomplete":
            assert made.incomplete_details.reason == "max_output_tokens"
            finish = "length"
        else:
            assert made.status == "completed"
        usage = (made.usage.input_tokens, made.usage.output_tokens)
        native = [item.model_dump(exclude_none=True, mode="json") for item in made.output]
        text, headers = made.output_text, self._headers.newest
        parts = [p for item in made.output if item.type == "message" for p in item.content]
        logprobs = tuple(each for part in parts for each in part.logprobs or ())
        return Said(text, calls, finish, usage, headers, native, pieces, parsed, logprobs)

    def _asked(self, question: Question) -> dict[str, Any]:
        content: Any = question.text
        if question.picture:
            picture = {"type": "input_image", "image_url": _address(), "detail": "auto"}
            content = [{"type": "input_text", "text": question.text}, picture]
        items: list[Any] = [{"role": "user", "content": content}]
        if question.earlier:
            said, results = question.earlier
            items += said.native
            items += [
                {"type": "function_call_output", "call_id": call.id, "output": result}
                for call, result in zip(said.calls, results, strict=True)
            ]
        tools = [
            {"type": "function", "name": name, "parameters": schema(), "strict": False}
            for name in question.tools
        ]
        given = _given(
            instructions=question.system,
            tools=tools,
            max_output_tokens=question.limit,
            temperature=question.temperature,
        )
        return {"model": question.model, "input": items, **given, **question.more}


class Anthropic:
    """``client.messages``."""

    def __init__(self, client: anthropic.Anthropic, headers: Headers) -> None:
        self._client = client
        self._headers = headers

    def ask(self, question: Question) -> Said:
        return self._said(self._client.messages.create(**self._asked(question)))

    def stream(self, question: Question) -> Said:
        with self._client.messages.stream(**self._asked(question)) as stream:
            pieces = sum(event.type == "text" for event in stream)
            return self._said(stream.get_final_message(), pieces)

    def parse(self, question: Question) -> Said:
        made: Any = self._client.messages.parse(**self._asked(question), output_format=City)
        return self._said(made, parsed=made.parsed_output)

    def cut(self, question: Question) -> tuple[str, Finish]:
        said = self.stream(question)
        return said.text, said.finish

    def _said(self, made: Any, pieces: int = 0, parsed: Any = None) -> Said:
        text = "".join(block.text for block in made.content if block.type == "text")
        calls = tuple(
            Call(block.name, block.input, block.id)
            for block in made.content
            if block.type == "tool_use"
        )
        usage = (made.usage.input_tokens, made.usage.output_tokens)
        finish, headers = _ANTHROPIC[made.stop_reason], self._headers.newest
        return Said(text, calls, finish, usage, headers, made.content, pieces, parsed)

    def _asked(self, question: Question) -> dict[str, Any]:
        content: Any = question.text
        if question.picture:
            data = base64.b64encode(PIXEL).decode()
            source = {"type": "base64", "media_type": "image/png", "data": data}
            text = {"type": "text", "text": question.text}
            content = [text, {"type": "image", "source": source}]
        messages: list[Any] = [{"role": "user", "content": content}]
        if question.earlier:
            said, results = question.earlier
            messages.append({"role": "assistant", "content": said.native})
            given = [
                {"type": "tool_result", "tool_use_id": call.id, "content": result}
                for call, result in zip(said.calls, results, strict=True)
            ]
            messages.append({"role": "user", "content": given})
        more = _given(
            system=question.system,
            tools=[{"name": name, "input_schema": schema()} for name in question.tools],
            extra_body=_given(temperature=question.temperature),  # that client has no name for it
            stop_sequences=list(question.stop),
        )
        asked = {"model": question.model, "messages": messages, "max_tokens": question.limit or 100}
        return asked | more | question.more


class Ollama:
    """``client.chat``."""

    def __init__(self, client: ollama.Client, headers: Headers) -> None:
        self._client = client
        self._headers = headers

    def ask(self, question: Question) -> Said:
        return self._said(self._client.chat(**self._asked(question)))

    def stream(self, question: Question) -> Said:
        parts: list[Any] = list(self._client.chat(**self._asked(question), stream=True))
        calls = [call for part in parts for call in part.message.tool_calls or ()]
        texts = [part.message.content for part in parts if part.message.content]
        thought = "".join(part.message.thinking or "" for part in parts)
        message = ollama.Message(
            role="assistant",
            content="".join(texts),
            thinking=thought or None,
            tool_calls=calls or None,
        )
        return self._said(parts[-1], len(texts), message=message)

    def parse(self, question: Question) -> Said:
        made: Any = self._client.chat(**self._asked(question), format=City.model_json_schema())
        return self._said(made, parsed=City.model_validate_json(made.message.content))

    def cut(self, question: Question) -> tuple[str, Finish]:
        said = self.stream(question)
        return said.text, said.finish

    def _said(self, made: Any, pieces: int = 0, parsed: Any = None, message: Any = None) -> Said:
        assert made.done
        message = message or made.message
        calls = tuple(
            Call(each.function.name, dict(each.function.arguments))
            for each in message.tool_calls or ()
        )
        finish: Finish = "tool_calls" if calls else made.done_reason
        usage = (made.prompt_eval_count, made.eval_count)
        headers = self._headers.newest
        return Said(message.content or "", calls, finish, usage, headers, message, pieces, parsed)

    def _asked(self, question: Question) -> dict[str, Any]:
        turn: dict[str, Any] = {"role": "user", "content": question.text}
        if question.picture:
            turn["images"] = [PIXEL]
        messages: list[Any] = [turn]
        if question.system:
            messages.insert(0, {"role": "system", "content": question.system})
        if question.earlier:
            said, results = question.earlier
            messages.append(said.native)
            messages += [
                {"role": "tool", "tool_name": call.name, "content": result}
                for call, result in zip(said.calls, results, strict=True)
            ]
        tools = [
            {"type": "function", "function": {"name": name, "parameters": schema()}}
            for name in question.tools
        ]
        options = _given(
            num_predict=question.limit,
            temperature=question.temperature,
            stop=list(question.stop),
        )
        given = _given(tools=tools) | ({"options": options} if options else {})
        return {"model": question.model, "messages": messages, **given, **question.more}


@contextmanager
def clients(url: str, key: str = "unused") -> Iterator[dict[str, Official]]:
    """All of them, for a server."""
    headers = Headers()
    hooks: dict[str, Any] = {"response": [headers]}
    with (
        openai.OpenAI(
            base_url=f"{url}/v1",
            api_key=key,
            max_retries=0,
            http_client=openai.DefaultHttpxClient(event_hooks=hooks),
        ) as of_openai,
        anthropic.Anthropic(
            base_url=url,
            api_key=key,
            max_retries=0,
            http_client=anthropic.DefaultHttpxClient(event_hooks=hooks),
        ) as of_anthropic,
    ):
        bearer = {"Authorization": f"Bearer {key}"}
        of_ollama: Any = ollama.Client(host=url, event_hooks=hooks, headers=bearer)
        try:
            yield {
                "openai-chat": OpenAIChat(of_openai, headers),
                "openai-responses": OpenAIResponses(of_openai, headers),
                "anthropic": Anthropic(of_anthropic, headers),
                "ollama": Ollama(of_ollama, headers),
            }
        finally:
            of_ollama.close()
