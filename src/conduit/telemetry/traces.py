"""Spans of what language models were asked, under OpenTelemetry's GenAI conventions.

A span is made of a usage record when the request is over, with the times it really had, so that
tracing costs a request nothing. Prompts and answers are never in a span. Spans go to where the
standard variables say (``OTEL_EXPORTER_OTLP_ENDPOINT``, ``OTEL_TRACES_SAMPLER``,
``OTEL_SERVICE_NAME``, ``OTEL_RESOURCE_ATTRIBUTES``, ``OTEL_BSP_*``), by OTLP over HTTP.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

from conduit.contracts.errors import MissingDependency
from conduit.contracts.usage import Agreement, UsageRecord
from conduit.telemetry import genai
from conduit.telemetry.logs import redact
from conduit.telemetry.trace_context import TraceContext, own_ids

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.sdk.trace.id_generator import IdGenerator

Attribute = str | bool | int | float | tuple[str, ...]

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_HTTP: Final = "http/protobuf"
_CLOSING_S: Final = 3.0
"""How long closing waits for a collector that does not answer."""
SCOPE: Final = "conduit.gateway"
_log = logging.getLogger("conduit.traces")


class Traces:
    """Makes and exports spans. ``add`` is for one thread at a time, away from the requests."""

    def __init__(self, provider: TracerProvider, exporter: SpanExporter, ids: SetIds) -> None:
        self._provider = provider
        self._exporter = exporter
        self._ids = ids
        self._tracer = provider.get_tracer(SCOPE, schema_url=genai.SCHEMA_URL)

    def add(
        self,
        record: UsageRecord,
        parent: TraceContext | None = None,
        agreement: Agreement | None = None,
    ) -> None:
        """Export a request as a span, if it is sampled: as its parent was, or by
        ``OTEL_TRACES_SAMPLER``. It is sent in the background; what cannot be sent is dropped."""
        from opentelemetry.trace import SpanKind, StatusCode

        self._ids.trace_id, self._ids.span_id = own_ids(record.id)
        start = record.at_ms * 1_000_000
        span = self._tracer.start_span(
            f"{record.operation} {_model(record)}".rstrip(),
            context=_remote(parent),
            kind=SpanKind.INTERNAL if record.cache else SpanKind.CLIENT,
            attributes=attributes(record) | agreement_of(agreement),
            start_time=start,
        )
        if record.ending == "failed":
            span.set_status(StatusCode.ERROR, record.error)
        span.end(start + round(record.duration_ms * 1_000_000))

    def close(self) -> None:
        """Send what is waiting, but not for longer than a few seconds."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(_CLOSING_S)
        if closing.is_alive():
            self._exporter.shutdown()  # or it would try again and again behind our back


class SetIds:
    """An id generator of the SDK that gives the ids it was told."""

    trace_id = 1
    span_id = 1

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id

    def is_trace_id_random(self) -> bool:
        """They are digests: as good as random to a sampler that looks at their bits."""
        return True


def open_traces(environ: Mapping[str, str], version: str) -> Traces | None:
    """Traces as the standard variables ask for; None where they name no collector.

    They are often set for everything on a machine, so what cannot be done is an error in the log
    and no reason not to answer. The SDK reads most of them from the process's own environment.
    """
    if (
        not any(environ.get(name) for name in _ENDPOINTS)
        or environ.get("OTEL_SDK_DISABLED", "").casefold() == "true"
        or environ.get("OTEL_TRACES_EXPORTER", "otlp").casefold() == "none"
    ):
        return None
    protocol = next(filter(None, map(environ.get, _PROTOCOLS)), _HTTP)
    if protocol != _HTTP:
        _log.error(
            "requests are not traced: OTLP over %.40s is not spoken here. hint: set "
            "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf and the collector's port for it, often 4318",
            protocol,
        )
        return None
    try:
        return _exporting(environ, version)
    except MissingDependency as error:
        _log.error("requests are not traced: %s", error)
        return None


