"""Packets of OSC 1.0, patterns of addresses, and framing: pure, read by somebody else too."""

from __future__ import annotations

import re
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc import slip
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.surfaces.osc.wire import (
    IMMEDIATELY,
    INFINITUM,
    Bundle,
    Char,
    Color,
    Double,
    FrameReader,
    Int64,
    Message,
    Midi,
    Packet,
    Pattern,
    Symbol,
    TimeTag,
    as_slip,
    decode,
    encode,
    has_pattern,
)
from conduit.surfaces.osc.wire.streams import with_size

bytes4 = st.tuples(*[st.integers(0, 255)] * 4)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.just(INFINITUM),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1).map(Int64),
    st.floats(width=32, allow_nan=False),
    st.floats(allow_nan=False).map(Double),
    texts,
    texts.map(Symbol),
    st.binary(max_size=9),
    st.characters(max_codepoint=127).map(Char),
    st.integers(0, 2**64 - 1).map(TimeTag),
    bytes4.map(lambda four: Color(*four)),
    bytes4.map(lambda four: Midi(*four)),
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=6)
messages = st.builds(
    Message,
    st.from_regex(r"(/[a-z0-9_.-]{1,8}){1,4}", fullmatch=True),
    st.lists(values, max_size=6).map(tuple),
)


@st.composite
def packets(draw: st.DrawFn, depth: int = 0, earliest: int = 1) -> Packet:
    if depth == 3 or draw(st.booleans()):
        return draw(messages)
    at = draw(st.integers(earliest, 2**64 - 1))
    inner = st.lists(packets(depth=depth + 1, earliest=at), max_size=3)
    return Bundle(tuple(draw(inner)), TimeTag(at))


def typed(value: Any) -> Any:
    """A value with its types, which ``==`` does not look at."""
    match value:
        case Message(address, arguments):
            return address, typed(arguments)
        case Bundle(elements, at):
            return int(at), [typed(each) for each in elements]
        case tuple():
            return type(value), [typed(each) for each in value]
        case _:
            return type(value), value


@given(packets())
def test_what_is_written_is_read(packet: Packet) -> None:
    data = encode(packet)
    assert len(data) % 4 == 0
    assert typed(decode(data, strict=True)) == typed(packet)
    assert typed(decode(data)) == typed(packet)


@pytest.mark.parametrize(
    ("message", "golden"),
    [  # "OSC Message Examples" of the specification's page of examples
        (
            Message("/oscillator/4/frequency", (440.0,)),
            "2f6f7363 696c6c61 746f722f 342f6672 65717565 6e637900 2c660000 43dc0000",
        ),
        (
            Message("/foo", (1000, -1, "hello", 1.234, 5.678)),
            "2f666f6f 00000000 2c696973 66660000 000003e8 ffffffff 68656c6c 6f000000"
            "3f9df3b6 40b5b22d",
        ),
    ],
)
def test_the_examples_of_the_specification(message: Message, golden: str) -> None:
    data = bytes.fromhex(golden)
    assert encode(message) == data
    read = decode(data, strict=True)
    assert isinstance(read, Message)
    assert read.address == message.address
    assert read.arguments[-1] == pytest.approx(message.arguments[-1])
    assert read.arguments[:-2] == message.arguments[:-2]
    assert encode(read) == data


def test_bundles_have_the_layout_of_the_specification() -> None:
    inner = encode(Message("/a", (1,)))
    data = b"#bundle\0" + bytes(7) + b"\1" + struct.pack(">i", len(inner)) + inner
    assert encode(Bundle((Message("/a", (1,)),))) == data
    assert decode(data, strict=True) == Bundle((Message("/a", (1,)),), IMMEDIATELY)
    assert TimeTag.at(0.0) == 2_208_988_800 << 32
    assert TimeTag.at(1_000_000_000.25).unix_s == 1_000_000_000.25


shared = st.one_of(
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1).map(Int64),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False).map(Double),
    texts,
    st.binary(min_size=1, max_size=9),
    st.booleans(),
    st.none(),
)
TAGS = {Int64: "h", Double: "d", int: "i", float: "f", str: "s", bytes: "b"}


@given(st.lists(shared, max_size=6))
def test_python_osc_reads_what_we_write_and_we_what_it_writes(values: list[Any]) -> None:
    mine = Message("/live/clip/add/notes", tuple(values))
    theirs = OscMessage(encode(mine))
    assert (theirs.address, list(theirs)) == (mine.address, values)
    builder = OscMessageBuilder(mine.address)
    for value in values:
        builder.add_arg(value, TAGS.get(type(value)))
    data = builder.build().dgram
    assert typed(decode(data, strict=True)) == typed(mine)
    assert encode(mine) == data


