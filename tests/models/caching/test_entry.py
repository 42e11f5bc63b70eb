"""A kept answer comes back as it was, and nothing else passes for one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.chat import (
    ChatResponse,
    Citation,
    Thinking,
    ToolCall,
    Usage,
)
from conduit.models.caching.entry import Entry, Raw, decode, encode
from tests.models.caching.questions import answer, values

text = st.text(max_size=20)
answers = st.builds(
    ChatResponse,
    text=text,
    tool_calls=st.lists(st.builds(ToolCall, text, text, text), max_size=2).map(tuple),
    finish_reason=st.sampled_from(("stop", "length", "tool_calls", "content_filter")),
    usage=st.one_of(st.none(), st.builds(Usage, st.integers(0, 9), st.integers(0, 9))),
    provider=text,
    model=text,
    thinking=st.lists(st.builds(Thinking, text, text, text), max_size=2).map(tuple),
    citations=st.lists(st.builds(Citation, text, text, text), max_size=2).map(tuple),
    logprobs=st.lists(values, max_size=2),
    stop_sequence=text,
    dropped=st.lists(text, max_size=2).map(tuple),
)
raws = st.one_of(st.none(), st.builds(Raw, st.binary(min_size=1, max_size=50), st.booleans()))
entries = st.builds(Entry, answers, st.integers(0, 2**45), raws)


@given(entries)
def test_it_comes_back(entry) -> None:
    assert decode(encode(entry)) == entry


@given(st.binary(max_size=200))
def test_foreign_bytes_are_a_miss(data) -> None:
    assert decode(data) is None
    found = decode(encode(Entry(answer(), 0))[:3] + data)
    assert found is None or isinstance(found, Entry)


@given(entries, st.data())
def test_damage_never_raises(entry, data) -> None:
    whole = bytearray(encode(entry))
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert decode(bytes(whole[:cut])) is None
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    found = decode(bytes(whole))
    assert found is None or isinstance(found, Entry)
    assert at >= 3 or found is None  # another version is not ours either


def test_depth_is_a_miss() -> None:
    mark = encode(Entry(answer(), 0))[:3]
    assert decode(mark + b"\x91" * 100_000) is None


def test_raw_bytes_serve_only_their_own_form() -> None:
    assert Entry(answer(), 0).raw_for(stream=False) is None
    document = Entry(answer(), 0, Raw(b"{}"))
    assert document.raw_for(stream=False) == b"{}"
    assert document.raw_for(stream=True) is None
