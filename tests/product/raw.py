"""A client that sends what it likes, stops where it likes, and reads as little as it likes."""

from __future__ import annotations

import json
import socket
import time
from contextlib import suppress
from typing import Any

PIECE = 65536


def request(
    path: str, body: dict[str, Any] | bytes, headers: dict[str, str] | None = None
) -> tuple[bytes, bytes]:
    """The head of a POST, and its body."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Host": "localhost", "Content-Length": str(len(content)), **(headers or {})}
    head = f"POST {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items())
    return head.encode() + b"\r\n", content


class Wire:
    """A connection to a server on this machine."""

    def __init__(self, port: int, *, receive_buffer: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(20)
        self._socket.connect(("127.0.0.1", port))
        self.received = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, *pieces: bytes) -> None:
        """As much as the server takes: it may have answered and closed before it was all sent."""
        with suppress(ConnectionError):
            for piece in pieces:
                self._socket.sendall(piece)

    def until(self, mark: bytes) -> bytes:
        """Read until something was said."""
        while mark not in self.received:
            piece = self._socket.recv(PIECE)
            assert piece, self.received[-500:]
            self.received += piece
        return self.received

    def rest(self) -> bytes:
        """Read until the server closes."""
        with suppress(ConnectionError):
            while piece := self._socket.recv(PIECE):
                self.received += piece
        return self.received

    def closed_within(self, seconds: float) -> bool:
        """Whether the server closes by itself. What it says until then is read."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                piece = self._socket.recv(PIECE)
            except TimeoutError:
                return False
            except ConnectionError:
                return True
            if not piece:
                return True
            self.received += piece
        return False
