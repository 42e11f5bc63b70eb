"""HTTP blocks against real sockets, TLS and proxies, most of them hostile."""

from __future__ import annotations

import asyncio
import errno
import gzip
import json
import socket
import subprocess
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from conduit import __version__
from conduit.blocks import Catalog, Effects, NoOp
from conduit.blocks.utility.addresses import LookUp, Reach
from conduit.blocks.utility.fetch import Exchange, Limits, Request
from conduit.blocks.utility.http import HttpGetBlock, HttpOperation, HttpPostBlock
from conduit.blocks.utility.url import read_url
from conduit.contracts.errors import ConfigError, InvalidInput, TimedOut, TypeMismatch
from tests.blocks.utility.hostile import BOMB, Hostile, in_thread, redirect, until, whole

HOME = Reach(private=("*",))
KEY = {"Authorization": "Bearer sk-secret", "X-Api-Key": "sk-secret", "Accept": "text/plain"}


@dataclass(frozen=True)
class Order:
    item: str
    count: int


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
async def server() -> AsyncIterator[Hostile]:
    """Hostile, and strict: after a test every connection and task is gone."""
    before = asyncio.all_tasks()
    async with Hostile() as server:
        yield server
        await until(lambda: not server.open)
        assert asyncio.all_tasks() <= before | {asyncio.current_task()}


async def get(url: str, **settings: Any) -> HttpOperation:
    return await HttpGetBlock(url, **{"allow": HOME, "timeout_seconds": 20.0, **settings}).acall(
        NoOp()
    )


def has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        return probe.connect_ex(("::1", 1)) == errno.ECONNREFUSED


def found(**hosts: str) -> LookUp:
    """A look-up that knows these hosts, an underscore for each dot, and notes what it was asked."""

    async def look_up(host: str) -> tuple[str, ...]:
        return (hosts[host.replace(".", "_")],)

    return look_up


async def test_a_page_is_fetched(server: Hostile) -> None:
    assert await get(f"{server.url}/good?q=1") == HttpOperation(True, 200, "fine")
    head = server.heads[0]
    assert head.startswith(f"GET /good?q=1 HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n")
    assert f"User-Agent: conduit/{__version__}\r\n" in head
    assert "Accept-Encoding: gzip\r\n" in head
    assert "Connection: close\r\n" in head


def test_the_published_form_is_synchronous() -> None:
    with in_thread() as server:
        fetch = HttpGetBlock(f"{server.url}/good", allow=HOME)
        resp = fetch(NoOp())
        assert resp.success
        assert resp.data == "fine"
        assert fetch(NoOp()) == resp  # in a loop of its own, like the first


async def test_headers_are_sent_and_data_is_posted_as_json(server: Hostile) -> None:
    server.replies["/order"] = whole(b'{"id": 7}', status="201 Created")
    post = HttpPostBlock(Order, f"{server.url}/order", headers=KEY, allow=HOME)
    assert await post.acall(Order("tea", 2)) == HttpOperation(True, 201, '{"id": 7}')
    assert json.loads(server.bodies[0]) == {"item": "tea", "count": 2}
    assert "Content-Type: application/json\r\n" in server.heads[0]
    assert "X-Api-Key: sk-secret\r\n" in server.heads[0]


def test_a_wrong_input_is_a_breach_of_type() -> None:
    with pytest.raises(TypeMismatch):
        HttpGetBlock("http://127.0.0.1:1/")(Order("tea", 1))  # type: ignore[arg-type]
    with pytest.raises(TypeMismatch):
        HttpPostBlock(Order, "http://127.0.0.1:1/")(NoOp())  # type: ignore[arg-type]


async def test_data_that_is_no_json_is_a_failure(server: Hostile) -> None:
    post = HttpPostBlock(Order, f"{server.url}/good", allow=HOME)
    answer = await post.acall(Order("tea", 1 << 70))
    assert not answer.success
    assert "cannot be written as JSON" in str(answer.reason)
    assert server.hits.total() == 0


def test_both_are_blocks_like_any_other() -> None:
    catalog = Catalog()
    catalog.add(HttpGetBlock("https://example.org"))
    catalog.add(HttpPostBlock(Order, "https://example.org"))
    for name in ("http.get", "http.post"):
        block = catalog.get(name)
        assert (block.permission, block.effects) == (name, Effects.NETWORK)
        assert "example" not in repr(block)


