"""Spans: as a collector gets them, under the names of the conventions, and without a secret."""

from __future__ import annotations

import logging
import os
import socket
import string
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from conduit.contracts.usage import UsageRecord
from conduit.telemetry import genai
from conduit.telemetry.logs import JsonLines
from conduit.telemetry.trace_context import TraceContext, own_ids, parse_traceparent
from conduit.telemetry.traces import Traces, attributes, open_traces
from tests.store.usage_records import any_record, usage
from tests.telemetry.collector import Collector, collecting

CONVENTIONS: dict[str, type] = {
    "error.type": str,
    "gen_ai.operation.name": str,
    "gen_ai.provider.name": str,
    "gen_ai.request.model": str,
    "gen_ai.request.stream": bool,
    "gen_ai.response.finish_reasons": list,
    "gen_ai.response.model": str,
    "gen_ai.response.time_to_first_chunk": float,
    "gen_ai.usage.cache_creation.input_tokens": int,
    "gen_ai.usage.cache_read.input_tokens": int,
    "gen_ai.usage.input_tokens": int,
    "gen_ai.usage.output_tokens": int,
    "gen_ai.usage.reasoning.output_tokens": int,
}
"""The attributes of an inference span and their types, in the table of ``gen-ai-spans.md``."""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    with collecting() as opened:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", opened.url)
        yield opened


def exported(collector: Collector, *records: tuple[UsageRecord, TraceContext | None]) -> list[Span]:
    traces = open_traces(os.environ, "1.2.3")
    assert traces is not None
    for record, parent in records:
        traces.add(record, parent)
    traces.close()
    return [
        span
        for request in collector.requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def said(attributes: Any) -> dict[str, Any]:
    """Attributes of protobuf as values of Python."""
    found: dict[str, Any] = {}
    for attribute in attributes:
        kind = attribute.value.WhichOneof("value")
        value = getattr(attribute.value, kind)
        found[attribute.key] = (
            [each.string_value for each in value.values] if kind == "array_value" else value
        )
    return found


FULL = usage(
    100,
    output_tokens=20,
    requested="smart",
    provider_type="bedrock",
    model="claude-x",
    answered_by="claude-x-2026",
    stream=True,
    finish_reason="stop",
    cached_tokens=60,
    cache_write_tokens=7,
    reasoning_tokens=5,
    duration_ms=1500.25,
    first_token_ms=250.0,
    failovers=1,
    retries=2,
    cost_micro=77,
)


def test_a_request_is_a_span_under_the_conventions(collector: Collector) -> None:
    (span,) = exported(collector, (FULL, None))
    assert collector.paths == ["/v1/traces"]
    assert (span.name, span.kind) == ("chat claude-x", Span.SPAN_KIND_CLIENT)
    assert span.start_time_unix_nano == FULL.at_ms * 1_000_000
    assert span.end_time_unix_nano - span.start_time_unix_nano == 1_500_250_000
    found = said(span.attributes)
    assert {name: value for name, value in found.items() if not name.startswith("conduit.")} == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.request.model": "claude-x",
        "gen_ai.request.stream": True,
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.response.model": "claude-x-2026",
        "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.usage.cache_creation.input_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 60,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.reasoning.output_tokens": 5,
    }
    assert found["conduit.cost_usd_micro"] == 77
    assert found["conduit.requested_model"] == "smart"
    assert found["conduit.usage.id"] == FULL.id
    assert (found["conduit.failovers"], found["conduit.retries"]) == (1, 2)
    assert span.status.code == Status.STATUS_CODE_UNSET
    (resource,) = collector.requests[0].resource_spans
    assert said(resource.resource.attributes).items() >= {
        ("service.name", "conduit"),
        ("service.version", "1.2.3"),
    }
    assert resource.scope_spans[0].schema_url == genai.SCHEMA_URL
    assert resource.scope_spans[0].scope.name == "conduit.gateway"


def test_a_failure_is_an_error_and_says_which(collector: Collector) -> None:
    failed = usage(0, ending="failed", error="provider_timeout", operation="embeddings")
    left = usage(0, ending="left", error="")
    spans = {span.name: span for span in exported(collector, (failed, None), (left, None))}
    span = spans["embeddings gpt-x"]
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert said(span.attributes)["error.type"] == "provider_timeout"
    assert "error.type" not in said(spans["chat gpt-x"].attributes)


def test_it_belongs_to_the_trace_of_its_caller(collector: Collector) -> None:
    parent = parse_traceparent(
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "vendor=x"
    )
    child, own = exported(collector, (FULL, parent), (usage(1), None))
    assert child.trace_id.hex() == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert child.parent_span_id.hex() == "00f067aa0ba902b7"
    assert child.trace_state == "vendor=x"
    assert own.parent_span_id == b""
    assert len({child.span_id, own.span_id}) == 2


