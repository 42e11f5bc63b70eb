"""Messages as calls: which intent an address stands for, and what its arguments say.

===============================  ==========================  =================================
address                          intent                      arguments
===============================  ==========================  =================================
``/conduit/prompt``              ``agent.ask``               a text; perhaps the ``corr``
``/conduit/groove/render`` …     ``groove.render`` …         see below
``/conduit/block/NAME``          ``NAME``                    see below
``/conduit/cancel``              what is going on is ended   its ``corr``
===============================  ==========================  =================================

Everywhere else: nothing; or one text of JSON, perhaps with the ``corr`` behind it; or names and
values in turn, among which ``corr`` is not part of the body.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from conduit.blocks import loads
from conduit.contracts.errors import InvalidInput, NotFound, TooLarge
from conduit.contracts.json import Json, JsonObject
from conduit.intents.table import TABLE, is_known
from conduit.intents.telling import CANCEL
from conduit.surfaces.osc.wire import Argument, Message, Pattern, has_pattern

ROOT: Final = "/conduit/"
PROMPT: Final = "/conduit/prompt"
HELLO: Final = "/conduit/hello"
BLOCK: Final = "/conduit/block/"
MOST_MATCHES: Final = 8
MOST_ARGUMENTS: Final = 256
_CORR: Final = re.compile(r"[!-~]{1,64}")

_FIXED: Final = {
    PROMPT: "agent.ask",
    f"{ROOT}{CANCEL}": CANCEL,
    f"{ROOT}groove/render": "groove.render",
    **{f"{ROOT}{row.intent.replace('.', '/')}": row.intent for row in TABLE},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A call. ``corr`` is empty when the sender gave none."""

    intent: str
    body: JsonObject
    corr: str


class Methods:
    """The address space. A plain address may name any block; a pattern means those of the table,
    and blocks that the operator names one by one."""

    def __init__(self, may: Iterable[str]) -> None:
        named = {f"{BLOCK}{name}": name for name in may if "*" not in name and is_known(name)}
        self._known = {**_FIXED, **named}

    def read(self, message: Message) -> list[Asked]:
        """What a message asks for; several when its address is a pattern, each then with the
        intent behind its ``corr``. Raises ``InvalidInput``, and ``NotFound`` when it is nothing."""
        address = message.address
        if has_pattern(address):
            intents = self._matching(address)
        elif address in self._known:
            intents = {self._known[address]: address}
        elif address.startswith(BLOCK) and is_known(address[len(BLOCK) :]):
            intents = {address[len(BLOCK) :]: address}
        else:
            raise NotFound(
                f"there is nothing at {address[:80]}",
                where="address",
                hint=f"send {PROMPT}, or {BLOCK} and the name of a block",
            )
        calls = [_call(intent, found, message.arguments) for intent, found in intents.items()]
        if len(calls) == 1:
            return calls
        return [
            Asked(each.intent, each.body, each.corr and f"{each.corr[:40]}/{each.intent}"[:64])
            for each in calls
        ]

    def _matching(self, address: str) -> dict[str, str]:
        pattern = Pattern(address)
        found = {intent: known for known, intent in self._known.items() if pattern.matches(known)}
        if not found:
            raise NotFound(
                f"nothing matches {address[:80]}", where="address", hint="write the address out"
            )
        if len(found) > MOST_MATCHES:
            raise TooLarge(
                f"{address[:80]} means {len(found)} things; {MOST_MATCHES} are done at once",
                where="address",
                hint="write more of the address out",
            )
        return found


def _call(intent: str, address: str, arguments: tuple[Argument, ...]) -> Asked:
    if len(arguments) > MOST_ARGUMENTS:
        raise TooLarge(
            f"more than {MOST_ARGUMENTS} arguments", where=address, hint="send one text of JSON"
        )
    match arguments:
        case (str(text), *rest) if address == PROMPT:
            return Asked(intent, {"prompt": str(text)}, _corr_behind(rest, address))
        case _ if address == PROMPT:
            raise InvalidInput("a prompt is a text", where=address, hint="send one string, type s")
        case (str(corr),) if intent == CANCEL and _CORR.fullmatch(corr):
            return Asked(intent, {"corr": str(corr)}, str(corr))
        case _ if intent == CANCEL:
            raise InvalidInput(
                "nothing says what is to end", where=address, hint="send its corr, and no more"
            )
        case (str(text), *rest) if text.lstrip().startswith("{"):
            body = loads(text)
            return Asked(intent, body, _corr_behind(rest, address))
        case _:
            return _pairs(intent, address, arguments)


def _pairs(intent: str, address: str, arguments: tuple[Argument, ...]) -> Asked:
    names, values = arguments[::2], arguments[1::2]
    body: JsonObject = {}
    for name, value in zip(names, values, strict=False):
        if not isinstance(name, str) or name in body:
            break
        body[str(name)] = _json(value, address)  # a Symbol is no name in JSON
    if len(names) != len(values) or len(body) != len(names):
        raise InvalidInput(
            "the arguments are neither JSON nor names and values in turn",
            where=address,
            hint='send {"style": "dub"} as a string, or "style" "dub", each name once',
        )
    corr = body.pop("corr", "")
    return Asked(intent, body, _corr_behind([corr] if corr else [], address))


def _json(value: Argument, address: str) -> Json:
    match value:
        case bool() | None:
            return value
        case str():
            return str(value)
        case float():
            return _number(value, address)
        case int():
            return int(value)
        case tuple() if type(value) is tuple:
            return [_json(each, address) for each in value]
        case _:
            raise InvalidInput(
                f"a {type(value).__name__} is no value of JSON",
                where=address,
                hint="send numbers, texts, true and false, nil, and arrays of these",
            )


def _number(value: float, address: str) -> float | int:
    """A number as it was meant: controllers send 8 as 8.0, and 128.1 with 32 bits."""
    if not math.isfinite(value):
        raise InvalidInput("a number is not finite", where=address, hint="send a number")
    if value.is_integer() and abs(value) < 2**53:
        return int(value)
    if type(value) is float:
        single = struct.pack(">f", value)
        for digits in (6, 7, 8):
            short = float(f"{value:.{digits}g}")
            if struct.pack(">f", short) == single:
                return short
    return float(value)


def _corr_behind(rest: list[Argument], address: str) -> str:
    match rest:
        case []:
            return ""
        case [str(corr)] if _CORR.fullmatch(corr):
            return str(corr)
        case _:
            raise InvalidInput(
                "behind the text may only be a corr",
                where=address,
                hint="send 1 to 64 characters of ASCII without blanks, or nothing",
            )