def _exporting(environ: Mapping[str, str], version: str) -> Traces:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError:
        raise MissingDependency(
            "traces need OpenTelemetry's SDK and exporter",
            where=next(name for name in _ENDPOINTS if environ.get(name)),
            hint="pip install 'conduit-os[otel]', or unset the variable",
        ) from None
    named = environ.get("OTEL_SERVICE_NAME") or "service.name=" in environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    own = {"service.version": version} | ({} if named else {"service.name": "conduit"})
    ids = SetIds()
    provider = TracerProvider(
        resource=Resource.create(own),
        id_generator=cast("IdGenerator", ids),  # a base class that is not there without the SDK
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _log_like_us()
    return Traces(provider, exporter, ids)


def _log_like_us() -> None:
    """What the exporter has to say goes where our lines go: as JSON, with secrets removed."""
    theirs = logging.getLogger("opentelemetry")
    for handler in logging.getLogger("conduit").handlers:
        if handler not in theirs.handlers:
            theirs.addHandler(handler)
            theirs.propagate = False


def agreement_of(agreement: Agreement | None) -> dict[str, Attribute]:
    """What a span says of several answers to one request."""
    if agreement is None:
        return {}
    return {
        "conduit.consistency.samples": agreement.samples,
        "conduit.consistency.agreement": agreement.share,
        "conduit.consistency.dissent": agreement.dissent,
        "conduit.consistency.escalated": agreement.escalated,
    }


def attributes(record: UsageRecord) -> dict[str, Attribute]:
    """What a span says of a request: nothing of what was said in it, nor by whom."""
    found: dict[str, Attribute] = {
        genai.OPERATION_NAME: record.operation,
        genai.PROVIDER_NAME: genai.provider_name(record.provider_type),
        genai.REQUEST_MODEL: _model(record),
        genai.USAGE_INPUT_TOKENS: record.input_tokens,
        genai.USAGE_OUTPUT_TOKENS: record.output_tokens,
        "conduit.usage.id": record.id,
        "conduit.usage.estimated": record.estimated,
        "conduit.outcome": record.ending,
        "conduit.requested_model": redact(record.requested),
        "conduit.provider": record.provider,
        "conduit.correlation_id": record.correlation_id,
    }
    optional: dict[str, Attribute | None] = {
        genai.RESPONSE_MODEL: redact(record.answered_by),
        genai.REQUEST_STREAM: record.stream,
        genai.RESPONSE_FINISH_REASONS: (record.finish_reason,) if record.finish_reason else (),
        genai.USAGE_CACHE_READ: record.cached_tokens,
        genai.USAGE_CACHE_CREATION: record.cache_write_tokens,
        genai.USAGE_REASONING: record.reasoning_tokens,
        genai.ERROR_TYPE: record.error if record.ending == "failed" else "",
        "conduit.cost_usd_micro": record.cost_micro,
        "conduit.failovers": record.failovers,
        "conduit.retries": record.retries,
        "conduit.hedged": record.hedged,
        "conduit.cache": record.cache,
        "conduit.dialect": record.dialect,
    }
    found |= {name: value for name, value in optional.items() if value}
    if record.first_token_ms is not None:
        found[genai.RESPONSE_TIME_TO_FIRST_CHUNK] = record.first_token_ms / 1000
    return found


def _model(record: UsageRecord) -> str:
    return redact(record.model or record.requested)


def _remote(parent: TraceContext | None) -> Context:
    """The context of a caller elsewhere; an empty one, whatever this thread is doing, for none."""
    from opentelemetry.context import Context
    from opentelemetry.trace import (
        NonRecordingSpan,
        SpanContext,
        TraceFlags,
        TraceState,
        set_span_in_context,
    )

    if parent is None:
        return Context()
    flags = TraceFlags(TraceFlags.SAMPLED if parent.sampled else TraceFlags.DEFAULT)
    state = TraceState.from_header([parent.state]) if parent.state else None
    remote = SpanContext(parent.trace_id, parent.span_id, True, flags, state)
    return set_span_in_context(NonRecordingSpan(remote), Context())
