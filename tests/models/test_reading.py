"""JSON from strangers."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.chat import Image, Reasoning
from conduit.contracts.errors import InvalidInput
from conduit.models.exchange import NotTheProtocol
from conduit.models.reading import (
    EFFORTS,
    QUOTE_LIMIT,
    arguments_object,
    effort_of,
    error_body,
    error_words,
    image_address,
    json_body,
    json_text,
    parse_object,
    quote,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)
DEEP = b"[" * 800 + b"]" * 800


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"error": {"message": "boom", "type": "x"}}, "boom"),
        ({"error": "boom"}, "boom"),
        ({"message": "boom"}, "boom"),
        ({"detail": [{"loc": ["body"], "msg": "boom"}]}, "boom"),
        ([{"error": {"message": "boom"}}], "boom"),
        ({"error": {"type": "boom"}}, "boom"),
        ({"error": {"code": 5}}, ""),
        ({"error": []}, ""),
        (5, ""),
    ],
)
def test_the_words_of_an_error_in_every_shape(value: object, words: str) -> None:
    assert error_words(value) == words


@given(JSON)
def test_words_can_be_looked_for_in_anything(value: Any) -> None:
    assert isinstance(error_words(value), str)


@given(st.binary(max_size=100))
def test_any_body_can_be_quoted(body: bytes) -> None:
    quoted = quote(error_body(body))
    assert len(quoted) <= QUOTE_LIMIT
    assert not set(quoted) & {"\n", "\r", "\x00", "\x1b", "\u2028"}


def test_a_quotation_is_one_line_without_control_characters_and_capped() -> None:
    assert quote("a\r\nb\x1b[31mc\u2028d") == "a b [31mc d"
    assert len(quote("x" * 5000)) == QUOTE_LIMIT


def test_depth_is_an_error_of_ours_in_both_directions() -> None:
    nested = b'{"error": ' * 900 + b"1" + b"}" * 900
    assert error_words(parse_object(nested, "it")) == ""
    with pytest.raises(NotTheProtocol, match="not whole JSON"):
        parse_object(b'{"a": ' + b"[" * 100_000, "it")
    with pytest.raises(NotTheProtocol, match="nests too deeply"):
        json_text(orjson.loads(DEEP))
    with pytest.raises(InvalidInput, match="cannot be written"):
        json_body({"extra": orjson.loads(DEEP)})
    with pytest.raises(InvalidInput, match="cannot be written"):
        json_body({"seed": 2**70})


@pytest.mark.parametrize("wrong", ["{", "5", "[1]", f'{{"a": {DEEP.decode()}}}', "\ud800"])
def test_arguments_that_are_no_object_are_handed_over_as_they_are(wrong: str) -> None:
    assert arguments_object(wrong) == {"unparsed": wrong}


def test_no_arguments_are_an_empty_object() -> None:
    assert arguments_object(" ") == {}


def test_a_picture_as_an_address() -> None:
    assert image_address(Image("http://x/y")) == "http://x/y"
    assert image_address(Image("", "QUJD", "image/webp")) == "data:image/webp;base64,QUJD"
    assert image_address(Image(data="QUJD")) == "data:image/png;base64,QUJD"


@given(st.sampled_from(EFFORTS), st.sets(st.sampled_from(EFFORTS)))
def test_no_effort_is_asked_for_that_is_not_taken(effort: str, taken: set[str]) -> None:
    found = effort_of(Reasoning(effort), tuple(taken))
    assert found in (taken or {""})
    if effort in taken:
        assert found == effort


@given(st.integers(-5, 10**9), st.integers(0, 10**9))
def test_more_tokens_are_never_less_effort(tokens: int, more: int) -> None:
    small, large = (effort_of(Reasoning(max_tokens=n)) for n in (tokens, tokens + more))
    assert EFFORTS.index(small) <= EFFORTS.index(large)
    assert (small == "none") is (tokens <= 0)


def test_an_effort_counts_more_than_a_number_and_an_unknown_one_is_handed_on() -> None:
    assert effort_of(Reasoning("low", 10**6)) == "low"
    assert effort_of(Reasoning("default"), ("low",)) == "default"
    assert effort_of(Reasoning()) == ""