def test_without_a_parent_the_trace_can_be_found_by_the_id_of_the_record(
    collector: Collector,
) -> None:
    (span,) = exported(collector, (FULL, None))
    trace_id, span_id = own_ids(FULL.id)
    assert (int(span.trace_id.hex(), 16), int(span.span_id.hex(), 16)) == (trace_id, span_id)


def test_a_caller_that_does_not_sample_is_obeyed(collector: Collector) -> None:
    parent = TraceContext(1, 2, sampled=False)
    assert len(exported(collector, (usage(1), parent), (usage(2), None))) == 1


def test_a_share_is_sampled_by_the_standard_variables(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.3")
    assert 200 < len(exported(collector, *((usage(n), None) for n in range(1000)))) < 400


def test_the_service_can_be_named(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "gateway-eu")
    exported(collector, (FULL, None))
    resource = collector.requests[0].resource_spans[0].resource
    assert said(resource.attributes)["service.name"] == "gateway-eu"


@given(any_record)
def test_attributes_have_the_names_and_types_of_the_conventions(record: UsageRecord) -> None:
    for name, value in attributes(record).items():
        if not name.startswith("conduit."):
            wanted = CONVENTIONS[name]
            assert isinstance(value, tuple if wanted is list else wanted), name
            assert type(value) is not bool or wanted is bool


def test_nothing_that_was_said_and_nobody_who_said_it_is_in_a_span() -> None:
    secret = "sk-proj-abcdefghijklmnop"
    record = usage(1, subject="ada@example.com", org_id="org-1", requested=secret, model=secret)
    shown = str(attributes(record))
    assert secret not in shown
    assert "ada@" not in shown
    assert "org-1" not in shown
    told = {"messages", "prompt", "content", "text", "instructions"}
    assert not told & {field.name for field in fields(UsageRecord)}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_nobody_asked_for_traces(environ: dict[str, str]) -> None:
    assert open_traces(environ, "1") is None


def test_without_the_packages_it_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    assert open_traces({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, "1") is None
    (record,) = caplog.records
    assert "pip install 'conduit-os[otel]'" in record.getMessage()
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in record.getMessage()


def test_a_protocol_that_is_not_spoken_is_told(caplog: pytest.LogCaptureFixture) -> None:
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4317",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    }
    assert open_traces(environ, "1") is None
    (record,) = caplog.records
    assert "over grpc" in record.getMessage()
    assert "http/protobuf" in record.getMessage()


def test_what_the_exporter_has_to_say_has_no_secret_in_it(
    collector: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs = logging.getLogger("conduit"), logging.getLogger("opentelemetry")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    before = (ours.handlers[:], theirs.handlers[:], theirs.propagate)
    ours.handlers[:], theirs.handlers[:] = [handler], []  # not those of other tests
    try:
        exported(collector, (FULL, None))
        logging.getLogger("opentelemetry.exporter").error("http://me:hunter2@collector refused")
    finally:
        ours.handlers[:], theirs.handlers[:], theirs.propagate = before
    said_ = capsys.readouterr().err
    assert "collector refused" in said_
    assert "hunter2" not in said_


def test_a_collector_that_does_not_answer_keeps_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes the three seconds that closing waits for it; after them nothing goes on trying."""
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "50")
        traces: Traces | None = open_traces(os.environ, "1")
        assert traces is not None
        started = time.monotonic()
        for number in range(5000):
            traces.add(usage(number))
        assert time.monotonic() - started < 20
        traces.close()
        assert time.monotonic() - started < 40
    for each in set(threading.enumerate()) - before:  # what was asked of it is cut off now
        each.join(20)
        assert not each.is_alive(), each


GOOD = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("header", "sampled"),
    [
        (GOOD, True),
        (GOOD[:-2] + "00", False),
        (GOOD[:-2] + "03", True),
        ("cc" + GOOD[2:], True),
        ("cc" + GOOD[2:] + "-what-the-future-will-be-like", True),
    ],
)
def test_a_traceparent(header: str, sampled: bool) -> None:
    found = parse_traceparent(header)
    assert found == TraceContext(
        0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7, sampled=sampled
    )


@pytest.mark.parametrize(
    "header",
    [
        "",
        GOOD.upper(),
        "ff" + GOOD[2:],
        GOOD + "-more",
        GOOD + "\n",
        GOOD[:-1],
        " " + GOOD,
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01",
        GOOD.replace("4bf9", "4_f9"),
        GOOD.replace("-", "_"),
        "cc" + GOOD[2:] + "-" + "x" * 1000,
        "cc" + GOOD[2:] + "x",
    ],
)
def test_what_is_no_traceparent(header: str) -> None:
    assert parse_traceparent(header) is None


@given(st.text(st.sampled_from(string.hexdigits + "-\n_"), max_size=80))
def test_any_header_is_read_or_not(header: str) -> None:
    found = parse_traceparent(header)
    assert found is None or (0 < found.trace_id < 1 << 128 and 0 < found.span_id < 1 << 64)
