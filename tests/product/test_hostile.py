"""What a server on a person's machine may be sent: it refuses, says why, and goes on."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from tests.product.answers import error_in, refused
from tests.product.server import Server

MIB = 1024 * 1024
RENDER = "/blocks/groove.render"
OLLAMA = {"type": "ollama", "model": "m"}


@pytest.fixture(autouse=True)
def _it_goes_on(http: httpx.Client) -> Iterator[None]:
    """After every one of these the server does what it is there for."""
    yield
    assert http.post(RENDER, json={"style": "dub", "bars": 1}).status_code == 200


@pytest.mark.parametrize("path", ["/ask", RENDER, "/providers/add", "/reset", "/providers/switch"])
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{'prompt': 1}",
        b'{"prompt": "a"} x',
        b'{"prompt": NaN}',
        b'{"prompt": 1e999999}',
        b'{"prompt": "\xff\xfe"}',
        b"\xef\xbb\xbf{}",
        b'{"prompt": "\\ud800"}',
        b'{"a": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b"[" * 10_000,
        b'{"a":' * 10_000,
        b"\x00",
        b'{"prompt": "a\x00b"}',
    ],
    ids=[
        "open", "single-quotes", "trailing", "nan", "huge-number", "not-utf8", "bom", "surrogate",
        "deep", "deep-open", "deep-objects", "nul", "raw-nul",
    ],
)  # fmt: skip
def test_what_is_not_json_is_refused(http: httpx.Client, path: str, body: bytes) -> None:
    refused(http.post(path, content=body), 400, "malformed_json")


@pytest.mark.parametrize("path", ["/ask", RENDER, "/providers/add", "/reset", "/providers/switch"])
@pytest.mark.parametrize("body", ["[]", "1", '"text"', "null", "true"])
def test_a_body_is_an_object(http: httpx.Client, path: str, body: str) -> None:
    error = http.post(path, content=body).json()["error"]
    assert error["code"] == "invalid_input"
    assert error["message"]
    assert error["hint"]


@pytest.mark.parametrize(
    ("path", "body", "names"),
    [
        ("/ask", {}, "prompt"),
        ("/ask", {"prompt": ""}, "prompt"),
        ("/ask", {"prompt": 7}, "prompt"),
        ("/ask", {"prompt": None}, "prompt"),
        ("/ask", {"prompt": ["a"]}, "prompt"),
        ("/ask", {"prompt": "a\0b"}, "prompt"),
        ("/ask", {"prompt": "a" * MIB}, "prompt"),
        ("/ask", {"prompt": "a", "sesion": "b"}, "sesion"),
        ("/ask", {"prompt": "a", "session": ""}, "session"),
        ("/ask", {"prompt": "a", "session": "s" * 201}, "session"),
        ("/ask", {"prompt": "a", "session": {"$gt": ""}}, "session"),
        (RENDER, {"bars": -1}, "bars"),
        (RENDER, {"bars": 0}, "bars"),
        (RENDER, {"bars": 1.5}, "bars"),
        (RENDER, {"bars": "8"}, "bars"),
        (RENDER, {"bars": True}, "bars"),
        (RENDER, {"bars": 10**30}, "bars"),
        (RENDER, {"bpm": 1e9}, "bpm"),
        (RENDER, {"bpm": -140}, "bpm"),
        (RENDER, {"style": "polka"}, "style"),
        (RENDER, {"styl": "dub"}, "styl"),
        (RENDER, {"x" * 10_000: 1}, "xxx"),
        ("/providers/add", {"name": "a"}, "type"),
        ("/providers/add", {"name": "", "type": "openai"}, "name"),
        ("/providers/add", {"name": "a b", "type": "openai", "model": "m"}, "name"),
        ("/providers/add", {"name": "x", "type": "nobody", "model": "m"}, "nobody"),
        ("/providers/add", {"name": "x", **OLLAMA, "base_url": "file:///"}, "base_url"),
        ("/providers/add", {"name": "x", **OLLAMA, "base_url": "http://["}, "base_url"),
        ("/providers/add", {"name": "x", "type": "openai", "api_key": "a\nb"}, "api_key"),
        ("/reset", {"session": 1}, "session"),
    ],
    ids=lambda value: repr(value)[:60],
)  # fmt: skip
def test_a_wrong_field_is_named(
    http: httpx.Client, path: str, body: dict[str, object], names: str
) -> None:
    response = http.post(path, json=body)
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert names in error["message"]
    assert error["hint"]
    assert len(error["message"]) < 1000


def test_an_empty_query_is_an_empty_input_and_a_wrong_one_is_named(http: httpx.Client) -> None:
    assert http.get("/history").json()["session"] == "default"
    assert "sessio" in refused(http.get("/history?sessio=a"), 400, "invalid_input")["message"]
    refused(http.get("/health?a=b"), 400, "invalid_input")
    refused(http.get("/history", params={"session": "a\0"}), 400, "invalid_input")


def test_the_last_of_two_equal_keys_does_not_win_in_silence_over_types(http: httpx.Client) -> None:
    """Which of two equal keys counts is JSON's old riddle; a wrong value never slips through."""
    response = http.post(RENDER, content=b'{"bars": 2, "bars": -1}')
    refused(response, 400, "invalid_input")


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/ask", "method_not_allowed"),
        ("DELETE", "/ask", "method_not_allowed"),
        ("POST", "/health", "method_not_allowed"),
        ("PUT", RENDER, "method_not_allowed"),
        ("GET", RENDER, "method_not_allowed"),
        ("GET", "/v1/chat/completions", "method_not_allowed"),
        ("POST", "/v1/models", "method_not_allowed"),
        ("GET", "/nothing", "not_found"),
        ("POST", "/nothing", "not_found"),
        ("GET", "/v1/nothing", "not_found"),
        ("POST", "/blocks/no.such", "not_found"),
        ("POST", "/blocks/" + "a" * 8_000, "not_found"),
        ("POST", "/providers/reset-circuit/nobody", "not_found"),
        ("GET", "/ask/", "not_found"),
        ("GET", "/%00", "not_found"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_address_or_method_says_what_there_is(
    http: httpx.Client, method: str, path: str, code: str
) -> None:
    response = http.request(method, path)
    error = refused(response, 405 if code == "method_not_allowed" else 404, code)
    assert len(error["message"]) < 300


def test_an_address_has_a_length(http: httpx.Client) -> None:
    for path in ("/" + "a" * 30_000, "/history?session=" + "a" * 30_000):
        refused(http.get(path), 414, "too_large")


@pytest.mark.parametrize(
    "target",
    [
        "/files/..%2f..%2fetc%2fpasswd",
        "/files/../conduit.db",
        "/files/%2e%2e%2fconduit.db",
        "/files/..\\..\\conduit.db",
        "/files/%00",
        "/files/" + "a" * 32,
        "/files/" + "%E2%80%AE" * 9,
        "/files//etc/passwd",
        "/assets/..%2f..%2f__init__.py",
        "/assets/%2e%2e/%2e%2e/__init__.py",
        "/blocks/..%2fhealth",
    ],
)
def test_no_path_leads_out_of_a_folder(server: Server, target: str) -> None:
    method = b"POST" if target.startswith("/blocks") else b"GET"
    status, body = raw(server, method + b" " + target.encode() + b" HTTP/1.1\r\nHost: localhost")
    assert status in (400, 404)
    assert b"root:" not in body
    assert b"import" not in body
    assert b"SQLite" not in body
    if body.startswith(b"{"):
        assert error_in(json.loads(body), json.loads(body)["error"]["code"])


def test_a_body_that_says_it_is_too_large_is_not_read(server: Server) -> None:
    head = b"POST /ask HTTP/1.1\r\nHost: localhost\r\nContent-Length: 52428800"
    status, body = raw(server, head)
    assert status == 413
    error_in(json.loads(body), "too_large")


@pytest.mark.parametrize("path", ["/ask", RENDER, "/v1/chat/completions"])
def test_50_mb_are_refused_whichever_way_they_come(http: httpx.Client, path: str) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(50):
            yield b" " * MIB

    for content in (b" " * 50 * MIB, chunks()):
        try:
            response = http.post(path, content=content)
        except (httpx.WriteError, httpx.ReadError):
            continue  # the connection was cut while the rest was still being sent
        refused(response, 413, "too_large")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "localhost.evil.example:9321"},
        {"host": "evil.example:localhost"},
        {"host": "[::1"},
        {"host": "localhost@evil.example"},
        {"host": ""},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:1"},
        {"origin": "http://127.0.0.1.evil.example"},
        {"origin": "http://["},
        {"origin": ""},
    ],
    ids=str,
)
def test_a_page_on_the_web_cannot_call_it(http: httpx.Client, headers: dict[str, str]) -> None:
    for path in ("/health", "/", "/v1/models"):
        refused(http.get(path, headers=headers), 403, "forbidden")
    refused(http.post("/ask", json={"prompt": "hi"}, headers=headers), 403, "forbidden")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_this_machine_has_several_names(server: Server, http: httpx.Client, host: str) -> None:
    host = f"{host}:{server.port}"
    assert http.get("/health", headers={"host": host}).status_code == 200
    own = {"host": host, "origin": f"http://{host}"}
    assert http.get("/health", headers=own).status_code == 200


