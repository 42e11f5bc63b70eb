"""What is sent is what was meant, whatever it was made of."""

from __future__ import annotations

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput
from conduit.models.transport.request_head import check_headers, locate, opening, request_head

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
TOKEN = st.text("abcXYZ019-_.!~", min_size=1, max_size=20)
VALUE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=40)


class Seen:
    """What a server makes of it."""

    def __init__(self) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.messages = 0

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.messages += 1


def parsed(data: bytes) -> Seen:
    seen = Seen()
    httptools.HttpRequestParser(seen).feed_data(data)
    return seen


def start(url: str) -> str:
    origin, target = locate(url)
    return opening("POST", origin, target)


@given(st.lists(st.tuples(TOKEN | TEXT, VALUE | TEXT), max_size=5))
def test_headers_arrive_as_they_are_or_are_not_sent(headers: list[tuple[str, str]]) -> None:
    try:
        head = request_head(start("http://h/v1"), tuple(headers), 2)
    except InvalidInput:
        return
    seen = parsed(head + b"{}")
    assert seen.messages == 1
    assert seen.body == b"{}"
    ours = 4  # Host, User-Agent, Accept, Accept-Encoding
    got = [(name, value.strip(b" \t")) for name, value in seen.headers[ours:-1]]
    assert got == [
        (name.encode(), value.encode("latin-1").strip(b" \t")) for name, value in headers
    ]
    assert seen.headers[-1] == (b"Content-Length", b"2")


@given(st.lists(st.tuples(TOKEN, st.text("abc é\t", max_size=9)), max_size=4))
def test_an_ordinary_header_is_sent(headers: list[tuple[str, str]]) -> None:
    check_headers(tuple(headers))


@pytest.mark.parametrize(
    "header",
    [
        ("x", "a\r\nX-Evil: yes"),
        ("x", "a\nb"),
        ("x", "a\rb"),
        ("x", "a\0b"),
        ("x", "€"),
        ("x\r\ny", "a"),
        ("x y", "a"),
        ("x:", "a"),
        ("", "a"),
        ("é", "a"),
        ("Content-Length", "7"),
        ("transfer-encoding", "chunked"),
        ("Host", "elsewhere"),
        ("Connection", "close"),
        ("Accept-Encoding", "gzip"),
    ],
)
def test_a_header_that_would_be_more_than_one_is_refused(header: tuple[str, str]) -> None:
    with pytest.raises(InvalidInput, match="header"):
        check_headers((("a", "b"), header))


@given(TEXT, TEXT)
def test_a_path_stays_one_target(path: str, query: str) -> None:
    try:
        first = start(f"http://h.example:81/{path}?{query}").encode()
    except ValueError:
        return
    assert first.count(b"\r\n") == 5
    seen = parsed(first + b"\r\n")
    assert seen.messages == 1
    assert seen.url.startswith(b"/")
    assert seen.headers[0] == (b"Host", b"h.example:81")


@pytest.mark.parametrize(
    ("url", "authority", "target"),
    [
        ("http://h", "h", "/"),
        ("http://h:80/v1", "h", "/v1"),
        ("https://H.Example:443/a?b=c#d", "h.example", "/a?b=c"),
        ("https://h:80/", "h:80", "/"),
        ("http://[::1]:8000/v1", "[::1]:8000", "/v1"),
        ("http://h/model%3A1/a b", "h", "/model%3A1/a%20b"),
        ("http://h/ü", "h", "/%C3%BC"),
        ("http://münchen.example/", "xn--mnchen-3ya.example", "/"),
    ],
)
def test_where_a_url_leads(url: str, authority: str, target: str) -> None:
    origin, asked = locate(url)
    assert (origin.authority, asked) == (authority, target)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h/",
        "h:80/v1",
        "http://",
        "http:///v1",
        "http://a b/",
        "http://u:p@h/",
        "http://h:99999/",
        "http://h:0/",
        "http://h:x/",
        "http://[::1/",
        "http://[::1%25eth0]/",
        "http://" + "a" * 300,
        "http://\u2024/",
        "http://a\x00b/",
    ],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - urlsplit's own words are among them
        locate(url)


def test_what_is_accepted_is_said_once() -> None:
    usual = parsed(request_head(start("http://h/v1"), (), 0))
    asked = parsed(request_head(start("http://h/v1"), (("accept", "text/event-stream"),), 0))
    found = [
        [text for name, text in each.headers if name.lower() == b"accept"]
        for each in (usual, asked)
    ]
    assert found == [[b"*/*"], [b"text/event-stream"]]
