"""Plans whose process is killed in the middle of a request to a service, and what the next process
does with them: by itself only what may be repeated, and with the same key what somebody decides on.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from tests.product.server import Server
from tests.product.waiting import settled

DOCUMENT = {
    "openapi": "3.0.3",
    "info": {"title": "till", "version": "1"},
    "paths": {
        "/price": {"get": {"operationId": "price", "responses": {"200": {"description": "it"}}}},
        "/charge": {"post": {"operationId": "charge", "responses": {"200": {"description": "it"}}}},
    },
}


class Till:
    """A service that charges once for each idempotency key, and answers late at first."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[str, str]] = []
        """Path and key of each request."""
        self.charged: Counter[str] = Counter()
        self.open = threading.Event()
        self._lock = threading.Lock()

    def take(self, path: str, key: str) -> bytes:
        with self._lock:
            self.asked.append((path, key))
            if path != "/price" and not (key and self.charged[key]):
                self.charged[key] += 1
        self.open.wait(60)
        return json.dumps({"path": path}).encode()

    def keys(self, path: str) -> list[str]:
        return [key for asked, key in self.asked if asked == path]


@contextmanager
def running() -> Iterator[Till]:
    till = Till()

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            body = till.take(self.path, self.headers.get("idempotency-key", ""))
            with suppress(OSError):  # whoever asked was killed
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        do_GET = do_POST = do

        def log_message(self, format: str, *args: Any) -> None:
            """The test reads what was asked instead."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    till.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield till
    finally:
        till.open.set()
        server.shutdown()
        thread.join()
        server.server_close()


def plans(till: Till) -> dict[str, list[dict[str, Any]]]:
    then = {"name": "groove.render", "arguments": {"style": "dub", "bars": 1}}
    paid = {"url": f"{till.url}/paid", "body": {"sum": 3}}
    charge = {"id": "api.till.charge", "arguments": {}}
    return {
        "read": [{"name": "api.till.price", "arguments": {}}, then],
        "paid": [{"name": "http.post", "arguments": paid, "id": "pay"}, then],
        "charge": [{"name": "function.invoke", "arguments": charge, "id": "pay"}, then],
    }


# A server that is killed and one after it: some seconds where the machine is slow.
def test_what_may_be_repeated_goes_on_by_itself_and_the_rest_with_its_key(tmp_path: Path) -> None:
    with running() as till:
        server = Server(tmp_path)
        host = till.url.removeprefix("http://")
        (server.home / "access.yaml").write_text(
            "remote: [tools.register, api.*, http.post]\n"
            f'hosts: ["*", {{host: "{host}", private: true}}]\n'
        )
        (server.home / "tools.yaml").write_text(f"apis:\n  till:\n    base_url: {till.url}\n")
        server.start()
        try:
            given = {"openapi_file": ("till.json", json.dumps(DOCUMENT), "application/json")}
            made = httpx.post(
                f"{server.url}/tools/register",
                params={"corpusId": "c", "name": "till"},
                files=given,
                timeout=20,
            )
            assert made.status_code == 200, made.text

            def send(name: str, **more: Any) -> Any:
                body = {"run_id": name, **more}
                return httpx.post(f"{server.url}/planner/execute", json=body, timeout=60)

            def begin(name: str, steps: list[dict[str, Any]]) -> None:
                with suppress(httpx.TransportError):
                    send(name, steps=steps)

            sent = [threading.Thread(target=begin, args=plan) for plan in plans(till).items()]
            for each in sent:
                each.start()
            settled(lambda: len(till.asked) == 3)
            server.kill()
            for each in sent:
                each.join()
            till.open.set()
            server.start()

            def stands(name: str) -> str:
                shown = httpx.get(f"{server.url}/runs/{name}", timeout=20).json()
                return str(shown["run"]["status"])

            settled(lambda: stands("read") == "done")
            assert len(till.keys("/price")) == 2, "what only reads is done again"
            for name in ("paid", "charge"):
                settled(lambda name=name: stands(name) == "waiting")  # type: ignore[misc]
                (key,) = till.keys(f"/{name}")
                waiting = httpx.get(f"{server.url}/runs/{name}", timeout=20).json()["waiting_for"]
                assert [each["id"] for each in waiting] == ["pay"]
                assert key in send(name).json()["results"][0]["error"]["message"]
                done = send(name, decisions={"pay": "retry"}).json()
                assert done["status"] == "success", done
                assert till.keys(f"/{name}") == [key, key]
                assert till.charged[key] == 1
            assert len(till.charged) == 2, "each step has a key of its own"
        finally:
            server.stop()
    assert "Traceback" not in server.log, server.log
