"""What a server sends, over a real socket, so that the official clients can read it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest


class Serve:
    """``serve(body, type="application/json", status=200)`` answers every request with ``body``
    and gives the address; ``asked`` is what clients sent."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self._servers: list[ThreadingHTTPServer] = []

    def __call__(self, body: bytes, type: str = "application/json", status: int = 200) -> str:
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers.get("content-length", 0)))
                asked.append(orjson.loads(sent))
                self.do_GET()

            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("content-type", type)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing is printed."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        self._servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server that is closed after the test."""
    served = Serve()
    yield served
    served.close()
