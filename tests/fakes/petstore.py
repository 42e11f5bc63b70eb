"""A server that implements Swagger's Petstore, as far as the tests call it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Received:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


@dataclass
class Petstore:
    """Its pets by id, and what it was asked."""

    url: str = ""
    pets: dict[int, Any] = field(default_factory=dict)
    requests: list[Received] = field(default_factory=list)
    redirect: str = ""
    """Where to send whoever asks for pet 302."""
    answer: bytes | None = None
    """What to answer to a get of pet 77, whatever it is."""


@contextmanager
def running() -> Iterator[Petstore]:
    """The server on a free port of this machine."""
    store = Petstore()

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            parts = urlsplit(self.path)
            got = Received(
                self.command,
                parts.path,
                parse_qs(parts.query, keep_blank_values=True),
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(size),
            )
            store.requests.append(got)
            status, body, headers = _answer(store, got)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do

        def log_message(self, format: str, *args: Any) -> None:
            """Tests read what was received instead."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    store.url = f"http://127.0.0.1:{server.server_address[1]}/v2"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(store: Petstore, got: Received) -> tuple[int, bytes, dict[str, str]]:
    as_json = {"content-type": "application/json"}
    path = got.path.removeprefix("/v2")
    if path == "/pet" and got.method in ("POST", "PUT"):
        pet = json.loads(got.body)
        store.pets[pet["id"]] = pet
        return 200, json.dumps(pet).encode(), as_json | {"x-ratelimit-remaining": "9"}
    if path == "/pet/findByStatus":
        wanted = [each for said in got.query.get("status", []) for each in said.split(",")]
        found = [pet for pet in store.pets.values() if pet.get("status") in wanted]
        return 200, json.dumps(found).encode(), as_json
    if path == "/pet/302" and store.redirect:
        return 302, b"", {"location": store.redirect}
    if path == "/pet/77" and store.answer is not None:
        return 200, store.answer, as_json
    if path == "/pet/55":  # repeats what it was told, as some do
        return 200, json.dumps({"headers": got.headers, "query": got.query}).encode(), as_json
    name = path.removeprefix("/pet/")
    if name.isdigit() and int(name) in store.pets and got.method == "GET":
        return 200, json.dumps(store.pets[int(name)]).encode(), as_json
    if name.isdigit() and got.method == "DELETE" and store.pets.pop(int(name), None):
        return 200, b"", {}
    return 404, b'{"message": "Pet not found"}', as_json
