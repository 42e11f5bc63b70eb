"""WebSocket's frames, against a writer of a client's frames that shares nothing with the reader."""

from __future__ import annotations

import itertools
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput
from conduit.surfaces.ableton.websocket.frames import (
    Closed,
    Pinged,
    Ponged,
    Reader,
    Said,
    close_frame,
    ping_frame,
    pong_frame,
    text_frame,
)
from conduit.surfaces.ableton.websocket.opening import accepted

MASK = b"\x37\xfa\x21\x3d"


def framed(first: int, payload: bytes, mask: bytes = MASK) -> bytes:
    """As a client sends it, byte by byte as RFC 6455, 5.3 says."""
    size = len(payload)
    if size < 126:
        head = struct.pack(">BB", first, 0x80 | size)
    elif size < 65536:
        head = struct.pack(">BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack(">BBQ", first, 0x80 | 127, size)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def all_of(reader: Reader, pieces: list[bytes]) -> list[Any]:
    return [event for piece in pieces for event in reader.feed(piece)]


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(at)]


@given(
    st.lists(st.text(max_size=200), max_size=5),
    st.integers(1, 60),
    st.lists(st.integers(0, 2000), max_size=8),
    st.binary(min_size=4, max_size=4),
)
@settings(max_examples=60)
def test_messages_arrive_as_they_were_said_however_they_are_cut(
    texts: list[str], most: int, cuts: list[int], mask: bytes
) -> None:
    sent = b""
    for text in texts:
        data = text.encode()
        parts = [data[at : at + most] for at in range(0, len(data), most)] or [b""]
        for number, part in enumerate(parts):
            last, kind = number == len(parts) - 1, 0x1 if number == 0 else 0x0
            sent += framed(0x80 * last | kind, part, mask)
            sent += framed(0x89, b"between pieces", mask)
    found = all_of(Reader(1 << 20), in_pieces(sent, cuts))
    assert [event.text for event in found if isinstance(event, Said)] == texts
    assert {event.payload for event in found if isinstance(event, Pinged)} <= {b"between pieces"}


@given(st.lists(st.binary(max_size=64), max_size=6))
@settings(max_examples=60)
def test_no_bytes_break_the_reader(pieces: list[bytes]) -> None:
    reader = Reader(1024)
    found = all_of(reader, pieces)
    assert sum(isinstance(event, Closed) for event in found) <= 1
    assert not found or not any(isinstance(event, Closed) for event in found[:-1])


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x81\x05hello", 1002),  # not masked
        (framed(0xC1, b"x"), 1002),  # a bit of an extension
        (framed(0x83, b"x"), 1002),  # no kind that is known
        (framed(0x80, b"x"), 1002),  # goes on with nothing
        (framed(0x01, b"x") + framed(0x81, b"y"), 1002),  # begins inside another
        (framed(0x09, b""), 1002),  # a ping in pieces
        (framed(0x89, b"x" * 126), 1002),  # a ping that is too long
        (b"\x81\xfe\x00\x05" + MASK + b"hello", 1002),  # a length in more bytes than needed
        (b"\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff", 1002),
        (b"\x81\xff" + b"\xff" * 8, 1002),
        (b"\x81\xff\x3f" + b"\xff" * 7, 1009),  # claims to be large: not one byte is waited for
        (framed(0x01, b"x" * 1000) + framed(0x80, b"x" * 1000), 1009),
        (framed(0x82, b"x"), 1003),  # binary
        (framed(0x81, b"\xff"), 1007),
        (framed(0x81, "ü".encode()[:1]), 1007),
        (framed(0x88, b"\x03"), 1002),
        (framed(0x88, struct.pack(">H", 1005)), 1002),
        (framed(0x88, struct.pack(">H", 2999)), 1002),
        (framed(0x88, struct.pack(">H", 1000) + b"\xff"), 1007),
        (framed(0x88, struct.pack(">H", 1000) + b"bye"), 1000),
        (framed(0x88, struct.pack(">H", 4000)), 4000),
        (framed(0x88, b""), 1000),
    ],
)
def test_what_ends_a_connection_and_how(sent: bytes, code: int) -> None:
    reader = Reader(1500)
    (event,) = reader.feed(sent)
    assert isinstance(event, Closed)
    assert event.code == code
    assert reader.feed(framed(0x81, b"more")) == [], "nothing is read after it"


def test_what_is_written_is_what_the_standard_shows() -> None:
    assert text_frame(b"Hello") == bytes.fromhex("810548656c6c6f")  # RFC 6455, 5.7
    assert text_frame(b"x" * 256)[:4] == bytes.fromhex("817e0100")
    assert text_frame(b"x" * 65536)[:10] == bytes.fromhex("817f0000000000010000")
    assert ping_frame() == b"\x89\x00"
    assert pong_frame(b"Hello") == bytes.fromhex("8a0548656c6c6f")
    long = close_frame(1001, "ü" * 100)
    assert long[:4] == b"\x88\x7c\x03\xe9"
    assert long[4:].decode() == "ü" * 61
    masked = bytes.fromhex("818537fa213d7f9f4d5158")
    assert Reader(99).feed(masked) == [Said("Hello")]
    assert Reader(99).feed(framed(0x8A, b"")) == [Ponged()]


def test_only_a_request_for_websocket_is_accepted() -> None:
    key = (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==")
    good = [(b"upgrade", b"WebSocket"), (b"sec-websocket-version", b"13"), key]
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in accepted("GET", good)  # RFC 6455, 1.3
    for method, headers in (
        ("POST", good),
        ("GET", good[1:]),
        ("GET", [good[0], (b"sec-websocket-version", b"8"), key]),
        ("GET", good[:2]),
        ("GET", [*good[:2], (b"sec-websocket-key", b"short")]),
        ("GET", [*good[:2], (b"sec-websocket-key", b"!" * 24)]),
        ("GET", [*good, key]),
    ):
        with pytest.raises(InvalidInput):
            accepted(method, headers)
