"""One JSON object a line on standard error, with secrets taken out.

Anything that looks like a key (``sk-…``, ``Bearer …``, ``api_key=…``) is cut before a line is
written, whoever wrote it.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime

from conduit.contracts.call import Call
from conduit.contracts.outcome import Outcome

_SECRET = re.compile(
    r"(?i)(\bbearer\s+|\bsk-|\bpplx-|\bgsk_|\bxai-|"
    r"(?:api[_-]?key|x-api-key|authorization|token|password|secret)[\"']?\s*[:=]\s*[\"']?)"
    r"[A-Za-z0-9._\-+/=]{6,}"
)


def redact(text: str) -> str:
    """Replace everything that looks like a secret."""
    return _SECRET.sub(lambda found: f"{found.group(1)}[redacted]", text)


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object; ``extra={"fields": {...}}`` is merged into it."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        line = {
            "at": at.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "log": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return redact(json.dumps(line, default=str))


def log_to_stderr(level: str = "WARNING") -> None:
    """Send the ``conduit`` loggers to standard error. Calling it again only changes the level."""
    root = logging.getLogger("conduit")
    root.setLevel(level)
    if not root.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
        root.addHandler(handler)
        root.propagate = False


class CallLog:
    """An interceptor of the gate that logs every call: who, what, how long, how it ended."""

    def __init__(self) -> None:
        self._log = logging.getLogger("conduit.calls")

    async def before(self, call: Call) -> None:
        """Nothing is refused here."""

    async def after(self, call: Call, outcome: Outcome) -> None:
        if not self._log.isEnabledFor(logging.INFO):
            return
        fields = {
            "block": call.block,
            "principal": call.principal.subject,
            "org": call.principal.org_id,
            "correlation_id": call.correlation_id,
            "status": outcome.status,
            "elapsed_ms": round(outcome.elapsed_ms, 3),
        }
        if outcome.error:
            fields["error"] = outcome.error.code
        self._log.info("call", extra={"fields": fields})