@pytest.mark.parametrize(
    "settings",
    [
        {"timeout_seconds": 0},
        {"timeout_seconds": float("nan")},
        {"timeout_seconds": float("inf")},
        {"largest": 0},
        {"redirects": -1},
        {"headers": {"X-A": "b\r\nX-C: d"}},
        {"headers": {"X A": "b"}},
        {"headers": {"X-A": "ü"}},
        {"headers": {"Host": "evil.example"}},
        {"headers": {"transfer-encoding": "chunked"}},
        {"headers": {"Accept-Encoding": "br"}},
    ],
)
def test_impossible_settings_are_refused_when_built(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        HttpGetBlock("https://example.org", **settings)
    with pytest.raises(ConfigError):
        HttpPostBlock(Order, "https://example.org", **settings)


def test_an_impossible_url_is_refused_when_built() -> None:
    with pytest.raises(InvalidInput) as caught:
        HttpGetBlock("https://ada:hunter2@example.org/")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/404", 404, "answered 404 Not Found"),
        ("/cut", 200, "breaks off"),
        ("/cut-chunk", 200, "breaks off"),
        ("/not-http", None, "does not speak HTTP"),
        ("/long-header", None, "headers are too large"),
        ("/many-headers", None, "headers are too large"),
        ("/huge", 200, "exceeds 1048576 bytes"),
        ("/bomb", 200, "exceeds 1048576 bytes"),
        ("/endless", 200, "exceeds 1048576 bytes"),
        ("/endless-empty-members", 200, "in too many parts"),
        ("/endless-empty-block", 200, "exceeds 1048576 bytes"),
        ("/cut-gzip", 200, "breaks off"),
        ("/false-gzip", 200, "says it is gzip, and is not"),
        ("/brotli", 200, "not asked for"),
        ("/deflate", 200, "not asked for"),
        ("/png", 200, "is not text: byte 0 of 10 is not utf-8"),
        ("/png-500", 500, "answered 500 Internal Server Error; the body is not text"),
        ("/reset", None, "dropped the connection"),
        ("/loop", 302, "more than 5 redirects"),
    ],
)
async def test_what_goes_wrong_is_an_answer(
    server: Hostile, path: str, status: int | None, reason: str
) -> None:
    answer = await get(f"{server.url}{path}?key=sk-secret", largest=1 << 20)
    assert (answer.success, answer.status_code) == (False, status)
    assert reason in str(answer.reason)
    assert "sk-secret" not in repr(answer)


@pytest.mark.parametrize("path", ["/silent", "/half-header", "/drip", "/endless"])
async def test_time_runs_out_for_everything_together(server: Hostile, path: str) -> None:
    begun = time.monotonic()
    answer = await get(f"{server.url}{path}", timeout_seconds=0.5, largest=1 << 40)
    assert answer.reason == "no complete reply within 0.5 s"
    assert answer.status_code == (200 if path in ("/drip", "/endless") else None)
    assert 0.45 < time.monotonic() - begun < 20


async def test_a_cancelled_call_leaves_nothing(server: Hostile) -> None:
    call = asyncio.create_task(get(f"{server.url}/drip"))
    await until(lambda: server.open)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call  # and the fixture sees that its connection is gone


async def test_a_decompressed_body_is_counted_not_its_wrapping(server: Hostile) -> None:
    assert len(BOMB) < 1 << 17
    tracemalloc.start()
    try:
        assert not (await get(f"{server.url}/bomb", largest=1 << 20)).success
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 300_001])
async def test_a_body_may_be_as_large_as_was_said(server: Hostile, size: int) -> None:
    text = ("0123456789" * size)[:size]
    server.replies["/plain"] = whole(text.encode())
    server.replies["/gzip"] = whole(gzip.compress(text.encode()), "Content-Encoding: gzip")
    for path in ("/plain", "/gzip"):
        assert (await get(server.url + path, largest=max(size, 1))).data == text
        over = await get(server.url + path, largest=max(size - 1, 1))
        assert over.success is (size < 2)