def test_two_host_headers_do_not_help(server: Server) -> None:
    for first, second in ((b"localhost", b"evil.example"), (b"evil.example", b"localhost")):
        head = b"GET /health HTTP/1.1\r\nHost: " + first + b"\r\nHost: " + second
        status, body = raw(server, head)
        assert status == 400
        error_in(json.loads(body), "invalid_input")


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_body_is_json_whatever_it_is_called(http: httpx.Client, media_type: str) -> None:
    """`curl -d` calls everything a form. A page that posts one is known by its Origin."""
    form = {"content-type": media_type}
    assert http.post("/reset", content=b"{}", headers=form).status_code == 200
    refused(http.post("/reset", content=b"a=b", headers=form), 400, "malformed_json")
    page = form | {"origin": "https://evil.example"}
    refused(http.post("/reset", content=b"{}", headers=page), 403, "forbidden")


def test_what_is_not_http_is_refused_without_harm(server: Server) -> None:
    for data in (
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"SSH-2.0\r\n\r\n",
        b"\x00" * 100,
        b"GET\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as wire:
            wire.sendall(data + b"\r\n\r\n")
            assert b"200 OK" not in wire.recv(65536)


def test_there_are_no_web_sockets(server: Server) -> None:
    """A browser asks nobody before a page opens one."""
    head = (
        b"GET /ask HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13"
    )
    status, body = raw(server, head)
    assert status == 405
    error_in(json.loads(body), "method_not_allowed")


def test_what_a_proxy_would_say_is_not_believed(http: httpx.Client) -> None:
    forged = {"x-forwarded-proto": "https", "x-forwarded-for": "9.9.9.9"}
    body = {"model": "conduit", "messages": [{"role": "user", "content": "2 bars of dub"}]}
    answer = http.post("/v1/chat/completions", json=body, headers=forged).json()
    assert f"{http.base_url}/files/" in answer["choices"][0]["message"]["content"]


def test_a_flood_of_headers_is_refused(server: Server) -> None:
    flood = b"\r\n".join(b"x-%d: %s" % (at, b"a" * 1000) for at in range(2000))
    status, body = raw(server, b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + flood)
    assert status == 431
    error_in(json.loads(body), "headers_too_large")


@pytest.mark.parametrize(
    "head",
    [
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked",
        b"POST /reset HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked",
        b"GET http://evil.example/health HTTP/1.1\r\nHost: localhost",
        b"GET /health HTTP/1.1",
    ],
    ids=["two lengths", "two codings", "a proxy's request", "no host"],
)
def test_what_two_programs_would_read_differently_is_refused(server: Server, head: bytes) -> None:
    status, body = raw(server, head)
    assert status == 400
    error_in(json.loads(body), "invalid_input")


def test_headers_of_every_answer(http: httpx.Client) -> None:
    for path in ("/health", "/", "/nothing", "/v1/models"):
        headers = http.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-correlation-id"]
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers


def test_a_correlation_id_is_taken_over_if_it_is_harmless(http: httpx.Client) -> None:
    given = "run-2024.01_abc"
    assert (
        http.get("/health", headers={"x-correlation-id": given}).headers["x-correlation-id"]
        == given
    )
    for bad in ("short", "a" * 65, "has space in it", "<script>alert(1)</script>"):
        answered = http.get("/health", headers={"x-correlation-id": bad}).headers
        assert answered["x-correlation-id"] != bad


def raw(server: Server, head: bytes) -> tuple[int, bytes]:
    """Send a head as it is, without a client that tidies it up; the status and the body."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as wire:
        with suppress(ConnectionError):  # refused before it was all sent
            wire.sendall(head + b"\r\nConnection: close\r\n\r\n")
        data = b""
        while piece := _received(wire):
            data += piece
    top, _, body = data.partition(b"\r\n\r\n")
    return int(top.split(b" ")[1]) if top else 400, body


def _received(wire: socket.socket) -> bytes:
    try:
        return wire.recv(65536)
    except ConnectionError:
        return b""
