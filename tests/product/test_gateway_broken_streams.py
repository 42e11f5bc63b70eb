"""A stream that breaks off half-way: it is told, or, where somebody asked for it, another provider
finishes the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.upstream import Answer, FakeUpstream
from tests.product.conftest import patience_s
from tests.product.counting import PLAIN, Record, circuits, new_id, nothing_left_open, usage_of
from tests.product.server import Server, serving

PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages", "ollama": "/api/chat"}
TYPES = {"openai": "openai_compatible", "anthropic": "anthropic"}
BREAKS = ("drop_mid_stream", "end_mid_stream", "stall", "error_in_stream")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    lines = ["providers:"]
    for kind, type_name in TYPES.items():
        for name in (*BREAKS, "good"):
            lines += [
                f"  {name}-{kind}:",
                f"    type: {type_name}",
                f"    base_url: {upstream.url}{'' if name == 'good' else '/' + name}/v1",
                f"    model: {'fake-1' if name == 'good' else 'tools'}",
                "    api_key: sk-not-a-real-key-0000",
                f"    timeout_s: {patience_s(name)}",
                "    breaker: {threshold: 1000}",
            ]
    lines.append("groups:")
    for kind in TYPES:
        for name in BREAKS:
            for label, flag in (("plain", "false"), ("goes-on", "true")):
                lines += [
                    f"  {label}-{name}-{kind}:",
                    f"    targets: [{name}-{kind}, good-openai]",
                    f"    continue_streams: {flag}",
                ]
        lines += [
            f"  twice-{kind}:",
            f"    targets: [drop_mid_stream-{kind}, end_mid_stream-{kind}, good-openai]",
            "    continue_streams: true",
            f"  never-{kind}:",
            f"    targets: [drop_mid_stream-{kind}, end_mid_stream-{kind}]",
            "    continue_streams: true",
        ]
    with serving(tmp_path_factory.mktemp("server"), "\n".join(lines)) as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_stays(server: Server, upstream: FakeUpstream) -> Iterator[None]:
    upstream.answers.clear()
    with nothing_left_open(server, upstream):
        yield


COUNTED: dict[str, Record] = {}
"""What the last test finds recorded: records come a second after the answer, and nobody has to
wait for that each time."""


class Heard:
    """A stream of one of the dialects, as its client heard it."""

    def __init__(self, server: Server, client: str, model: str, **more: Any) -> None:
        headers = {"x-correlation-id": new_id(), **more.pop("headers", {})}
        messages = [{"role": "user", "content": "one two three"}]
        body = {"model": model, "messages": messages, "stream": True, **more}
        if client == "anthropic":
            body["max_tokens"] = 100
        url = server.url + PATHS[client]
        response = httpx.post(url, json=body, headers=headers, timeout=20, verify=PLAIN)
        assert response.status_code == 200, response.text
        self.client = client
        self.id = headers["x-correlation-id"]
        lines = [line.removeprefix("data: ") for line in response.text.splitlines()]
        self.events: list[Any] = [json.loads(line) for line in lines if line.startswith("{")]
        self.done = lines.count("[DONE]")

    @property
    def text(self) -> str:
        pieces = []
        for each in self.events:
            if self.client == "anthropic":
                pieces.append(each.get("delta", {}).get("text", ""))
            elif self.client == "ollama":
                pieces.append(each.get("message", {}).get("content", ""))
            elif each.get("choices"):
                pieces.append(each["choices"][0]["delta"].get("content") or "")
        return "".join(pieces)

    @property
    def errors(self) -> list[Any]:
        return [each["error"] for each in self.events if "error" in each]

    @property
    def marks(self) -> list[str]:
        """Who went on, each time."""
        return [each["conduit"]["continued_by"] for each in self.events if "conduit" in each]

    @property
    def ends(self) -> int:
        """How often the answer was said to be over."""
        if self.client == "anthropic":
            return sum(each["type"] == "message_stop" for each in self.events)
        if self.client == "ollama":
            return sum(each.get("done") is True for each in self.events)
        choices = [each["choices"][0] for each in self.events if each.get("choices")]
        assert self.done == sum(bool(each["finish_reason"]) for each in choices)
        return self.done

    def counted(self, **fields: Any) -> Heard:
        """What the usage record of the request will say."""
        COUNTED[self.id] = fields
        return self


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("client", PATHS)
@pytest.mark.parametrize("fault", ["drop_mid_stream", "stall"])
def test_it_is_told_once_and_nobody_else_is_asked(
    server: Server, upstream: FakeUpstream, client: str, kind: str, fault: str
) -> None:
    asked = len(upstream.requests)
    before = circuits(server)[f"{fault}-{kind}"]["consecutive_failures"]
    heard = Heard(server, client, f"plain-{fault}-{kind}")
    assert len(upstream.requests) == asked + 1
    assert len(heard.errors) == 1
    assert "error" in heard.events[-1]
    assert (heard.ends, heard.marks) == (0, [])
    assert heard.text
    assert "You said: one two three".startswith(heard.text.strip())
    assert circuits(server)[f"{fault}-{kind}"]["consecutive_failures"] == before + 1
    assert circuits(server)["good-openai"]["consecutive_failures"] == 0


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("client", PATHS)
@pytest.mark.parametrize(
    ("fault", "wish"), [*((fault, "group") for fault in BREAKS), ("end_mid_stream", "header")]
)
def test_another_one_finishes_it_where_that_is_wanted(
    server: Server, upstream: FakeUpstream, client: str, kind: str, fault: str, wish: str
) -> None:
    upstream.answers.append(Answer("and the rest."))
    asked = len(upstream.requests)
    if wish == "group":
        heard = Heard(server, client, f"goes-on-{fault}-{kind}")
    else:
        headers = {"x-conduit-continue": "on"}
        heard = Heard(server, client, f"plain-{fault}-{kind}", headers=headers)
    assert heard.errors == []
    assert heard.ends == 1
    assert heard.marks == ["good-openai"]
    first = heard.text.removesuffix("and the rest.")
    assert first != heard.text
    assert first
    assert "You said: one two three".startswith(first.strip())
    one, two = upstream.requests[asked:]
    assert (one.fault, two.fault) == (fault, "")
    turns = two.body["messages"]
    assert [turn["role"] for turn in turns[-3:]] == ["user", "assistant", "user"]
    assert turns[-2]["content"].strip() == first.strip()
    assert circuits(server)["good-openai"]["consecutive_failures"] == 0
    heard.counted(ending="ok", provider="good-openai", failovers=1, halves=2)


def test_a_header_forbids_what_the_group_would_do(server: Server, upstream: FakeUpstream) -> None:
    asked = len(upstream.requests)
    headers = {"x-conduit-continue": "off"}
    heard = Heard(server, "openai", "goes-on-drop_mid_stream-openai", headers=headers)
    assert len(upstream.requests) == asked + 1
    assert [error["code"] for error in heard.errors] == ["stream_interrupted"]
    heard.counted(ending="failed", error="stream_interrupted", estimated=True)


@pytest.mark.parametrize("kind", TYPES)
def test_it_may_break_off_again(server: Server, upstream: FakeUpstream, kind: str) -> None:
    upstream.answers.append(Answer("and the rest."))
    asked = len(upstream.requests)
    heard = Heard(server, "openai", f"twice-{kind}")
    assert heard.marks == [f"end_mid_stream-{kind}", "good-openai"]
    assert (heard.ends, heard.errors) == (1, [])
    assert len(upstream.requests) == asked + 3
    heard.counted(ending="ok", provider="good-openai", failovers=2, halves=3)


@pytest.mark.parametrize("kind", TYPES)
def test_when_nobody_is_left_it_is_told(server: Server, upstream: FakeUpstream, kind: str) -> None:
    asked = len(upstream.requests)
    heard = Heard(server, "openai", f"never-{kind}")
    assert heard.ends == 0
    assert len(heard.errors) == 1
    assert heard.marks[0] == f"end_mid_stream-{kind}"
    assert len(upstream.requests) <= asked + 3
    heard.counted(ending="failed", error="stream_interrupted", halves=2)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("fault", ["drop_mid_stream", "stall"])
def test_never_among_tool_calls(
    server: Server, upstream: FakeUpstream, fault: str, kind: str
) -> None:
    """Half a tool call is nothing that another could finish, and twice the same one is worse."""
    schema = {"type": "object", "properties": {}}
    tool = {"type": "function", "function": {"name": "look", "parameters": schema}}
    asked = len(upstream.requests)
    heard = Heard(server, "openai", f"goes-on-{fault}-{kind}", tools=[tool])
    assert len(upstream.requests) == asked + 1
    assert (heard.marks, heard.ends, heard.text) == ([], 0, "")
    assert any(each["choices"][0]["delta"].get("tool_calls") for each in heard.events[:-1])
    assert [error["code"] for error in heard.errors] == ["stream_interrupted"]
    heard.counted(ending="failed", error="stream_interrupted", failovers=0)


def test_each_was_recorded_once_with_all_its_parts(server: Server) -> None:
    """``halves`` providers each read the question, and each said something."""
    found = usage_of(server, COUNTED)
    for correlation, fields in COUNTED.items():
        record, halves = found[correlation], fields.pop("halves", 1)
        assert {name: record[name] for name in fields} == fields
        assert record["estimated"]
        assert record["input_tokens"] >= 7 * halves
        assert record["output_tokens"] >= halves
