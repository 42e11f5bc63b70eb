"""HTTP blocks over real TLS and through a real proxy, each in a process of its own: what is trusted
is read from the environment when a process starts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from conduit.blocks.utility.http import HttpOperation
from tests.fakes.web import FakeWeb, Page

SCRIPT = """
import sys
from conduit.blocks import NoOp
from conduit.blocks.utility.fetch import Exchange, Limits, Request
from conduit.blocks.utility.http import HttpGetBlock
for url in sys.argv[1:]:
    print(HttpGetBlock(url, timeout_seconds=20)(NoOp()))
"""


def run(*urls: str, **environment: str) -> list[HttpOperation]:
    kept = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, *urls],
        env={**kept, **environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return [eval(line, {"HttpOperation": HttpOperation}) for line in done.stdout.splitlines()]


@pytest.fixture
def web() -> Iterator[FakeWeb]:
    pages = {
        "https://example.com/": Page("<h1>Hello</h1>"),
        "http://example.com/": Page("", 301, (("Location", "https://example.com/"),)),
        "https://example.com/down": Page("", 302, (("Location", "http://example.com/"),)),
        "https://example.com/home": Page("", 302, (("Location", "https://10.0.0.1/"),)),
    }
    with FakeWeb(pages) as web:
        yield web


def test_a_page_comes_over_tls_through_a_proxy(web: FakeWeb) -> None:
    plain, upgraded, downgraded, home, unknown, literal = run(
        "https://example.com",
        "http://example.com",
        "https://example.com/down",
        "https://example.com/home",
        "https://nobody.example",
        "http://192.168.0.1/",
        **web.environment,
    )
    assert plain == upgraded == HttpOperation(True, 200, "<h1>Hello</h1>")
    assert "http://example.com/, which is not encrypted" in str(downgraded.reason)
    assert "10.0.0.1 is an address that is private" in str(home.reason)
    assert "the proxy refused to connect to https://nobody.example: 502" in str(unknown.reason)
    assert "192.168.0.1 is an address that is private" in str(literal.reason)
    assert web.seen == [
        "CONNECT example.com:443", "GET https://example.com/",
        "GET http://example.com/", "CONNECT example.com:443", "GET https://example.com/",
        "CONNECT example.com:443", "GET https://example.com/down",
        "CONNECT example.com:443", "GET https://example.com/home",
        "CONNECT nobody.example:443",
    ]  # fmt: skip


def test_a_stranger_is_not_trusted_and_a_password_goes_to_the_proxy_only(web: FakeWeb) -> None:
    proxy = web.proxy.replace("//", "//ada:hunt%40r2@")
    authorities = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": "/nowhere"}
    (stranger,) = run("https://example.com", ALL_PROXY=proxy, **authorities)
    assert "the certificate of https://example.com is not trusted" in str(stranger.reason)
    assert "self-signed certificate" in str(stranger.reason)
    assert "hunt" not in repr(stranger)
    run("https://example.com", "http://example.com", **{**web.environment, "HTTPS_PROXY": proxy})
    told = [head for head in web.heads if "Proxy-Authorization: Basic YWRhOmh1bnRAcjI=" in head]
    assert [head.split(" ")[0] for head in told] == ["CONNECT"] * len(told)