@pytest.mark.parametrize(
    ("path", "text"),
    [("/gzip", "größer"), ("/two-members", "one two"), ("/nothing-gzipped", "")],
)
async def test_gzip_is_undone(server: Hostile, path: str, text: str) -> None:
    assert await get(server.url + path) == HttpOperation(True, 200, text)


async def test_the_page_of_an_error_is_kept(server: Hostile) -> None:
    answer = await get(f"{server.url}/500")
    assert answer == HttpOperation(
        False, 500, "kaputt, leider", "answered 500 Internal Server Error"
    )


async def test_nobody_answers(server: Hostile) -> None:
    answer = await get("http://127.0.0.1:1/?key=sk-secret")
    assert answer.reason == "cannot connect to http://127.0.0.1:1: Connection refused"
    answer = await get("http://nowhere.invalid/")
    assert str(answer.reason).startswith("nowhere.invalid has no address")


async def test_the_second_address_is_tried_when_the_first_refuses(server: Hostile) -> None:
    async def both(host: str) -> tuple[str, ...]:
        return "127.0.0.9", "127.0.0.1"  # the server listens on the second only

    answer = await get(f"http://two.example:{server.port}/good", look_up=both)
    assert answer.success, answer.reason


async def test_a_port_that_speaks_no_tls(server: Hostile) -> None:
    async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp.example.org ESMTP\r\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(hello, "127.0.0.1", 0) as mail:
        port = mail.sockets[0].getsockname()[1]
        answer = await get(f"https://127.0.0.1:{port}/")
    assert answer.reason == f"no TLS connection to https://127.0.0.1:{port}"


async def test_a_connection_has_less_time_than_the_whole(server: Hostile) -> None:
    url = read_url(server.url.replace("http:", "https:"))  # it waits for a request, not a handshake
    exchange = Exchange(Request("GET", url), Limits(connect_s=0.1), HOME, found())
    with pytest.raises(TimedOut, match="no connection to"):
        await exchange.run()


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
async def test_an_ipv6_address_is_connected_to(server: Hostile) -> None:
    async with Hostile("::1") as six:
        assert (await get(f"http://[::1]:{six.port}/good")).success
        assert six.heads[0].split("\r\n")[1] == f"Host: [::1]:{six.port}"


# --- where it may go ---


async def test_home_is_out_of_reach_until_opened(server: Hostile) -> None:
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
        answer = await get(f"http://{host}:{server.port}/good", allow=Reach())
        assert not answer.success
        assert "loopback" in str(answer.reason)
    assert server.hits.total() == 0


async def test_a_public_name_that_leads_home_is_refused(server: Hostile) -> None:
    url = f"http://evil.example:{server.port}/good"
    look_up = found(evil_example="127.0.0.1")
    answer = await get(url, allow=Reach(), look_up=look_up)
    assert "leads to an address that is loopback" in str(answer.reason)
    opened = await get(url, allow=Reach(private=("evil.example",)), look_up=look_up)
    assert opened == HttpOperation(True, 200, "fine")
    assert server.hits == {"/good": 1}
    assert f"Host: evil.example:{server.port}\r\n" in server.heads[0]


async def test_a_name_is_looked_up_once_so_that_it_cannot_change_its_mind(server: Hostile) -> None:
    answers = iter(["127.0.0.1", "169.254.169.254"])

    async def rebinding(host: str) -> tuple[str, ...]:
        return (next(answers),)

    allow = Reach(private=("rebind.example",))
    url = f"http://rebind.example:{server.port}"
    assert (await get(f"{url}/good", allow=allow, look_up=rebinding)).success
    assert next(answers) == "169.254.169.254"


async def test_every_redirect_is_judged_anew(server: Hostile) -> None:
    look_up = found(front_example="127.0.0.1", inside_example="127.0.0.1")
    allow = Reach(private=("front.example",))
    front = f"http://front.example:{server.port}"
    for target in (
        f"http://127.0.0.1:{server.port}/good",
        f"http://inside.example:{server.port}/good",
        f"//localhost:{server.port}/good",
        "http://169.254.169.254/latest/meta-data/",
        "http://2130706433/",
        "file:///etc/passwd",
    ):
        server.replies["/jump"] = redirect(target)
        answer = await get(f"{front}/jump", allow=allow, look_up=look_up)
        assert (answer.success, answer.status_code, answer.data) == (False, 302, None), target
    assert server.hits == {"/jump": 6}
    server.replies["/jump"] = redirect("/good")
    assert (await get(f"{front}/jump", allow=allow, look_up=look_up)).data == "fine"


