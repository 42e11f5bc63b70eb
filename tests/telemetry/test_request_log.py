"""The line of a request: its record as JSON, without secrets and without what is as usual."""

from __future__ import annotations

import json
import logging

from hypothesis import given

from conduit.contracts.usage import UsageRecord
from conduit.telemetry.logs import JsonLines
from conduit.telemetry.request_log import log_request, logs_requests
from tests.store.usage_records import any_record, usage


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def line_of(record: UsageRecord) -> str:
    logger, handler = logging.getLogger("conduit.gateway"), _Lines()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        log_request(record)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    (line,) = handler.lines
    return line


def test_the_fields_of_the_record() -> None:
    record = usage(7, ending="failed", error="timed_out", duration_ms=12.34567, failovers=1)
    found = json.loads(line_of(record))
    assert found["log"] == "conduit.gateway"
    assert found["message"] == "request"
    assert found["id"] == record.id
    assert (found["input_tokens"], found["output_tokens"]) == (7, 14)
    assert (found["ending"], found["error"], found["failovers"]) == ("failed", "timed_out", 1)
    assert found["duration_ms"] == 12.346
    assert "reasoning_tokens" not in found


def test_secrets_are_removed() -> None:
    secret = "sk-proj-abcdefghijklmnop"
    line = line_of(usage(1, requested=secret, model=f"Bearer {secret}", error=f"api_key={secret}"))
    assert secret not in line
    assert "[redacted]" in line


@given(any_record)
def test_every_record_is_one_short_line(record: UsageRecord) -> None:
    line = line_of(record)
    assert "\n" not in line
    assert len(line) < 40_000
    json.loads(line)


def test_it_is_for_those_who_want_it() -> None:
    logger = logging.getLogger("conduit.gateway")
    level = logger.level
    try:
        logger.setLevel(logging.WARNING)
        assert not logs_requests()
        logger.setLevel(logging.INFO)
        assert logs_requests()
    finally:
        logger.setLevel(level)
