"""AWS's event stream, cut anywhere, and broken anywhere."""

from __future__ import annotations

import struct
import time
import zlib
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.models.exchange import Frame, NotTheProtocol
from conduit.models.framing.eventstream import EventStreamParser
from tests.fakes.bedrock import event, exception, message

EVENTS = st.lists(
    st.tuples(st.text(st.characters(codec="utf-8"), max_size=20), st.binary(max_size=40)),
    max_size=5,
)
EVERY_TYPE = (
    b"\x04true\x00"
    b"\x05false\x01"
    b"\x04byte\x02\xff"
    b"\x05short\x03\x00\x01"
    b"\x03int\x04\x00\x00\x00\x01"
    b"\x04long\x05" + bytes(8) + b"\x05bytes\x06\x00\x02\x00\xff"
    b"\x0b:event-type\x07\x00\x04ping"
    b"\x04time\x08" + bytes(8) + b"\x04uuid\x09" + bytes(16)
)


def raw(headers: bytes, payload: bytes) -> bytes:
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


def parse(parts: list[bytes]) -> list[Frame]:
    parser = EventStreamParser()
    return [frame for part in parts for frame in parser.feed(part)] + parser.close()


@given(EVENTS, st.lists(st.integers(0, 10_000), max_size=12))
def test_a_stream_reads_the_same_however_it_is_cut(
    events: list[tuple[str, bytes]], cuts: list[int]
) -> None:
    stream = b"".join(
        message({":event-type": name, ":message-type": "event"}, payload)
        for name, payload in events
    )
    at = sorted({cut % (len(stream) + 1) for cut in cuts})
    parts = [stream[a:b] for a, b in pairwise([0, *at, len(stream)])]
    expected = [Frame(name, payload) for name, payload in events]
    assert parse(parts) == expected
    assert parse([stream[i : i + 1] for i in range(len(stream))]) == expected


def test_the_message_of_the_specification() -> None:
    """The first test vector of the Smithy specification: no headers, no payload."""
    vector = bytes.fromhex("000000100000000005c248eb7d98c8ff")
    assert parse([vector]) == [Frame("", b"")]


def test_headers_of_every_type_are_measured() -> None:
    assert parse([raw(EVERY_TYPE, b"{}")]) == [Frame("ping", b"{}")]


def test_exceptions_and_errors_are_frames_of_their_own() -> None:
    error = {":message-type": "error", ":error-code": "Gone", ":error-message": "no more"}
    stream = exception("throttlingException", {"message": "slow"}) + message(error, b"")
    assert parse([stream]) == [
        Frame("throttlingException", b'{"message": "slow"}'),
        Frame("error", b'{"message": "Gone: no more"}'),
    ]


@given(st.data())
def test_a_flipped_bit_is_noticed(data: st.DataObject) -> None:
    good = event("contentBlockDelta", {"delta": {"text": "hello"}, "contentBlockIndex": 0})
    at, bit = data.draw(st.integers(0, len(good) - 1)), data.draw(st.integers(0, 7))
    bad = bytearray(good)
    bad[at] ^= 1 << bit
    with pytest.raises(NotTheProtocol):
        parse([bytes(bad)])


@given(st.binary(max_size=300), st.integers(0, 300))
def test_no_bytes_at_all_can_upset_the_parser(data: bytes, cut: int) -> None:
    def outcome(parts: list[bytes]) -> list[Frame] | str:
        try:
            return parse(parts)
        except NotTheProtocol as error:
            return str(error)

    assert outcome([data[:cut], data[cut:]]) == outcome([data])


@given(st.binary(max_size=60), st.binary(max_size=20))
def test_no_headers_can_upset_the_parser(headers: bytes, payload: bytes) -> None:
    with suppress(NotTheProtocol):
        (frame,) = parse([raw(headers, payload)])
        assert frame.data == payload or frame.event == "error"


@pytest.mark.parametrize(
    "headers", [b"\x01", b"\x01a", b"\x01a\x0a", b"\x01a\x07\x00\x05no", b"\x00"]
)
def test_headers_that_do_not_fit_are_refused(headers: bytes) -> None:
    with pytest.raises(NotTheProtocol, match="headers"):
        parse([raw(headers, b"{}")])


def test_half_a_message_at_the_end_is_none() -> None:
    with pytest.raises(NotTheProtocol, match="ended inside a message"):
        parse([event("ping", {})[:-1]])


@pytest.mark.parametrize(
    ("total", "headers", "words"),
    [
        ((4 << 20) + 1, 0, "exceeds 4194304 bytes"),
        (1 << 19, (128 << 10) + 1, "exceeds"),
        (15, 0, "shorter than its headers"),
        (40, 25, "shorter than its headers"),
        (0, 0, "shorter than its headers"),
    ],
)
def test_sizes_are_checked_before_anything_is_kept(total: int, headers: int, words: str) -> None:
    prelude = struct.pack(">II", total, headers)
    with pytest.raises(NotTheProtocol, match=words):
        EventStreamParser().feed(prelude + struct.pack(">I", zlib.crc32(prelude)))


def test_a_long_message_in_single_bytes_takes_linear_time() -> None:
    def seconds(size: int) -> float:
        parser, stream = EventStreamParser(), raw(b"", bytes(size))
        begun = time.process_time()
        for at in range(len(stream)):
            parser.feed(stream[at : at + 1])
        return time.process_time() - begun

    # Quadratic work would be 64 times as much; noise on a shared machine is far less than 5 times.
    few = min(seconds(20_000) for _ in range(3))
    assert min(seconds(160_000) for _ in range(3)) < 40 * few