async def test_redirects_are_counted(server: Hostile) -> None:
    for n in range(4):
        server.replies[f"/{n}"] = redirect(f"/{n + 1}", status=(301, 302, 303, 308)[n])
    server.replies["/4"] = whole(b"there")
    assert (await get(f"{server.url}/0", redirects=4)).data == "there"
    assert not (await get(f"{server.url}/0", redirects=3)).success
    assert not (await get(f"{server.url}/0", redirects=0)).success
    assert server.hits["/0"] == 3
    assert server.hits["/4"] == 1


async def test_keys_stay_with_their_origin(server: Hostile) -> None:
    async with Hostile() as other:
        server.replies["/same"] = redirect("/good")
        server.replies["/away"] = redirect(f"{other.url}/back")
        other.replies["/back"] = redirect(f"{server.url}/good")
        assert (await get(f"{server.url}/same", headers=KEY)).success
        assert server.heads[-1].count("sk-secret") == 2
        assert (await get(f"{server.url}/away", headers=KEY)).success
        for head in (other.heads[0], server.heads[-1]):  # nor do they come back
            assert "sk-secret" not in head
            assert "Accept: text/plain\r\n" in head


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_data_is_not_carried_elsewhere(server: Hostile, status: int) -> None:
    server.replies["/order"] = redirect("/good?token=sk-secret", status)
    post = HttpPostBlock(Order, f"{server.url}/order", allow=HOME)
    answer = await post.acall(Order("tea", 1))
    assert (answer.success, answer.status_code) == (False, status)
    assert f"redirects the data to {server.url}/good;" in str(answer.reason)
    assert server.hits == {"/order": 1}


async def test_after_a_post_303_is_fetched_without_the_data(server: Hostile) -> None:
    server.replies["/order"] = redirect("/good", 303)
    post = HttpPostBlock(Order, f"{server.url}/order", headers=KEY, allow=HOME)
    assert (await post.acall(Order("tea", 1))).data == "fine"
    assert server.heads[1].startswith("GET /good ")
    assert server.bodies[1] == b""
    assert "Content-Type" not in server.heads[1]


async def test_no_cookie_is_kept(server: Hostile) -> None:
    server.replies["/in"] = whole(
        b"", "Set-Cookie: id=1; Path=/", "Location: /good", status="302 Found"
    )
    block = HttpGetBlock(f"{server.url}/in", allow=HOME)
    for _ in range(2):
        assert (await block.acall(NoOp())).success
    assert not any("cookie" in head.lower() for head in server.heads)


async def test_no_password_comes_from_netrc(
    server: Hostile, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ada password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert (await get(f"{server.url}/good")).success
    assert "authorization" not in server.heads[0].lower()


# --- proxies (what goes through one that works is in test_http_tls.py) ---


@pytest.mark.parametrize(
    ("proxy", "reason"),
    [
        ("http://127.0.0.1:1", "the proxy in the environment does not answer"),
        ("socks5://127.0.0.1:1", "the proxy in the environment is of an unknown kind"),
        ("http://ada:hunter2@[", "the proxy in the environment is not an address"),
        ("http://ada:hunter2@a:99999999", "the proxy in the environment is not an address"),
        ("http://ada:hunter2@:80", "the proxy in the environment is"),
    ],
)
async def test_a_proxy_that_is_none(
    monkeypatch: pytest.MonkeyPatch, proxy: str, reason: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    answer = await get("http://example.org/")
    assert str(answer.reason).startswith(reason)
    assert "hunter2" not in repr(answer)


async def test_what_no_proxy_names_is_asked_directly(
    server: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", f"127.0.0.1:{server.port}")
    assert (await get(f"{server.url}/good")).success


def test_importing_the_blocks_does_not_import_the_client() -> None:
    script = "import sys, conduit.blocks.utility.http; print({'aiohttp', 'yarl'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
