"""Metrics: exact names, right sums, text others can read, and bounded whatever clients send."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from conduit.contracts.usage import UsageRecord
from conduit.telemetry.genai import SECONDS, TOKENS
from conduit.telemetry.metrics import READ, Metrics
from conduit.telemetry.series import MOST_ERRORS, MOST_MODELS, MOST_PROVIDERS
from tests.store.usage_records import usage

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
GENAI = {
    "gen_ai_client_operation_duration_seconds": "histogram",
    "gen_ai_client_token_usage": "histogram",
    "gen_ai_client_operation_time_to_first_chunk_seconds": "histogram",
    "gen_ai_client_inference_usage_input_tokens": "counter",
    "gen_ai_client_inference_usage_output_tokens": "counter",
    "gen_ai_client_inference_usage_cache_read_input_tokens": "counter",
    "gen_ai_client_inference_usage_cache_write_input_tokens": "counter",
    "gen_ai_client_inference_usage_reasoning_output_tokens": "counter",
}
"""The names that OpenTelemetry's own exporter for Prometheus makes of the conventions."""
SERVER = {
    "gen_ai_server_request_duration_seconds": "histogram",
    "gen_ai_server_time_to_first_token_seconds": "histogram",
}
OWN = {
    "conduit_gateway_requests": "counter",
    "conduit_gateway_failovers": "counter",
    "conduit_gateway_retries": "counter",
    "conduit_gateway_hedges": "counter",
    "conduit_gateway_cost_usd_micro": "counter",
    "conduit_gateway_cache": "counter",
    "conduit_gateway_estimated": "counter",
    "conduit_gateway_votes": "counter",
    "conduit_gateway_agreement": "counter",
}
NO_LABELS = {"user", "subject", "key", "org", "conversation", "correlation_id", "requested"}


def counted(*records: UsageRecord) -> Metrics:
    metrics = Metrics()
    for record in records:
        metrics.observe(record)
    return metrics


def prometheus(metrics: Metrics) -> dict[str, Metric]:
    text, kind = metrics.scrape("text/plain")
    assert kind.startswith("text/plain; version=0.0.4")
    return {family.name: family for family in text_string_to_metric_families(text.decode())}


