"""Usage records as lines of a journal: checked when read, and always possible to write.

A line is ``<CRC-32 of the rest, 8 hex digits> <the record as JSON>``. Names and not positions, so
that a journal of an older or newer Conduit can be read.
"""

from __future__ import annotations

import math
import re
import zlib
from dataclasses import fields, replace
from operator import attrgetter
from typing import Any, Final

import msgspec

from conduit.contracts.usage import UsageRecord

LONGEST_TEXT: Final = 200
"""Characters of any text of a record: a client may send a megabyte as the name of a model."""
UNCHECKED: Final = 4096
"""Bytes of a record that is written as it is; a longer one is made storable first."""
LONGEST_LINE: Final = 1 << 15
"""Bytes: more than a storable record ever needs, six for each character of every text."""
HIGHEST: Final = 10**12
"""The highest count of tokens or micro-US-dollars that is believed of one request: high enough for
anything real, and low enough that a sum over millions still fits 64 bits."""
LATEST_MS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""PostgreSQL has no NUL in texts, UTF-8 has no lone surrogates."""
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_SHORT = {"org_id": 36, "id": 64}
_TEXTS = tuple(field.name for field in fields(UsageRecord) if "str" in str(field.type))
_NUMBERS = tuple(
    field.name for field in fields(UsageRecord) if str(field.type).startswith(("int", "float"))
)
_texts_of = attrgetter(*_TEXTS)
_counts_of = attrgetter(
    *(field.name for field in fields(UsageRecord) if field.type == "int" and field.name != "at_ms")
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(UsageRecord).decode
_crc32 = zlib.crc32
_isfinite = math.isfinite


class Unreadable(ValueError):
    """It is not a line that ``encode_line`` wrote."""


def encode_line(record: UsageRecord) -> bytes:
    """The record as a line, with its end. Whatever cannot be stored is made storable."""
    try:
        body = _encode(record)
        if len(body) > UNCHECKED or not _isfinite(record.duration_ms):
            body = _encode(storable(record))
    except (ValueError, OverflowError, TypeError, msgspec.MsgspecError):
        body = _encode(storable(record))
    return b"%08x %b\n" % (_crc32(body), body)


def decode_line(line: bytes) -> UsageRecord:
    """Read a line back, storable. Raises ``Unreadable``."""
    body = line[9:].rstrip(b"\n")
    try:
        if line[8:9] != b" " or int(line[:8], 16) != _crc32(body):
            raise Unreadable("its checksum is not that of its text")
        record = _decode(body)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        raise Unreadable("it is not a usage record") from None
    return storable(record)


def storable(record: UsageRecord) -> UsageRecord:
    """The record with texts and numbers that every database can hold; mostly the very same."""
    return record if _is_storable(record) else _made_storable(record)


def _is_storable(record: UsageRecord) -> bool:
    """A quick look that most records pass, and none that must be changed."""
    texts = _texts_of(record)
    counts = _counts_of(record)
    together = "".join(texts)
    return (
        together.isascii()
        and "\0" not in together
        and max(map(len, texts)) <= _SHORT["id"]
        and len(record.org_id) <= _SHORT["org_id"]
        and min(counts) >= 0
        and max(counts) <= HIGHEST
        and 0 <= record.at_ms <= LATEST_MS
        and 0 <= record.duration_ms <= HIGHEST
        and 0 <= (record.first_token_ms or 0.0) <= HIGHEST
        and 0 <= (record.cost_micro or 0) <= HIGHEST
        and 0 <= (record.agreement or 0.0) <= HIGHEST
    )


def _made_storable(record: UsageRecord) -> UsageRecord:
    changes: dict[str, Any] = {}
    for name in _TEXTS:
        text = getattr(record, name)[: _SHORT.get(name, LONGEST_TEXT)]
        changes[name] = _UNSTORABLE.sub(_REPLACEMENT, text)
    for name in _NUMBERS:
        number = getattr(record, name)
        highest = LATEST_MS if name == "at_ms" else HIGHEST
        if number is not None and not 0 <= number <= highest:  # NaN too is not between
            changes[name] = type(number)(min(max(number, 0), highest) if number == number else 0)
    return replace(record, **changes)
