"""Usage records for the tests: ordinary ones, and every one that the noun allows."""

from __future__ import annotations

from hypothesis import strategies as st

from conduit.contracts.call import DEFAULT_ORG
from conduit.contracts.usage import UsageRecord
from conduit.telemetry.ids import IdMaker

new_id = IdMaker()

_texts = st.text(max_size=300)
_counts = st.integers(-(10**20), 10**20) | st.integers(0, 10_000)
_times = st.floats() | st.floats(0, 1e6)

any_record = st.builds(
    UsageRecord,
    id=st.builds(new_id),
    at_ms=_counts,
    correlation_id=_texts,
    org_id=st.just(DEFAULT_ORG) | _texts,
    subject=_texts,
    operation=st.sampled_from(["chat", "embeddings"]),
    dialect=_texts,
    requested=_texts,
    provider=_texts,
    provider_type=_texts,
    model=_texts,
    answered_by=_texts,
    stream=st.booleans(),
    ending=st.sampled_from(["ok", "failed", "left"]),
    error=_texts,
    finish_reason=_texts,
    input_tokens=_counts,
    output_tokens=_counts,
    cached_tokens=_counts,
    cache_write_tokens=_counts,
    reasoning_tokens=_counts,
    estimated=st.booleans(),
    cost_micro=st.none() | _counts,
    duration_ms=_times,
    first_token_ms=st.none() | st.floats(0, 1e6),
    failovers=_counts,
    retries=_counts,
    hedged=st.booleans(),
    cache=_texts,
    samples=_counts,
    agreement=st.none() | st.floats(0, 1),
)


def usage(number: int = 0, **changes: object) -> UsageRecord:
    """An ordinary record, told apart by its number of input tokens."""
    given: dict[str, object] = {
        "id": new_id(),
        "at_ms": 1_800_000_000_000 + number,
        "subject": "local",
        "dialect": "openai_chat",
        "requested": "smart",
        "provider": "openai",
        "provider_type": "openai",
        "model": "gpt-x",
        "input_tokens": number,
        "output_tokens": 2 * number,
        "cost_micro": 3 * number,
        "duration_ms": 12.5,
    }
    return UsageRecord(**{**given, **changes})  # type: ignore[arg-type]  # any field may be given