def samples(families: Iterable[Metric]) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(families: dict[str, Metric], name: str, **labels: str) -> float:
    """The sum of the samples with this name and at least these labels."""
    return sum(
        sample.value
        for family in families.values()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def test_the_names_and_kinds_are_those_of_the_conventions() -> None:
    found = prometheus(counted(usage(1), usage(2, provider_type="offline", first_token_ms=3.0)))
    assert {name: family.type for name, family in found.items()} == {**GENAI, **SERVER, **OWN}


def test_the_server_metrics_are_only_of_what_runs_here() -> None:
    assert not prometheus(counted(usage(1))).keys() & SERVER.keys()


def test_both_formats_say_the_same_and_are_read_by_their_parsers() -> None:
    metrics = counted(
        usage(1), usage(500, ending="failed", error="timed_out"), usage(3, first_token_ms=17.0)
    )
    text, kind = metrics.scrape(OPENMETRICS)
    assert kind.startswith("application/openmetrics-text; version=1.0.0")
    read = list(openmetrics.text_string_to_metric_families(text.decode()))
    assert {f.unit for f in read if f.name.endswith("_seconds")} == {"seconds"}
    plain = prometheus(metrics)
    assert samples(read) == samples(plain.values())
    assert {f.name: f.type for f in read} == {name: f.type for name, f in plain.items()}


def test_buckets_are_those_that_the_conventions_advise() -> None:
    assert (
        pytest.approx(
            [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
        )
        == SECONDS
    )
    assert TOKENS == (
        1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864,
    )  # fmt: skip
    found = prometheus(counted(usage(1)))["gen_ai_client_operation_duration_seconds"]
    bounds = [sample.labels["le"] for sample in found.samples if "le" in sample.labels]
    assert bounds == [*(f"{0.01 * 2**i:g}" for i in range(14)), "+Inf"]


def test_what_one_request_counts() -> None:
    found = prometheus(
        counted(
            usage(
                100,
                output_tokens=20,
                cached_tokens=60,
                cache_write_tokens=7,
                reasoning_tokens=5,
                cost_micro=1234,
                duration_ms=640.0,
                first_token_ms=10.0,
                failovers=2,
                retries=1,
                hedged=True,
                estimated=True,
                provider="mine",
                provider_type="azure",
            )
        )
    )
    genai = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "azure.ai.openai"}
    genai["gen_ai_request_model"] = "gpt-x"
    duration = "gen_ai_client_operation_duration_seconds"
    assert value(found, f"{duration}_count", **genai) == 1
    assert value(found, f"{duration}_sum", **genai) == pytest.approx(0.64)
    assert value(found, f"{duration}_bucket", le="0.64", **genai) == 1, "a bound is in its bucket"
    assert value(found, f"{duration}_bucket", le="0.32", **genai) == 0
    usage_ = "gen_ai_client_token_usage"
    assert value(found, f"{usage_}_sum", gen_ai_token_type="input", **genai) == 100
    assert value(found, f"{usage_}_bucket", gen_ai_token_type="output", le="64.0", **genai) == 1
    counters = "gen_ai_client_inference_usage"
    by = {"gen_ai_token_modality": "text", **genai}
    assert value(found, f"{counters}_input_tokens_total", **by) == 100
    assert value(found, f"{counters}_output_tokens_total", **by) == 20
    assert value(found, f"{counters}_cache_read_input_tokens_total", **by) == 60
    assert value(found, f"{counters}_cache_write_input_tokens_total", **by) == 7
    assert value(found, f"{counters}_reasoning_output_tokens_total", **by) == 5
    first = "gen_ai_client_operation_time_to_first_chunk_seconds"
    assert value(found, f"{first}_bucket", le="0.01", **genai) == 1
    ours = {"provider": "mine", "model": "gpt-x"}
    assert value(found, "conduit_gateway_requests_total", outcome="ok", **ours) == 1
    assert value(found, "conduit_gateway_failovers_total", **ours) == 2
    assert value(found, "conduit_gateway_retries_total", **ours) == 1
    assert value(found, "conduit_gateway_hedges_total", **ours) == 1
    assert value(found, "conduit_gateway_cost_usd_micro_total", **ours) == 1234
    assert value(found, "conduit_gateway_estimated_total", **ours) == 1


def test_a_failure_has_its_code_and_no_tokens_of_a_known_kind() -> None:
    found = prometheus(counted(usage(0, ending="failed", error="provider_timeout")))
    assert value(found, "gen_ai_client_operation_duration_seconds_count") == 1
    assert value(
        found, "gen_ai_client_operation_duration_seconds_count", error_type="provider_timeout"
    )
    assert value(found, "conduit_gateway_requests_total", error="provider_timeout") == 1
    (counter,) = found["gen_ai_client_inference_usage_input_tokens"].samples
    assert (counter.value, counter.labels["gen_ai_token_modality"]) == (0, "unknown")
    assert not found["gen_ai_client_token_usage"].samples


def test_answers_from_a_cache_are_no_operations_of_a_provider() -> None:
    metrics = counted(usage(1, cache="exact"), usage(1, cache="semantic"), usage(1, cache="exact"))
    metrics.cache_missed()
    found = prometheus(metrics)
    assert {s.labels["result"]: s.value for s in found["conduit_gateway_cache"].samples} == {
        "exact": 2,
        "semantic": 1,
        "miss": 1,
    }
    assert value(found, "conduit_gateway_requests_total") == 3
    assert value(found, "gen_ai_client_operation_duration_seconds_count") == 0


def test_a_cache_that_counts_itself_is_believed() -> None:
    metrics = counted(usage(1, cache="exact"))
    metrics.read_from("conduit_gateway_cache_total", lambda: [(("exact",), 7.0)])
    (sample,) = prometheus(metrics)["conduit_gateway_cache"].samples
    assert sample.value == 7


@given(
    st.lists(
        st.builds(
            usage,
            st.integers(0, 10**8),
            provider=st.sampled_from(["a", "b"]),
            model=st.sampled_from(["x", "y", ""]),
            ending=st.sampled_from(["ok", "failed", "left"]),
            duration_ms=st.floats(0, 1e6),
        ),
        max_size=30,
    )
)
def test_totals_are_those_of_the_records(records: list[UsageRecord]) -> None:
    found = prometheus(counted(*records))
    by = Counter((record.provider, record.model, record.ending) for record in records)
    for (provider, model, ending), count in by.items():
        labels = {"provider": provider, "model": model, "outcome": ending}
        assert value(found, "conduit_gateway_requests_total", **labels) == count
    duration = "gen_ai_client_operation_duration_seconds"
    assert value(found, f"{duration}_count") == len(records)
    assert value(found, f"{duration}_bucket", le="+Inf") == len(records)
    seconds = sum(record.duration_ms for record in records) / 1000
    assert value(found, f"{duration}_sum") == pytest.approx(seconds)
    tokens = sum(record.input_tokens for record in records)
    assert value(found, "gen_ai_client_inference_usage_input_tokens_total") == tokens


_texts = st.text(st.characters(), max_size=150)  # lone surrogates too


@given(st.lists(st.builds(usage, model=_texts, provider=_texts, error=_texts, cache=_texts)))
def test_hostile_names_break_no_line(records: list[UsageRecord]) -> None:
    metrics = counted(*records)
    metrics.read_from(
        "conduit_gateway_in_flight", lambda: [((r.model,), 1.0) for r in records if r.model]
    )
    found = prometheus(metrics)
    assert value(found, "conduit_gateway_requests_total") == len(records)
    text, _ = metrics.scrape(OPENMETRICS)
    list(openmetrics.text_string_to_metric_families(text.decode()))


def test_inventing_names_makes_only_so_many_series() -> None:
    metrics = Metrics()
    metrics.expect("openai", ["configured"])
    for number in range(10_000):
        metrics.observe(usage(model=f"invented-{number}"))
        metrics.observe(usage(provider=f"p{number % 500}", model="m", error=f"code_{number}"))
    metrics.observe(usage(model="configured"))
    found = prometheus(metrics)
    requests = found["conduit_gateway_requests"].samples
    assert sum(sample.value for sample in requests) == 20_001
    assert len({s.labels["model"] for s in requests if s.labels["provider"] == "openai"}) <= (
        MOST_MODELS + 2
    )
    assert len({s.labels["provider"] for s in requests}) <= MOST_PROVIDERS + 1
    assert len({s.labels["error"] for s in requests}) <= MOST_ERRORS + 2
    assert value(found, "conduit_gateway_requests_total", model="configured") == 1
    assert value(found, "conduit_gateway_requests_total", model="other") > 9000


def test_nothing_is_labelled_by_a_person() -> None:
    metrics = counted(usage(1, subject="ada@example.com", org_id="org-1", correlation_id="c-1"))
    text, _ = metrics.scrape()
    assert not re.search(r"ada|org-1|c-1", text.decode())
    for family in prometheus(metrics).values():
        for sample in family.samples:
            assert not sample.labels.keys() & NO_LABELS


def test_values_that_are_read() -> None:
    metrics = Metrics()
    metrics.read_from("conduit_breaker_state", lambda: [(("openai", "gpt-x"), 2.0)])
    metrics.read_from("conduit_usage_journal_written_total", lambda: [((), 7.0)])
    found = prometheus(metrics)
    assert value(found, "conduit_breaker_state", provider="openai", model="gpt-x") == 2
    assert value(found, "conduit_usage_journal_written_total") == 7
    assert found["conduit_breaker_state"].type == "gauge"
    with pytest.raises(ValueError, match="no metric that is read"):
        metrics.read_from("conduit_nonsense", list)
    assert all(re.fullmatch(r"[a-z_]+", name) for name in READ)


def test_a_reader_that_fails_leaves_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    metrics = counted(usage(1))
    metrics.read_from("conduit_gateway_in_flight", lambda: [((), 1 / 0)])
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            assert value(prometheus(metrics), "conduit_gateway_requests_total") == 1
    assert len(caplog.records) == 1
