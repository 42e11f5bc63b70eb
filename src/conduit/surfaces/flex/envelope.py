"""The control envelope: a few hundred bytes of JSON that ask for one thing.

::

    {"v": 1, "ts": 1723622400000, "corr": "dE8x-7qF", "intent": "planner.execute", "body": {…}}

Several of them in a list are a batch. A body that is too large for one text travels in parts: each
part is an envelope with the same ``corr`` and ``intent``, with ``part``, and with a piece of the
body's JSON text as its ``body``. The format is the one of the Flex Data proposal, version 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from conduit.blocks import Length, Range, decode, dumps, json_schema, loads
from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.contracts.json import Json, JsonObject

VERSION: Final = 1
MOST_TEXT: Final = 16 * 1024
"""Bytes of one text, as it is sent and as it is taken."""
MOST_BODY: Final = 256 * 1024
"""Bytes of a body's JSON, put together from all its parts."""
MOST_PARTS: Final = 256
MOST_IN_BATCH: Final = 32
_HEAD: Final = 512
"""Bytes kept free for what is around a piece of a body."""


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of how many; ``number`` counts from 1."""

    number: Annotated[int, Range(1, MOST_PARTS)]
    of: Annotated[int, Range(2, MOST_PARTS)]


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a device asks for, or what it is told.

    ``ts`` is when it was made, in milliseconds since 1970 (UTC); ``corr`` comes back with every
    reply, and no two envelopes of a device have the same; ``intent`` says what is wanted.
    """

    ts: Annotated[int, Range(0, 2**53)]
    corr: Annotated[str, Length(1, 64)]
    intent: Annotated[str, Length(1, 128)]
    body: Json = None
    part: Part | None = None
    v: Literal[1] = VERSION


def schema() -> JsonObject:
    """What is published: JSON Schema (2020-12) of a text, which is an envelope or a batch."""
    one = dict(json_schema(Envelope))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Flex Data control envelope",
        "$defs": {**one.pop("$defs", {}), "Envelope": one},
        "oneOf": [
            {"$ref": "#/$defs/Envelope"},
            {
                "type": "array",
                "items": {"$ref": "#/$defs/Envelope"},
                "minItems": 1,
                "maxItems": MOST_IN_BATCH,
            },
        ],
    }


def parse(text: bytes | str) -> list[Envelope | InvalidInput]:
    """The envelopes of a text. One of a batch that is wrong does not take the others with it.

    Raises ``InvalidInput`` for a text that is neither an envelope nor a batch.
    """
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > MOST_TEXT:
        raise TooLarge(
            f"a text of {size:,} bytes; {MOST_TEXT:,} are taken",
            where="envelope",
            hint="send the body in parts",
        )
    data = loads(text)
    if isinstance(data, dict):
        return [_read(data)]
    if not isinstance(data, list) or not data:
        raise InvalidInput(
            "neither an envelope nor a batch of them",
            where="envelope",
            hint='send {"v":1,"ts":…,"corr":"…","intent":"…","body":{…}}',
        )
    if len(data) > MOST_IN_BATCH:
        raise TooLarge(
            f"a batch of {len(data)}; {MOST_IN_BATCH} are taken",
            where="envelope",
            hint="send several batches",
        )
    found: list[Envelope | InvalidInput] = []
    for each in data:
        try:
            found.append(_read(each))
        except InvalidInput as error:
            found.append(error)
    return found


def corr_of(text: bytes | str) -> str:
    """Whatever can be told of the ``corr`` of a text that is refused; empty when nothing can."""
    try:
        data = loads(text) if len(text) <= MOST_TEXT else None
    except InvalidInput:
        return ""
    corr = data.get("corr") if isinstance(data, dict) else None
    return corr if isinstance(corr, str) and len(corr) <= 64 else ""


def render(envelope: Envelope) -> str:
    """One envelope as text. Raises ``TooLarge``: send it in parts then."""
    text = dumps(_plain(envelope))
    if len(text) > MOST_TEXT:
        raise TooLarge(
            f"the envelope would take {len(text):,} bytes; {MOST_TEXT:,} fit",
            where=envelope.intent,
            hint="send it in parts",
        )
    return text.decode()


def render_batch(envelopes: Sequence[Envelope]) -> Iterator[str]:
    """As few texts as they fit in. Raises ``TooLarge`` for one that fits in none."""
    waiting: list[str] = []
    size = 0
    for text in map(render, envelopes):
        more = len(text.encode()) + 1
        if waiting and (size + more > MOST_TEXT - 1 or len(waiting) == MOST_IN_BATCH):
            yield _joined(waiting)
            waiting, size = [], 0
        waiting.append(text)
        size += more
    if waiting:
        yield _joined(waiting)


def render_parts(envelope: Envelope, most: int = MOST_TEXT) -> list[str]:
    """An envelope as one text where it fits into ``most`` bytes, else in parts.

    Raises ``TooLarge`` for a body above ``MOST_BODY``.
    """
    whole = dumps(_plain(envelope))
    if len(whole) <= most:
        return [whole.decode()]
    body = dumps(envelope.body)
    if len(body) > MOST_BODY:
        raise TooLarge(
            f"a body of {len(body):,} bytes; {MOST_BODY:,} are sent",
            where=envelope.intent,
            hint="ask for less of it",
        )
    pieces = list(_pieces(body.decode(), max(64, most - _HEAD)))
    if len(pieces) > MOST_PARTS:
        raise TooLarge(
            f"a body in {len(pieces)} parts; {MOST_PARTS} are sent",
            where=envelope.intent,
            hint="allow larger texts, or ask for less of it",
        )
    if len(pieces) < 2:
        pieces = [*pieces, ""]
    return [
        dumps(
            _plain(
                Envelope(
                    envelope.ts,
                    envelope.corr,
                    envelope.intent,
                    piece,
                    Part(number, len(pieces)),
                )
            )
        ).decode()
        for number, piece in enumerate(pieces, 1)
    ]


def _read(data: Any) -> Envelope:
    envelope = decode(Envelope, data, where="envelope")
    if envelope.part is not None:
        if envelope.part.number > envelope.part.of:
            raise InvalidInput(
                f"part {envelope.part.number} of {envelope.part.of}",
                where="envelope",
                hint="parts count from 1",
            )
        if not isinstance(envelope.body, str):
            raise InvalidInput(
                "the body of a part must be a piece of JSON text",
                where="envelope",
                hint="cut the body's JSON into pieces, and send them as strings",
            )
    return envelope


def _plain(envelope: Envelope) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "v": envelope.v,
        "ts": envelope.ts,
        "corr": envelope.corr,
        "intent": envelope.intent,
    }
    if envelope.part is not None:
        plain["part"] = envelope.part
    if envelope.body is not None:
        plain["body"] = envelope.body
    return plain


def _joined(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"[{','.join(texts)}]"


def _pieces(text: str, room: int) -> Iterator[str]:
    """Pieces that take at most ``room`` bytes each once they are strings in JSON."""
    begin = 0
    size = 0
    for at, letter in enumerate(text):
        more = 2 if letter in '"\\' else len(letter.encode())
        if size + more > room:
            yield text[begin:at]
            begin, size = at, 0
        size += more
    yield text[begin:]
