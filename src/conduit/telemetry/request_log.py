"""One log line for each request to a language model: its usage record, and nothing that was said.

Secrets are removed where every line is written (``logs``), also from the name of a model.
"""

from __future__ import annotations

import logging
from dataclasses import fields
from typing import Final

from conduit.contracts.usage import Agreement, UsageRecord

_DEFAULTS: Final = {field.name: field.default for field in fields(UsageRecord)}
_LONGEST: Final = 200
_log = logging.getLogger("conduit.gateway")


def logs_requests() -> bool:
    """Whether anybody reads these lines, which are of level INFO."""
    return _log.isEnabledFor(logging.INFO)


def log_request(record: UsageRecord, agreement: Agreement | None = None) -> None:
    """Write the line. What has its usual value is left out; times are rounded to microseconds."""
    shown: dict[str, object] = {}
    for name, usual in _DEFAULTS.items():
        value = getattr(record, name)
        if value != usual:
            shown[name] = _short(value)
    if agreement is not None:
        shown |= {
            "samples": agreement.samples,
            "agreement": _short(agreement.share),
            "dissent": agreement.dissent,
            "escalated": agreement.escalated,
        }
    _log.info("request", extra={"fields": shown})


def _short(value: object) -> object:
    if isinstance(value, float):
        return round(value, 3)
    return value[:_LONGEST] if isinstance(value, str) else value
