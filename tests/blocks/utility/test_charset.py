"""Bytes become text by one clear rule, or they do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks.utility.charset import text_of
from conduit.contracts.errors import InvalidInput


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        (b"", "", ""),
        ("größe".encode(), "", "größe"),
        ("größe".encode(), "text/html", "größe"),
        ("größe".encode("latin-1"), "text/html; charset=ISO-8859-1", "größe"),
        ("„größe“".encode("cp1252"), 'text/html; charset="windows-1252"', "„größe“"),
        ("größe".encode(), "text/plain;charset='utf8'; x=y", "größe"),
        ("größe".encode(), "text/plain; charset=us-ascii", "größe"),
        ("привет".encode("koi8-r"), "text/plain; Charset = KOI8-R", "привет"),
        ("日本".encode("shift_jis"), "text/html; charset=Shift_JIS", "日本"),
        ("中文".encode("gbk"), "text/html; charset=gb2312", "中文"),
        ("größe".encode("utf-8-sig"), "text/plain; charset=latin1", "größe"),
        ("größe".encode("utf-16"), "text/plain", "größe"),
        ("größe".encode("utf-16-be"), "text/plain; charset=utf-16be", "größe"),
    ],
)
def test_text_is_read(body: bytes, content_type: str, text: str) -> None:
    assert text_of(body, content_type) == text


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b"\x89PNG\r\n", "image/png", "byte 0 of 6 is not utf-8"),
        ("größe".encode("latin-1"), "text/html", "byte 2 of 5 is not utf-8"),
        (b"a\0b", "text/plain", "it holds NUL"),
        (b"a\0b", "text/plain; charset=latin1", "it holds NUL"),
        (b"\xff\xfea", "", "is not utf-16"),
        (b"abc", "text/plain; charset=klingon", "charset that is unknown"),
        (b"abc", "text/plain; charset=idna", "charset that is unknown"),
        (b"abc", "text/plain; charset=unicode_escape", "charset that is unknown"),
        (b"abc", "text/plain; charset=utf-7", "charset that is unknown"),
        (b"abc", "text/plain; charset=zlib_codec", "charset that is unknown"),
    ],
)
def test_what_is_no_text_says_why(body: bytes, content_type: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        text_of(body, content_type)


@given(st.binary(max_size=80), st.text(max_size=40) | st.just("text/plain; charset=gb18030"))
def test_anything_is_read_or_refused(body: bytes, content_type: str) -> None:
    try:
        text = text_of(body, content_type)
    except InvalidInput:
        return
    assert "\0" not in text
    text.encode()  # no lone surrogates
