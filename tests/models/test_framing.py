"""Event streams, cut anywhere."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.models.exchange import Frame, NotTheProtocol
from conduit.models.framing.lines import LineSplitter
from conduit.models.framing.ndjson import NdjsonParser
from conduit.models.framing.sse import SseParser

ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])
VALUES = st.binary(max_size=12).map(lambda b: b.replace(b"\r", b"").replace(b"\n", b""))
EVENTS = st.lists(st.lists(VALUES, min_size=1, max_size=3), max_size=5)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({cut % (len(data) + 1) for cut in cuts})
    bounds = [0, *at, len(data)]
    return [data[a:b] for a, b in pairwise(bounds)]


def parse(parser: SseParser | NdjsonParser, parts: list[bytes]) -> list[Frame]:
    frames = [frame for part in parts for frame in parser.feed(part)]
    return frames + parser.close()


@given(EVENTS, ENDS, st.booleans(), st.lists(st.integers(0, 10_000), max_size=12))
def test_a_stream_reads_the_same_however_it_is_cut(
    events: list[list[bytes]], end: bytes, space: bool, cuts: list[int]
) -> None:
    prefix = b"data: " if space else b"data:"
    # Without the space that the format takes off, a value's own first space would be lost.
    events = [[v if space else v.lstrip(b" ") for v in event] for event in events]
    stream = b"".join(b"".join(prefix + v + end for v in event) + end for event in events)
    expected = [Frame("", b"\n".join(event)) for event in events]
    assert parse(SseParser(), pieces(stream, cuts)) == expected
    assert parse(SseParser(), [stream[at : at + 1] for at in range(len(stream))]) == expected


@given(st.binary(max_size=300), st.lists(st.integers(0, 1000), max_size=8))
def test_no_bytes_at_all_can_upset_the_parsers(data: bytes, cuts: list[int]) -> None:
    parts = pieces(data, cuts)
    assert parse(SseParser(), parts) == parse(SseParser(), [data])
    assert parse(NdjsonParser(), parts) == parse(NdjsonParser(), [data])


@given(st.binary(max_size=200), st.lists(st.integers(0, 1000), max_size=8))
def test_lines_are_those_of_the_whole(data: bytes, cuts: list[int]) -> None:
    splitter = LineSplitter()
    lines = [line for part in pieces(data, cuts) for line in splitter.feed(part)]
    assert lines + splitter.close() == data.splitlines()


def test_names_comments_unknown_fields_and_a_byte_order_mark() -> None:
    stream = b"\xef\xbb\xbf: hello\nevent: ping\nid: 1\nretry: 5\nnonsense\ndata:{}\n\nevent: x\n\n"
    assert parse(SseParser(), [stream]) == [Frame("ping", b"{}")]


def test_an_event_without_its_blank_line_counts_at_the_end() -> None:
    assert parse(SseParser(), [b"data: 1\n\ndata: 2"]) == [Frame("", b"1"), Frame("", b"2")]


def test_a_line_is_capped_whether_or_not_it_ever_ends() -> None:
    with pytest.raises(NotTheProtocol, match="exceeds 10 bytes"):
        parse(SseParser(max_line=10), [b"data: 1", b"23456"])
    with pytest.raises(NotTheProtocol, match="exceeds 10 bytes"):
        parse(NdjsonParser(max_line=10), [b"12345678901\n"])


def test_an_event_of_many_lines_is_capped() -> None:
    with pytest.raises(NotTheProtocol, match="an event of the stream exceeds 10 bytes"):
        parse(SseParser(max_event=10), [b"data: 12345\ndata: 12345\n"])


def test_a_long_line_in_single_bytes_takes_linear_time() -> None:
    def seconds(size: int) -> float:
        parser, begun = SseParser(), time.process_time()
        for _ in range(size):
            parser.feed(b"x")
        return time.process_time() - begun

    # Quadratic work would be 64 times as much; noise on a shared machine is far less than 5 times.
    few = min(seconds(20_000) for _ in range(3))
    assert min(seconds(160_000) for _ in range(3)) < 40 * few
