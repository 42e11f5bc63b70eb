"""What a sender is told, as messages that fit.

=======================  =====================================================================
``/conduit/ack``         ``s`` corr, ``i`` status
``/conduit/progress``    ``s`` corr, ``s`` JSON, ``i`` part, ``i`` of how many
``/conduit/result``      ``s`` corr, ``s`` JSON, ``i`` part, ``i`` of how many
``/conduit/error``       ``s`` corr, ``s`` code, ``i`` status, ``s`` message, ``s`` hint, ``i`` ms
``/conduit/token``       ``s`` what is to be said back, behind a ``/conduit/hello``
=======================  =====================================================================

The texts of all parts, one behind the other, are the JSON.
"""

from __future__ import annotations

from typing import Final, Literal

from conduit.blocks import dumps
from conduit.contracts.errors import ConduitError, TooLarge
from conduit.contracts.json import Json
from conduit.intents.codes import Trouble, trouble
from conduit.surfaces.osc.asked import ROOT
from conduit.surfaces.osc.wire import Message

ACK: Final = f"{ROOT}ack"
ERROR: Final = f"{ROOT}error"
TOKEN: Final = f"{ROOT}token"
REPLIES: Final = frozenset({ACK, ERROR, TOKEN, f"{ROOT}progress", f"{ROOT}result"})
_AROUND: Final = 128
"""Bytes of a part besides its text and its corr."""
_LEAST: Final = 64


def ack(corr: str, status: int = 202) -> Message:
    """It was taken."""
    return Message(ACK, (corr, status))


def token_of(token: str) -> Message:
    """Say this back, in a hello, from where you got it. No longer than a hello with 16 letters."""
    return Message(TOKEN, (token,))


def refusal(corr: str, error: ConduitError | Trouble, most: int = 1_400) -> Message:
    """What went wrong, in no more than about ``most`` bytes."""
    told = error if isinstance(error, Trouble) else trouble(error)
    room = max(_LEAST, (most - _AROUND - len(corr)) // 2)
    message, hint = _cut(told.message, room), _cut(told.hint, room)
    return Message(ERROR, (corr, told.code, told.status, message, hint, told.retry_ms))


def parts(
    kind: Literal["progress", "result"], corr: str, value: Json, *, most: int, in_all: int
) -> list[Message]:
    """A value as messages of at most ``most`` bytes. Raises ``TooLarge`` beyond ``in_all`` bytes of
    JSON."""
    text = dumps(value)
    if len(text) > in_all:
        raise TooLarge(
            f"the {kind} has {len(text):,} bytes; {in_all:,} are sent",
            hint="ask over TCP, or for less",
        )
    pieces = _pieces(text, max(_LEAST, most - _AROUND - len(corr)))
    return [
        Message(f"{ROOT}{kind}", (corr, piece, number, len(pieces)))
        for number, piece in enumerate(pieces, 1)
    ]


def _pieces(text: bytes, most: int) -> list[str]:
    """Pieces of at most ``most`` bytes that end between two characters."""
    found: list[str] = []
    at = 0
    while at < len(text):
        end = min(at + most, len(text))
        while end < len(text) and text[end] & 0xC0 == 0x80:
            end -= 1
        found.append(text[at:end].decode())
        at = end
    return found


def _cut(text: str, most: int) -> str:
    """At most ``most`` bytes, and no null, which would end it."""
    return text.replace("\0", "").encode(errors="replace")[:most].decode(errors="ignore")
