"""What the words of MIDI 2.0 say, as data."""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Iterator
from typing import Any, Final

from conduit.contracts.errors import InvalidInput
from conduit.contracts.json import JsonObject
from conduit.midi.flex import FlexText, TextAssembler
from conduit.midi.ump import (
    SIZES,
    EndpointText,
    EndpointTextAssembler,
    Fault,
    LongAssembler,
    LongMessage,
    Message,
    Reserved,
    Truncated,
    decode,
)
from conduit.tools.midi.said import Said

_TOKEN: Final = re.compile(r"[^\s,;]+")
_HEX: Final = re.compile(r"(?:0[xX])?([0-9a-fA-F_]+)")
_DIGITS: Final = 8


def hex_words(text: str) -> list[int]:
    """The words in a text. Raises ``InvalidInput`` for the first that is none, with its place.

    More than eight digits at once are several words, if they are whole ones.
    """
    words: list[int] = []
    for number, token in enumerate(_TOKEN.finditer(text), 1):
        matched = _HEX.fullmatch(token[0])
        digits = matched[1].replace("_", "") if matched else ""
        if not digits or (len(digits) > _DIGITS and len(digits) % _DIGITS):
            raise InvalidInput(
                f"{token[0][:40]!r} is not a 32-bit word",
                where=f"word {number}",
                hint="write each as eight hexadecimal digits, like 40992400",
            )
        words += [int(digits[at : at + _DIGITS], 16) for at in range(0, len(digits), _DIGITS)]
    return words


def said_by(words: list[int], *, strict: bool) -> Iterator[Said]:
    """Each message, and what several of them were parts of. Raises ``InvalidInput`` when
    ``strict``."""
    texts = TextAssembler(strict=strict)
    long, names = LongAssembler(), EndpointTextAssembler()
    at = 0
    for message in decode(words, strict=strict):
        size = _size(words, at, message)
        packet = words[at : at + size]
        at += size
        yield Said(
            type(message).__name__, tuple(f"{word:08x}" for word in packet), _fields(message)
        )
        if not isinstance(message, Truncated):
            yield from map(_text, texts.feed(packet))
        yield from map(_long, long.feed([message]))
        yield from map(_name, names.feed([message]))
        faults: list[Fault[Any]] = [
            *texts.take_faults(),
            *long.take_faults(),
            *names.take_faults(),
        ]
        yield from map(_fault, faults)


def _size(words: list[int], at: int, message: Message) -> int:
    return len(words) - at if isinstance(message, Truncated) else SIZES[words[at] >> 28]


def _fields(message: Any) -> JsonObject:
    if isinstance(message, Reserved | Truncated):
        return {}
    return {each.name: _plain(getattr(message, each.name)) for each in dataclasses.fields(message)}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return value.name.lower() if isinstance(value, enum.Enum) else value


def _text(text: FlexText) -> Said:
    fields = {
        "name": text.name,
        "group": text.group,
        "channel": text.channel,
        "bank": text.bank,
        "status": text.status,
        "text": text.text,
    }
    return Said("text", (), {**fields, **({"melismas": text.melismas} if text.melismas else {})})


def _long(message: LongMessage) -> Said:
    return Said("long message", (), {"name": type(message).__name__, **_fields(message)})


def _name(name: EndpointText) -> Said:
    return Said("name", (), {"name": name.kind, "text": name.text, "block": name.block})


def _fault(fault: Fault[Any]) -> Said:
    return Said("fault", (), {"wrong": fault.wrong.name.lower(), "said": str(fault)})
