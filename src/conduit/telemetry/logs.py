"""One JSON object a line on standard error, with secrets taken out.

Anything that looks like a key (``sk-…``, ``Bearer …``, ``api_key=…``, ``://user:password@``) is cut
before a line is written, whoever wrote it; so is every field whose name says that it is one.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime

from conduit.contracts.call import Call
from conduit.contracts.outcome import Outcome

_SAID = r"api[_-]?key|authorization|token|password|passwd|secret|credential"
_SECRET = re.compile(
    rf"""(?ix)
    (?P<kept>
        (?:{_SAID}) [\\"']* \s* [:=] \s* (?:[\\"']*(?:bearer|basic|token)\s+)?  # api_key: …
        | \bbearer\s+
    )
    (?: \\?"[^"]*" | '[^']*' | [^\s"',;&)}}]+ )
    | (?P<scheme> ://[^\s/:@]* : ) [^\s/]+ (?=@)                         # ://user:…@
    | \b (?P<prefix> sk- | ck- | pplx- | gsk_ | xai- | hf_ | r8_ | AIza | AKIA | gh[opsu]_
        | github_pat_ | xox[a-z]- | eyJ ) [\w.+/=-]{{6,}}
    """
)
_SECRET_NAME = re.compile(rf"(?i)(?:{_SAID})$")


def redact(text: str) -> str:
    """Replace everything that looks like a secret."""
    return _SECRET.sub(_shortened, text)


def _shortened(found: re.Match[str]) -> str:
    kept = found["kept"] or found["scheme"] or found["prefix"]
    return f"{kept}[redacted]"


def _clean(value: object, name: str = "") -> object:
    """A value for a log line, without what is secret in it."""
    if _SECRET_NAME.search(name) and value:
        return "[redacted]"
    if isinstance(value, dict):
        return {redact(str(key)): _clean(each, str(key)) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(each) for each in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value))


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
        return json.dumps(_clean(line))


def log_to_stderr(level: str = "WARNING") -> None:
    """Send the ``conduit`` loggers to standard error. Calling it again only changes the level."""
    root = logging.getLogger("conduit")
    root.setLevel(level)
    # A client that hangs up while it is being answered is no news; the loop warns each time.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    if not any(isinstance(handler.formatter, JsonLines) for handler in root.handlers):
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
