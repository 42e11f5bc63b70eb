"""Carries bytes between two ports, with TLS on either side: what gives plain programs an https.

python -m bench.gateway.relay PORT TO_PORT [--accept CERTIFICATE KEY] [--connect CERTIFICATE]
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
from typing import cast

import uvloop


class _End(asyncio.Protocol):
    """One of two connections that write what the other reads."""

    def __init__(self, other: _End | None = None) -> None:
        self.other = other
        self.wire: asyncio.Transport | None = None
        self.early = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.other is None or self.other.wire is None:
            self.early += data
        else:
            self.other.wire.write(data)

    def pause_writing(self) -> None:
        if self.other and self.other.wire:
            self.other.wire.pause_reading()

    def resume_writing(self) -> None:
        if self.other and self.other.wire:
            self.other.wire.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        if self.other and self.other.wire:
            self.other.wire.close()


class _Front(_End):
    """Where a client connects; the way on is opened for each."""

    def __init__(self, port: int, tls: ssl.SSLContext | None, tasks: set[asyncio.Task[None]]):
        super().__init__()
        self.port, self.tls, self.tasks = port, tls, tasks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        task = asyncio.create_task(self._go_on())
        self.tasks.add(task)  # or it might be collected while it runs
        task.add_done_callback(self.tasks.discard)

    async def _go_on(self) -> None:
        loop = asyncio.get_running_loop()
        back = _End(self)
        try:
            wire, _ = await loop.create_connection(
                lambda: back, "127.0.0.1", self.port, ssl=self.tls
            )
        except OSError:
            assert self.wire is not None
            self.wire.close()
            return
        self.other = back
        assert self.wire is not None
        if self.wire.is_closing():
            wire.close()
        elif self.early:
            wire.write(bytes(self.early))
            self.early.clear()


async def _serve(arguments: argparse.Namespace) -> None:
    accept = connect = None
    if arguments.accept:
        accept = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        accept.load_cert_chain(*arguments.accept)
    if arguments.connect:
        connect = ssl.create_default_context(cafile=arguments.connect)
    tasks: set[asyncio.Task[None]] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Front(arguments.to_port, connect, tasks),
        *("127.0.0.1", arguments.port),
        ssl=accept,
        backlog=4096,
    )
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("port", type=int)
    parser.add_argument("to_port", type=int)
    parser.add_argument("--accept", nargs=2, metavar=("CERTIFICATE", "KEY"))
    parser.add_argument("--connect", metavar="CERTIFICATE")
    uvloop.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
