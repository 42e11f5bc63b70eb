"""What a service answers that is no answer: it is said whose fault it is, and memory has an end."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import AsyncIterator

import pytest

from conduit.contracts.errors import ConduitError, TooLarge, Unavailable
from conduit.contracts.json import Json
from conduit.intents.codes import trouble
from conduit.intents.service import Progress, Result, Service
from tests.intents.fake_services import services
from tests.intents.test_queues import Reaching


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with services() as behind:
        made = Service(Reaching(behind.url), time.monotonic)
        yield made
        await made.aclose()


async def asked(service: Service, intent: str, body: Json = None) -> list[Progress | Result]:
    return [each async for each in service.call(intent, body, "once")]


@pytest.mark.parametrize(
    ("intent", "kind", "said"),
    [
        ("fails.json", Unavailable, "no JSON"),
        ("fails.huge", TooLarge, "more than 8 MiB"),
        ("stream.endless", TooLarge, "more than 8 MiB"),
        ("stream.no-line-ends", Unavailable, "cannot be read"),
        ("stream.no-json", Unavailable, "no JSON"),
        ("stream.no-end", Unavailable, "without a result"),
    ],
)
async def test_an_answer_that_is_none(
    service: Service, intent: str, kind: type[ConduitError], said: str
) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(kind, match=said) as failed:
            async for _ in service.call(intent, None, "once"):
                pass
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert failed.value.hint


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("internal", "failed"),
        ("provider_bad_reply", "unavailable"),
        ("stream_interrupted", "unavailable"),
        ("provider_refused", "unavailable"),
        ("rate_limited", "too_many"),
        ("invalid_input", "malformed"),
        ("never-heard-of", "unavailable"),
    ],
)
async def test_an_error_on_the_way_is_told_as_it_would_be_before(
    service: Service, code: str, told: str
) -> None:
    with pytest.raises(ConduitError) as failed:
        await asked(service, "stream.fails", {"code": code})
    assert trouble(failed.value).code == told
