"""Names and ids of endpoints and function blocks: cut into packets, and put together again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from conduit.contracts.errors import InvalidInput
from conduit.midi.ump.codec import encode
from conduit.midi.ump.layout import Form, Message
from conduit.midi.ump.reassembly import Clock, Fault, Limits, Reassembly, Wrong
from conduit.midi.ump.stream import EndpointName, FunctionBlockName, ProductInstanceId

Kind = Literal["endpoint name", "product instance id", "function block name"]

MOST_NAME: Final = 98
MOST_PRODUCT_INSTANCE_ID: Final = 42
MOST_BLOCK_NAME: Final = 91
"""Bytes, by M2-104-UM 7.1."""

_MOST: Final[dict[Kind, int]] = {
    "endpoint name": MOST_NAME,
    "product instance id": MOST_PRODUCT_INSTANCE_ID,
    "function block name": MOST_BLOCK_NAME,
}


@dataclass(frozen=True, slots=True)
class EndpointText:
    """What an endpoint is called; ``block`` is 0 unless it is the name of a function block."""

    kind: Kind
    text: str
    block: int = 0


def endpoint_text_packets(said: EndpointText) -> list[int]:
    """The words of a name. Raises ``InvalidInput`` for one that is too long or holds a NUL."""
    try:
        data = said.text.encode("ascii" if said.kind == "product instance id" else "utf-8")
    except UnicodeEncodeError:
        raise InvalidInput(
            f"a {said.kind} cannot be written as {said.text!r:.40}",
            where=said.kind,
            hint="a product instance id is ASCII, the others are whole characters of UTF-8",
        ) from None
    if 0 in data or len(data) > _MOST[said.kind]:
        raise InvalidInput(
            f"a {said.kind} of {len(data)} bytes{' with a NUL' if 0 in data else ''}",
            where=said.kind,
            hint=f"use at most {_MOST[said.kind]} bytes, none of them NUL",
        )
    size = 13 if said.kind == "function block name" else 14
    many = max(1, -(-len(data) // size))
    words: list[int] = []
    for at in range(many):
        form = Form.END if at == many - 1 else (Form.CONTINUE if at else Form.START)
        part = data[at * size : (at + 1) * size].ljust(size, b"\0")
        words.extend(encode(_packet(said, Form.COMPLETE if many == 1 else form, part)))
    return words


def _packet(said: EndpointText, form: Form, data: bytes) -> Message:
    if said.kind == "function block name":
        return FunctionBlockName(form, said.block, data)
    return (EndpointName if said.kind == "endpoint name" else ProductInstanceId)(form, data)


class EndpointTextAssembler:
    """Names out of packets; other messages are passed over. A name above its limit is refused."""

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._parts: Reassembly[tuple[Kind, int]] = Reassembly(Limits(MOST_NAME), clock)

    def feed(self, messages: Iterable[Message]) -> list[EndpointText]:
        """The names that are whole now."""
        found: list[EndpointText] = []
        for message in messages:
            key: tuple[Kind, int]
            if isinstance(message, FunctionBlockName):
                key = ("function block name", message.block)
            elif isinstance(message, EndpointName):
                key = ("endpoint name", 0)
            elif isinstance(message, ProductInstanceId):
                key = ("product instance id", 0)
            else:
                continue
            whole = self._parts.add(key, message.form, message.data.replace(b"\0", b""))
            if whole is None:
                continue
            if len(whole) > _MOST[key[0]]:
                self._parts.fault(key, Wrong.TOO_LARGE, len(whole))
                continue
            try:
                found.append(EndpointText(key[0], whole.decode(), key[1]))
            except UnicodeDecodeError:
                self._parts.fault(key, Wrong.NOT_UTF8, len(whole))
        return found

    def take_faults(self) -> list[Fault[tuple[Kind, int]]]:
        """What went wrong since the last call, at most the last 256."""
        return self._parts.take_faults()
