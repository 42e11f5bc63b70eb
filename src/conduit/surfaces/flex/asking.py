"""The other side of the bridge: whoever sends an envelope and waits for what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from conduit.blocks import decode
from conduit.contracts.errors import InvalidInput, TimedOut, Unavailable
from conduit.intents.codes import Trouble, raised
from conduit.midi.flex import TextAssembler
from conduit.midi.network import Client, Received, SharedSecret, UserPassword
from conduit.midi.network import Identity as NetworkIdentity
from conduit.midi.ump import WordStream, bytes_of
from conduit.surfaces.flex.assembly import Assembly
from conduit.surfaces.flex.carriers import CarrierReader, Place, words_of
from conduit.surfaces.flex.envelope import Envelope, parse, render_parts
from conduit.surfaces.flex.links import whole_messages

_AT_ONCE = 1 << 16


@dataclass(frozen=True, slots=True)
class Wire:
    """How to reach a bridge: Network MIDI at ``host`` and ``port``, or words over TCP."""

    host: str
    port: int
    tcp: bool = False
    name: str = "conduit flex send"
    user: str = ""
    secret: str = ""


async def ask(
    wire: Wire,
    envelope: Envelope,
    *,
    place: Place | None = None,
    label: str = "",
    patience_s: float,
) -> AsyncGenerator[Envelope, None]:
    """Send an envelope, and what is told of it until its ``result``, or until it is told that it
    is kept as metadata.

    Raises what an ``error`` stands for, ``TimedOut`` when nothing is told for ``patience_s``
    seconds, and what opening the wire raises.
    """
    texts = render_parts(envelope)
    words = [word for text in texts for word in words_of(place or Place(), text, label)]
    heard = _Heard(envelope.corr)
    async with aclosing((_by_tcp if wire.tcp else _by_network)(wire, words)) as arriving:
        while True:
            try:
                async with asyncio.timeout(patience_s):
                    more = await anext(arriving, None)
            except TimeoutError:
                raise TimedOut(
                    f"nothing was told for {patience_s:g} s",
                    where=envelope.corr,
                    hint="is somebody there who knows this intent? wait longer: --timeout",
                ) from None
            if more is None:
                raise Unavailable("the bridge went away", hint="ask again")
            for told in heard.feed(more):
                if told.intent == "error":
                    raise raised(decode(Trouble, told.body))
                yield told
                if told.intent == "result" or _is_kept(told):
                    return


def _is_kept(told: Envelope) -> bool:
    """Nobody acts on it: that is all there will be."""
    return told.intent == "ack" and isinstance(told.body, dict) and bool(told.body.get("kept"))


class _Heard:
    """Replies to one envelope, out of words."""

    def __init__(self, corr: str) -> None:
        self._corr = corr
        self._texts = TextAssembler()
        self._carriers = CarrierReader()
        self._assembly = Assembly(_no_time)

    def feed(self, words: Sequence[int]) -> list[Envelope]:
        found = []
        for text in self._texts.feed(words):
            carried = self._carriers.read(text)
            if carried is None or not carried.text:
                continue
            for each in parse(carried.text):
                if isinstance(each, InvalidInput) or each.corr != self._corr:
                    continue
                whole = self._assembly.take(each)
                if whole is not None:
                    found.append(whole)
        return found


def _no_time() -> float:
    return 0.0


async def _by_network(wire: Wire, words: list[int]) -> AsyncGenerator[Sequence[int], None]:
    credentials: SharedSecret | UserPassword | None = None
    if wire.secret:
        by_user = UserPassword(wire.user, wire.secret)
        credentials = by_user if wire.user else SharedSecret(wire.secret)
    client = await Client.open(
        wire.host, wire.port, NetworkIdentity(wire.name, "conduit-send"), credentials=credentials
    )
    try:
        for each in whole_messages(words):
            client.send(each)
            await client.drain()
        async for event in client:
            if isinstance(event, Received):
                yield event.words
    finally:
        await client.close()


async def _by_tcp(wire: Wire, words: list[int]) -> AsyncGenerator[Sequence[int], None]:
    try:
        reader, writer = await asyncio.open_connection(wire.host, wire.port)
    except (OSError, OverflowError) as error:
        raise Unavailable(
            f"{wire.host} port {wire.port} cannot be reached: {error}",
            hint="is a bridge running there? `conduit flex serve --tcp 0` says its port",
        ) from None
    stream = WordStream("big")
    try:
        writer.write(bytes_of(words, "big"))
        await writer.drain()
        while data := await reader.read(_AT_ONCE):
            yield stream.feed(data)
    except OSError as error:
        raise Unavailable(f"the connection broke off: {error}", hint="ask again") from None
    finally:
        writer.close()
