"""Web addresses are read once, strictly, and never quoted whole."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conduit.blocks.utility.fetch import as_yarl
from conduit.blocks.utility.url import host_of, read_url
from conduit.contracts.errors import InvalidInput

WIDE = {n: n + 0xFEE0 for n in range(0x21, 0x7F)}
"""From ASCII to the full-width characters that are the same to IDNA."""
ODD_NUMBERS = [
    "127.1", "127.0.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "127.0.0.01",
    "1.2.3.4.5", "256.1.1.1", "example.0x1", "0x", "127.0.0.0x1", "01", "00000177.1",
    "127.1".translate(WIDE), "\u0661\u0662\u0667.0.0.1", "\u2460\u2461\u2466.1",
]  # fmt: skip
NO_NAMES = [
    "", ".", "..", "a..b", ".a", "-a.b", "a-.b", "a b", "a%2eb", "127%2e0.0.1", "a\\b", "a$b", "*",
    "a" * 64, ".".join(["a" * 60] * 5), "x" * 9000, "exa\u00admple.\u2028org", "a\tb", "a,b", "a|b",
    "[::1", "::1", "[fe80::1%eth0]", "[::1%25eth0]", "[v1.x]", "[127.0.0.1]", "[]", "\U000e0061.a",
]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("Example.ORG", "example.org"),
        ("example.org.", "example.org"),
        ("127.0.0.1.", "127.0.0.1"),
        ("127.0.0.1".translate(WIDE), "127.0.0.1"),
        ("127。0。0。1", "127.0.0.1"),
        ("Example.org".translate(WIDE), "example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("[::1]", "::1"),
        ("[0:0:0:0:0:FFFF:7F00:1]", "::ffff:7f00:1"),
        ("my_db", "my_db"),
        ("1password.com", "1password.com"),
    ],
)
def test_a_host_has_one_form(written: str, host: str) -> None:
    assert host_of(written) == host
    assert host_of(f"[{host}]" if ":" in host else host) == host


@pytest.mark.parametrize("host", [*ODD_NUMBERS, *NO_NAMES])
def test_a_host_that_programs_disagree_about_is_refused(host: str) -> None:
    with pytest.raises(InvalidInput):
        host_of(host)
    with pytest.raises(InvalidInput):
        read_url(f"http://{host}/")


@pytest.mark.parametrize(
    "url",
    [
        "", "example.org", "//example.org/", "ftp://example.org/", "file:///etc/passwd",
        "gopher://example.org:70/1", "javascript:alert(1)", "http:", "http://", "http:///path",
        "http:example.org", "http:/example.org", "http://:80/", "http://a:b/", "http://a:-1/",
        "http://a:65536/", "http://a:0/", "http://a:8\u0660/", "http://a:80:80/", "http://u@a/",
        "http://u:p@a/", "http://@a/", "http://a\\@b/", "http://a\n/",
        "http://a/\x00", "http://a/\r\nHost: b", " http://a/", "http://a/ ", "http://a/\ud800",
        "http://[::1]x/", "http://[::1]80/", "http://a/" + "b" * 9000, "\thttp://a/",
    ],
)  # fmt: skip
def test_an_impossible_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_url(url)
    assert "u:p" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "path", "query"),
    [
        ("http://a", "/", ""),
        ("http://a?x=1", "/", "x=1"),
        ("http://a#@b:c@d/x@", "/", ""),
        ("http://a/b c/ü?q=ä b&r=%20#f", "/b%20c/%C3%BC", "q=%C3%A4%20b&r=%20"),
        ('http://a/"<>\\^`{|}', "/%22%3C%3E%5C%5E%60%7B%7C%7D", ""),
        ("http://a//b/../c", "//b/../c", ""),
    ],
)
def test_path_and_query_are_percent_encoded_once(written: str, path: str, query: str) -> None:
    url = read_url(written)
    assert (url.path, url.query) == (path, query)


def test_a_message_never_shows_the_query() -> None:
    url = read_url("https://api.example.org:8443/v1/items?key=sk-secret")
    assert str(url) == "https://api.example.org:8443/v1/items"
    assert "secret" not in str(url.joined("/other?token=secret"))


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("/x?y=1", "https://a.example/x"),
        ("x", "https://a.example/b/x"),
        ("?z", "https://a.example/b/c"),
        ("//evil.example/x", "https://evil.example/x"),
        ("https:x", "https://a.example/b/x"),
        ("http://b.example", "http://b.example/"),
        ("\\\\evil.example", "https://a.example/b/%5C%5Cevil.example"),
        ("../../../x", "https://a.example/x"),
    ],
)
def test_a_redirect_is_read_from_where_it_was_met(location: str, leads_to: str) -> None:
    assert str(read_url("https://a.example/b/c?d=e").joined(location)) == leads_to


@pytest.mark.parametrize("location", ["http://[", "http://127.1/", "data:,x", "//u:p@h", "/\x00"])
def test_a_redirect_to_nowhere_is_refused(location: str) -> None:
    with pytest.raises(InvalidInput):
        read_url("https://a.example/").joined(location)


@given(st.text(max_size=60))
@example("http://127.0.0.1\\@example.org/")
@example("http://example.org:80\\@127.0.0.1/")
def test_any_text_is_read_or_refused(text: str) -> None:
    for url in (text, f"http://{text}", f"http://example.org/{text}", f"http://[{text}]/"):
        try:
            read = read_url(url)
        except InvalidInput:
            continue
        assert read_url(f"{read}?{read.query}") == read  # the canonical form reads as itself


@given(st.text("0123456789abcdefx.-_%[]:@\\/?#\uff11\u3002", min_size=1, max_size=24))
@example("[::ffff:127.0.0.1]:8080//a/../b?c=%20")
@example("127.0.0.1\u3002:1/%2e%2e/x")
def test_the_library_that_connects_reads_the_same_host(text: str) -> None:
    try:
        read = read_url(f"http://{text}")
    except InvalidInput:
        return
    built = as_yarl(read)
    assert (built.raw_host, built.port) == (read.host, read.port)
    assert (built.raw_path, built.raw_query_string) == (read.path, read.query)


@given(st.ip_addresses())
def test_every_plain_address_is_a_host(address: IPv4Address | IPv6Address) -> None:
    host = host_of(f"[{address}]" if address.version == 6 else str(address))
    assert ip_address(host) == address