def test_python_osc_reads_our_bundles_and_we_its() -> None:
    builder = OscBundleBuilder(1_700_000_000.5)
    for number in (1, 2):
        part = OscMessageBuilder("/a/b")
        part.add_arg(number)
        part.add_arg([1, [2.5], "x"])
        builder.add_content(part.build())
    data = builder.build().dgram
    read = decode(data, strict=True)
    assert isinstance(read, Bundle)
    assert read.at.unix_s == pytest.approx(1_700_000_000.5, abs=1e-6)
    assert read.elements[1] == Message("/a/b", (2, (1, (2.5,), "x")))
    theirs = OscBundle(encode(read))
    assert theirs.timestamp == pytest.approx(1_700_000_000.5, abs=1e-6)
    assert [each.params for each in theirs] == [[1, [1, [2.5], "x"]], [2, [1, [2.5], "x"]]]


@pytest.mark.parametrize(
    "packet",
    [
        Message("foo"),
        Message("/a b"),
        Message("/a#"),
        Message("/a,b"),
        Message("/ä"),
        Message("/a", ("a\0b",)),
        Message("/a", ("\ud800",)),
        Message("/a", (2**63,)),
        Message("/a", (1e39,)),
        Message("/a", (Char("ab"),)),
        Message("/a", (Char("ä"),)),
        Message("/a", (Color(256, 0, 0),)),
        Message("/a", (TimeTag(-1),)),
        Message("/a", ([1],)),  # type: ignore[arg-type]
        Message("/a", (((((((((((),),),),),),),),),),)),
        Bundle((), TimeTag(0)),
        Bundle((Bundle((), TimeTag(5)),), TimeTag(6)),
        Bundle(
            (Bundle((Bundle((Bundle((Bundle((Bundle((Bundle((Bundle((Bundle(),)),)),)),)),)),)),)),)
        ),
    ],
    ids=repr,
)
def test_what_no_packet_can_hold_is_refused(packet: Packet) -> None:
    with pytest.raises(InvalidInput):
        encode(packet)


@pytest.mark.parametrize(
    ("data", "read"),
    [
        (b"/a\0\0", Message("/a")),  # without type tags
        (b"/a", Message("/a")),
        (b"/a\0\0,s\0\0abc", Message("/a", ("abc",))),  # without padding at the end
        (b"/a\0\0,s\0\0abc\0jun", Message("/a", ("abc",))),
        (b"/axx\0\0\0\0,i\0\0\0\0\0\5more", Message("/axx", (5,))),
        (b"/a\0j,s\0jabc\0", Message("/a", ("abc",))),  # padding of other bytes
        (b"/a\0\0,s\0\0\xff\0\0\0", Message("/a", ("\ufffd",))),
        (b"#bundle\0" + bytes(8) + b"\0\0", Bundle((), TimeTag(0))),
        (
            b"#bundle\0" + bytes(7) + b"\1\0\0\0\x08/a\0\0,?\0\0\0\0\0\4/b\0\0",
            Bundle((Message("/b"),)),
        ),
    ],
)
def test_the_reader_takes_what_is_in_use_and_strictly_does_not(data: bytes, read: Packet) -> None:
    assert decode(data) == read
    with pytest.raises(InvalidInput):
        decode(data, strict=True)


def test_what_is_left_out_of_a_bundle_is_told() -> None:
    told: list[InvalidInput] = []
    decode(b"#bundle\0" + bytes(7) + b"\1\0\0\0\x08/a\0\0,?\0\0", left_out=told.append)
    assert "'?'" in told[0].message


