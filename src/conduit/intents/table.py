"""The intent table: which request over HTTP an intent stands for.

The seven rows are those of the Flex Data proposal (its section 4.2 and appendix A). Any other name
with a dot is the name of a block. A name without one is nobody's: the bridge keeps it as metadata.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal
from urllib.parse import quote, urlencode

from conduit.blocks import dumps
from conduit.contracts.errors import InvalidInput
from conduit.contracts.json import Json

_BLOCK: Final = re.compile(r"[a-z][a-z0-9_-]*(\.[A-Za-z][A-Za-z0-9_-]*)+")
_PLACE: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class IntentRow:
    """``path`` has the fields of the body that stand in the address; ``query`` names those that go
    behind it; ``file`` the one that is sent as a file. What ``streams`` is asked to tell what
    happens on its way."""

    intent: str
    path: str
    query: tuple[str, ...] = ()
    file: str = ""
    streams: bool = False


TABLE: Final = (
    IntentRow("llm.chat", "/chat", streams=True),
    IntentRow("planner.reason", "/planner/reason"),
    IntentRow("planner.execute", "/planner/execute", streams=True),
    IntentRow("tools.register", "/tools/register", query=("corpusId", "name"), file="openapi"),
    IntentRow("function.invoke", "/functions/{id}/invoke"),
    IntentRow("persist.baseline", "/corpora/{corpusId}/baselines"),
    IntentRow("awareness.reflect", "/corpus/reflections"),
)
_ROWS: Final = {row.intent: row for row in TABLE}
SEVEN: Final = tuple(_ROWS)
"""The intents of the proposal."""
USUAL: Final = (*SEVEN, "agent.ask", "groove.*")
"""What whoever is on this machine may ask for, where nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class HttpCall:
    """A request that is ready but for its origin and its token."""

    path: str
    body: bytes
    media_type: str = "application/json"
    accept: Literal["application/json", "text/event-stream, application/json"] = "application/json"


_EVENTS: Final = "text/event-stream, application/json"


def is_known(intent: str) -> bool:
    """Whether an intent leads anywhere, so far as its name tells."""
    return intent in _ROWS or _BLOCK.fullmatch(intent) is not None


def call_of(intent: str, body: Json) -> HttpCall:
    """The request an intent stands for. Raises ``InvalidInput`` for a body that lacks what the
    address needs."""
    fields: Mapping[str, Any] = {} if body is None else body
    if not isinstance(fields, dict):
        raise InvalidInput("the body must be a JSON object", where=intent, hint='send "body":{…}')
    row = _ROWS.get(intent)
    if row is None:
        return HttpCall(
            f"/blocks/{quote(intent)}",
            dumps(fields),
            accept=_EVENTS,
        )
    left = dict(fields)
    path = _PLACE.sub(lambda place: _in_path(intent, place[1], left), row.path)
    found = {name: left.pop(name) for name in row.query if name in left}
    if found:
        path += "?" + urlencode({name: _text(intent, name, found[name]) for name in found})
    if row.file:
        return _as_file(row, path, left)
    return HttpCall(path, dumps(left), accept=_EVENTS if row.streams else "application/json")


def _in_path(intent: str, name: str, fields: dict[str, Any]) -> str:
    value = _text(intent, name, fields.pop(name, None))
    if value in (".", ".."):
        raise InvalidInput(f"{name} cannot be {value!r}", where=intent, hint="name it")
    return quote(value, safe="")


def _text(intent: str, name: str, value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise InvalidInput(
            f"the body needs {name}, a text of 1 to 200 characters",
            where=intent,
            hint=f'send "body":{{"{name}":"…"}}',
        )
    return value


def _as_file(row: IntentRow, path: str, fields: dict[str, Any]) -> HttpCall:
    """A form of RFC 7578 with one file; a document that is given as an object is written as
    JSON."""
    given = fields.pop(row.file, None)
    if fields:
        raise InvalidInput(
            f"there is no field {next(iter(fields))[:80]!r}",
            where=row.intent,
            hint=f"send {', '.join((row.file, *row.query))}",
        )
    if not isinstance(given, str | dict) or not given:
        raise InvalidInput(
            f"the body needs {row.file}, the document",
            where=row.intent,
            hint="send it as text, or as an object",
        )
    document = given.encode() if isinstance(given, str) else dumps(given)
    boundary = sha256(document).hexdigest()[:40]  # which nobody can have put into the document
    head = (
        f"--{boundary}\r\nContent-Disposition: form-data; "
        f'name="{row.file}_file"; filename="document"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = head.encode() + document + f"\r\n--{boundary}--\r\n".encode()
    return HttpCall(path, body, f"multipart/form-data; boundary={boundary}")
