"""Every name of OpenTelemetry's GenAI semantic conventions that Conduit emits, in one place.

Their status is *Development*: names move. Source: open-telemetry/semantic-conventions-genai,
``docs/gen-ai/gen-ai-spans.md`` and ``gen-ai-metrics.md``, as of ``SCHEMA_URL``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/gen-ai/1.42.0"

OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_STREAM: Final = "gen_ai.request.stream"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
USAGE_CACHE_READ: Final = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_CREATION: Final = "gen_ai.usage.cache_creation.input_tokens"
USAGE_REASONING: Final = "gen_ai.usage.reasoning.output_tokens"
ERROR_TYPE: Final = "error.type"
TOKEN_TYPE: Final = "gen_ai.token.type"
TOKEN_MODALITY: Final = "gen_ai.token.modality"

CLIENT_OPERATION_DURATION: Final = "gen_ai_client_operation_duration_seconds"
CLIENT_TOKEN_USAGE: Final = "gen_ai_client_token_usage"
CLIENT_TIME_TO_FIRST_CHUNK: Final = "gen_ai_client_operation_time_to_first_chunk_seconds"
SERVER_REQUEST_DURATION: Final = "gen_ai_server_request_duration_seconds"
SERVER_TIME_TO_FIRST_TOKEN: Final = "gen_ai_server_time_to_first_token_seconds"
USAGE_COUNTERS: Final[Mapping[str, str]] = {
    "input_tokens": "gen_ai_client_inference_usage_input_tokens_total",
    "output_tokens": "gen_ai_client_inference_usage_output_tokens_total",
    "cached_tokens": "gen_ai_client_inference_usage_cache_read_input_tokens_total",
    "cache_write_tokens": "gen_ai_client_inference_usage_cache_write_input_tokens_total",
    "reasoning_tokens": "gen_ai_client_inference_usage_reasoning_output_tokens_total",
}
"""Metrics as Prometheus writes them, by the field of a usage record that they count."""

SECONDS: Final = tuple(0.01 * 2**i for i in range(14))
"""Upper bounds of the buckets of durations, as the conventions advise: 10 ms to 81.92 s."""
TOKENS: Final = tuple(float(4**i) for i in range(14))
"""Upper bounds of the buckets of tokens: 1 to 67,108,864."""

PROVIDERS: Final[Mapping[str, str]] = {
    "azure": "azure.ai.openai",
    "azure_openai": "azure.ai.openai",
    "openai_responses": "openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "vertex": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""Provider types that the conventions call otherwise; every other one keeps its name."""


def provider_name(provider_type: str) -> str:
    """The ``gen_ai.provider.name`` of a provider type; ``_OTHER`` when there is none."""
    return PROVIDERS.get(provider_type, provider_type) or "_OTHER"


def label(attribute: str) -> str:
    """An attribute as a label of Prometheus."""
    return attribute.replace(".", "_")