@given(
    st.one_of(
        st.binary(max_size=80),
        st.builds(
            lambda data, at, byte: data[:at] + bytes([byte]) + data[at + 1 :],
            packets().map(encode),
            st.integers(0, 200),
            st.integers(0, 255),
        ),
        st.binary(max_size=60).map(lambda tail: b"#bundle\0" + bytes(8) + tail),
        st.binary(max_size=60).map(lambda tail: b"/a\0\0," + tail),
    )
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for strict in (False, True):
        try:
            packet = decode(data, strict=strict)
        except InvalidInput:
            continue
        if strict:
            again = decode(data)
            assert repr(typed(again)) == repr(typed(packet))


def test_depth_and_number_are_bounded() -> None:
    nested = b""
    for _ in range(3000):
        nested = b"#bundle\0" + bytes(8) + struct.pack(">i", len(nested)) + nested
    told: list[InvalidInput] = []
    assert isinstance(decode(nested, left_out=told.append), Bundle)
    assert "deep" in told[0].message
    with pytest.raises(InvalidInput, match="deep"):
        decode(b"/a\0\0," + b"[" * 60_000)
    many = decode(b"/a\0\0," + b"T" * 60_000 + bytes(3))
    assert isinstance(many, Message)
    assert len(many.arguments) == 60_000
    with pytest.raises(InvalidInput, match="missing"):
        decode(b"/a\0\0,b\0\0\x7f\xff\xff\xff1234")


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("/a/b", ["/a/b"], ["/a", "/a/b/", "/a/bc", "/A/b"]),
        ("/?/b/*c", ["/x/b/c", "/x/b/xxc"], ["//b/c", "/x/b/cd", "/x/b/d/c"]),
        ("/second/[1-2]", ["/second/1", "/second/2"], ["/second/3", "/second/12"]),
        ("/third/*", ["/third/a", "/third/"], ["/third", "/third/a/b"]),
        ("/[!a-c]x", ["/dx"], ["/ax", "/cx", "/x"]),
        ("/[a-]", ["/a", "/-"], ["/b"]),
        ("/[a!]", ["/a", "/!"], ["/b"]),
        ("/{foo,bar}1", ["/foo1", "/bar1"], ["/foo", "/foobar1"]),
        ("/{,a,ab}b", ["/b", "/ab", "/abb"], ["/aab"]),
        ("/*{a,b}*?", ["/ax", "/xxbyy"], ["/a", "/xx"]),
    ],
)
def test_patterns_mean_what_the_specification_says(
    pattern: str, yes: list[str], no: list[str]
) -> None:
    compiled = Pattern(pattern)
    assert [each for each in yes if not compiled.matches(each)] == []
    assert [each for each in no if compiled.matches(each)] == []
    assert has_pattern(pattern) == (pattern != "/a/b")


pieces = st.one_of(
    st.sampled_from(["a", "b", "ab", "?", "*", "[ab]", "[!a]", "[a-c]", "{a,bb}", "{ab,b,}", "/"])
)


def as_regex(tokens: list[str]) -> str:
    """The same by the standard library: right, and slow on the worst patterns."""
    fixed = {"?": "[^/]", "*": "[^/]*", "[!a]": "[^a/]"}
    made = [
        fixed.get(each) or (f"(?:{each[1:-1].replace(',', '|')})" if each.startswith("{") else each)
        for each in tokens
    ]
    return "/" + "".join(made)


@given(st.lists(pieces, max_size=7), st.text("abc/", max_size=8))
@settings(max_examples=300)
def test_patterns_match_as_regular_expressions_do(tokens: list[str], name: str) -> None:
    expected = re.fullmatch(as_regex(tokens), "/" + name) is not None
    assert Pattern("/" + "".join(tokens)).matches("/" + name) == expected


def test_bad_patterns_are_refused_and_the_worst_ones_end() -> None:
    for bad in ("/[a", "/{a", "/a]", "/}", "/{a/b}", "/[/]"):
        with pytest.raises(InvalidInput, match="counterpart"):
            Pattern(bad)
    with pytest.raises(TooLarge):
        Pattern("/" + "*" * 255)
    assert not Pattern("/" + "*a" * 127).matches("/" + "a" * 126 + "b")
    assert not Pattern("/" + "{a,aa}" * 42).matches("/" + "a" * 200)


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=5), st.integers(1, 7))
def test_frames_come_whole_however_a_stream_is_cut(frames: list[bytes], cut: int) -> None:
    for write in (as_slip, with_size):
        reader = FrameReader(64)
        stream = b"".join(map(write, frames))
        found = [
            frame
            for at in range(0, len(stream), cut)
            for frame in reader.feed(stream[at : at + cut])
        ]
        assert found == frames
        if stream:
            assert reader.framed(b"\xc0\xdb") == write(b"\xc0\xdb")
    for frame in frames:
        assert as_slip(frame) == slip.encode(frame)
    assert as_slip(b"\xc0a\xdb") == b"\xc0\xdb\xdca\xdb\xdd\xc0"  # RFC 1055


def test_a_stream_that_is_none_or_too_long_is_refused() -> None:
    for start in (b"POST / HTTP/1.1\r\n", b"\x16\x03\x01", b"/a\0\0"):
        with pytest.raises(InvalidInput, match="no stream of OSC"):
            FrameReader(64).feed(start)
    for stream in (b"\xc0" + b"a" * 65 + b"\xc0", b"\xc0" + b"a" * 129, b"\0\1\0\0"):
        with pytest.raises(TooLarge):
            FrameReader(64).feed(stream)
    reader = FrameReader(1 << 20)
    reader.feed(b"\xc0")
    for _ in range(200_000):  # one byte at a time costs no more than its bytes
        reader.feed(b"a")
    assert reader.feed(b"\xc0") == [b"a" * 200_000]
