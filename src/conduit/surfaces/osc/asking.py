"""The other side of the bridge: whoever sends a message and waits for what comes of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, Literal, Protocol

from conduit.blocks import loads
from conduit.contracts.errors import ConduitError, InvalidInput, TimedOut, Unavailable
from conduit.contracts.json import Json
from conduit.intents.codes import Trouble, raised
from conduit.midi.network.udp.wire import udp_socket
from conduit.surfaces.osc.asked import HELLO, ROOT
from conduit.surfaces.osc.datagrams import MOST_BYTES
from conduit.surfaces.osc.door import TOKEN_BYTES
from conduit.surfaces.osc.replies import ACK, ERROR, TOKEN
from conduit.surfaces.osc.server import MOST_PACKET
from conduit.surfaces.osc.wire import FrameReader, Message, as_slip, decode, encode

MOST_PARTS: Final = 10_000
_AT_ONCE: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Told:
    """What was said of a call."""

    kind: Literal["ack", "progress", "result"]
    value: Json


class _Wire(Protocol):
    async def send(self, data: bytes) -> None: ...

    async def next(self) -> list[bytes]:
        """Packets that came; empty at the end."""
        ...


async def ask(
    host: str, port: int, message: Message, corr: str, *, tcp: bool = False, patience_s: float
) -> AsyncGenerator[Told, None]:
    """Send a message that has this ``corr``, and what is told of it until its result.

    Raises what an ``error`` stands for, ``TimedOut`` when nothing is told for ``patience_s``
    seconds, and ``Unavailable``.
    """
    async with (_stream if tcp else _datagrams)(host, port) as wire:
        try:
            async with aclosing(_asked(wire, message, corr, patience_s)) as told:
                async for each in told:
                    yield each
        except OSError as error:
            raise Unavailable(
                f"{host} port {port} does not take it: {error}",
                hint="is a bridge running there? `conduit osc serve`",
            ) from None


async def _asked(
    wire: _Wire, message: Message, corr: str, patience_s: float
) -> AsyncGenerator[Told, None]:
    await wire.send(encode(message))
    heard: dict[str, _Parts] = {}
    while True:
        for came in await _next(wire, patience_s):
            match came:
                case Message(address, (str(of), *rest)) if of == corr and address.startswith(ROOT):
                    told = _told(address, rest, heard)
                case _:
                    continue
            if told is not None:
                yield told
                if told.kind == "result":
                    return


async def _next(wire: _Wire, patience_s: float) -> list[Message]:
    try:
        async with asyncio.timeout(patience_s):
            packets = await wire.next()
    except TimeoutError:
        raise TimedOut(
            f"nothing was told for {patience_s:g} s",
            hint="is a bridge listening there, and may it answer? wait longer: --timeout",
        ) from None
    if not packets:
        raise Unavailable("the bridge went away", hint="ask again")
    found = []
    for data in packets:
        try:
            packet = decode(data)
        except InvalidInput:
            continue  # what cannot be read says nothing of our call
        if isinstance(packet, Message):
            found.append(packet)
    return found


@dataclass(slots=True)
class _Parts:
    """What came of one value."""

    of: int
    pieces: dict[int, str] = field(default_factory=dict)


def _told(address: str, rest: Sequence[object], heard: dict[str, _Parts]) -> Told | None:
    match address, rest:
        case "/conduit/ack", [int(status), *_] if address == ACK:
            return Told("ack", status)
        case "/conduit/error", [str(code), int(status), str(said), str(hint), int(wait), *_]:
            raise raised(Trouble(code, status, said, hint, wait))
        case "/conduit/error", _:
            raise ConduitError("it failed", where=ERROR)
        case (
            ("/conduit/progress" | "/conduit/result"),
            [str(piece), int(part), int(of), *_],
        ) if 0 < part <= of <= MOST_PARTS:
            kind: Literal["progress", "result"] = (
                "result" if address.endswith("result") else "progress"
            )
            known = heard.get(kind)
            if known is None or known.of != of or known.pieces.get(part, piece) != piece:
                known = heard[kind] = _Parts(of)  # of what was there before, a part was lost
            known.pieces[part] = piece
            if len(known.pieces) < of:
                return None
            del heard[kind]
            whole = "".join(known.pieces[number] for number in range(1, of + 1))
            return _read(kind, whole)
        case _:
            return None


def _read(kind: Literal["progress", "result"], whole: str) -> Told | None:
    """A value; parts of two pieces of progress, of which some were lost, are none."""
    try:
        return Told(kind, loads(whole))
    except InvalidInput:
        if kind == "progress":
            return None
        raise


@asynccontextmanager
async def _datagrams(host: str, port: int) -> AsyncIterator[_Wire]:
    try:
        opened = await udp_socket(host, port, connect=True)
    except (OSError, ValueError) as error:
        raise _unreachable(host, port, error) from None
    try:
        wire = _Datagrams(opened)
        if not ip_address(str(opened.getpeername()[0]).partition("%")[0]).is_loopback:
            await _prove(wire)
        yield wire
    finally:
        opened.close()


async def _prove(wire: _Wire) -> None:
    """Say hello, and say back what comes, so that replies of any length are sent here."""
    await wire.send(encode(Message(HELLO, ("-" * TOKEN_BYTES,))))
    for came in await _next(wire, 5.0):
        match came:
            case Message(address, (str(token), *_)) if address == TOKEN:
                await wire.send(encode(Message(HELLO, (token,))))


class _Datagrams:
    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def next(self) -> list[bytes]:
        return [await asyncio.get_running_loop().sock_recv(self._socket, MOST_BYTES)]


@asynccontextmanager
async def _stream(host: str, port: int) -> AsyncIterator[_Wire]:
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except (OSError, OverflowError) as error:
        raise _unreachable(host, port, error) from None
    try:
        yield _Stream(reader, writer)
    finally:
        writer.close()


class _Stream:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = FrameReader(MOST_PACKET)

    async def send(self, data: bytes) -> None:
        self._writer.write(as_slip(data))
        await self._writer.drain()

    async def next(self) -> list[bytes]:
        while data := await self._reader.read(_AT_ONCE):
            if frames := self._frames.feed(data):
                return frames
        return []


def _unreachable(host: str, port: int, error: Exception) -> Unavailable:
    return Unavailable(
        f"{host} port {port} cannot be reached: {error}",
        hint="is a bridge running there? `conduit osc serve` says its ports",
    )
