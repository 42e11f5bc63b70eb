"""Nearly-JSON, and what it means."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.mdl import Found, values

WRITTEN: dict[str, tuple[str, list[Any]]] = {
    "clean": ('{"a": [1, "b", null]}', [{"a": [1, "b", None]}]),
    "no JSON": ("I cannot do that.", []),
    "a bare number": ("42", []),
    "empty ones": ("{} []", [{}, []]),
    "prose around": ('Sure: {"a": 1}. Enjoy', [{"a": 1}]),
    "a byte order mark": ('\ufeff{"a": 1}', [{"a": 1}]),
    "a fence": ('```json\n{"a": 1}\n```', [{"a": 1}]),
    "a fence inside a text": ('{"a": "```x```"}', [{"a": "```x```"}]),
    "thoughts": ('<think>maybe {"a": 1}</think>{"a": 2}', [{"a": 2}]),
    "the end of thoughts only": ('maybe {"a": 1}</think>{"a": 2}', [{"a": 2}]),
    "nothing but thoughts": ('<think>{"a": 1}</think>', [{"a": 1}]),
    "trailing commas": ('{"a": [1, 2,],}', [{"a": [1, 2]}]),
    "commas in a row": ("[1,,2]", [[1, 2]]),
    "comments": ('{"a": 1, // one\n/* two */ "b": 2 # three\n}', [{"a": 1, "b": 2}]),
    "single quotes": ("{'a': 'it's'}", [{"a": "it's"}]),
    "smart quotes": ("{“a”: “b”}", [{"a": "b"}]),
    "escaped quotes": ('{\\"a\\": \\"b\\"}', [{"a": "b"}]),
    "doubled quotes": ('{""a"": ""b""}', [{"a": "b"}]),
    "bare keys and texts": ("{a: some text, b-c: 1}", [{"a": "some text", "b-c": 1}]),
    "Python": ("{'a': True, 'b': None, 'c': False}", [{"a": True, "b": None, "c": False}]),
    "a comma missing": ('{"a": "x" "b": [1 2]}', [{"a": "x", "b": [1, 2]}]),
    "a colon missing": ('{"a" 1, b= 2, "c" => 3}', [{"a": 1, "b": 2, "c": 3}]),
    "a bracket missing": ('{"a": [1, "b": {"c": 2}', [{"a": [1], "b": {"c": 2}}]),
    "the wrong bracket": ('{"a": [1, 2}', [{"a": [1, 2]}]),
    "a bracket too many": ('{"a": {"b": 1}}, "c": 2}', [{"a": {"b": 1}, "c": 2}]),
    "doubled braces": ('{{"a": 1}}', [{"a": 1}]),
    "a raw line end": ('{"a": "b\nc"}', [{"a": "b\nc"}]),
    "quotes inside": ('{"a": "say "hi", then go"}', [{"a": 'say "hi", then go'}]),
    "a quote missing": ('{"a": "one, "b": 2}', [{"a": "one", "b": 2}]),
    "odd numbers": ("[+1, .5, 1., 0xff, 1_000]", [[1, 0.5, 1.0, 255, 1000]]),
    "no numbers": ("[1.2.3, 1/2, 007, 2024-01-02]", [["1.2.3", "1/2", 7, "2024-01-02"]]),
    "an ellipsis": ("[1, 2, ...]", [[1, 2]]),
    "an ellipsis as text": ('["..."]', [["..."]]),
    "a value missing": ('{"a": , "b": 1}', [{"b": 1}]),
    "a word too many": ('{"a": 1, ALSO "b": 2}', [{"a": 1, "b": 2}]),
    "a key twice": ('{"a": 1, "a": 2}', [{"a": 2}]),
    "another language": ("{'名前': '花子', 'ключ': 'да'}", [{"名前": "花子", "ключ": "да"}]),
    "a surrogate pair": ('{a: "\\ud83d\\ude00"}', [{"a": "\U0001f600"}]),
    "a path": (r"""{'a': 'C:\Users\me'}""", [{"a": r"C:\Users\me"}]),
    "several": ('{"a": 1}\n{"b": 2},\n[3]', [{"a": 1}, {"b": 2}, [3]]),
    "an object without a brace": ('["a": 1, "b": 2}]', [[{"a": 1, "b": 2}]]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), WRITTEN.values(), ids=WRITTEN)
def test_what_models_write(text: str, expected: list[Any]) -> None:
    assert [found.value for found in values(text)] == expected


CUT: dict[str, tuple[str, Any, tuple[str | int, ...]]] = {
    "after a value": ('{"a": [1, 2, ', {"a": [1, 2]}, ("a",)),
    "inside a number": ('{"a": [1, 2', {"a": [1, 2]}, ("a", 1)),
    "inside a text": ('{"a": "b', {"a": "b"}, ("a",)),
    "inside a constant": ('{"a": tr', {"a": "tr"}, ("a",)),
    "after a constant": ('{"a": true', {"a": True}, ()),
    "inside a key": ('{"a": 1, "b', {"a": 1}, ()),
    "after a key": ('{"a": 1, "b":', {"a": 1}, ()),
    "before a text": ('{"a": 1, "b": "', {"a": 1}, ()),
    "in an inner object": ('{"a": {"b": 1, ', {"a": {"b": 1}}, ("a",)),
}


@pytest.mark.parametrize(("text", "value", "cut"), CUT.values(), ids=CUT)
def test_an_end_in_the_middle_is_told(text: str, value: Any, cut: tuple[str | int, ...]) -> None:
    [found] = values(text)
    assert (found.value, found.cut) == (value, cut)


def test_a_value_that_ends_is_not_cut() -> None:
    [found] = values('{"a": [1, 2,]}')
    assert found.cut is None
    assert found.notes == {"comma": 12}


def test_nan_is_left_for_the_reader_to_refuse() -> None:
    [found] = values('{"a": NaN, "b": -Infinity}')
    assert math.isnan(found.value["a"])
    assert found.value["b"] == -math.inf


def test_fences_are_named() -> None:
    text = '{"a": 1}\n```python\n{"b": 2}\n```\n```\n{"c": 3}\n```\n'
    assert [found.fence for found in values(text)] == [None, "python", ""]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text() | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
containers = st.lists(json_values) | st.dictionaries(st.text(), json_values)


@given(containers, st.booleans(), st.sampled_from([None, 2]))
def test_json_is_read_as_it_is(value: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert [found.value for found in values(f" {text} ")] == [value]


words = st.text(st.characters(categories=["L", "N"]), min_size=1)
plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=4)
        | st.dictionaries(words, inner, min_size=1, max_size=4)
    ),
    max_leaves=10,
)


@given(st.dictionaries(words, plain_values, min_size=1), st.data())
def test_a_text_cut_anywhere_gives_a_beginning_of_it(value: Any, data: st.DataObject) -> None:
    text = json.dumps(value, ensure_ascii=False)
    end = data.draw(st.integers(1, len(text) - 1))
    [found] = values(text[:end])
    assert found.cut is not None
    assert _begins(found, found.value, value, found.cut)


def _begins(found: Found, part: Any, whole: Any, cut: tuple[str | int, ...] | None) -> bool:
    """Whether what is finished is as it was, and the rest is on the way that ``cut`` says."""
    if cut is None:
        return bool(part == whole)
    if not isinstance(part, dict | list):
        return not cut
    items = part.items() if isinstance(part, dict) else enumerate(part)
    for key, inner in items:
        last = cut[0] == key if cut else False
        if not _begins(found, inner, whole[key], cut[1:] if last else None):
            return False
    return True


@given(st.text(st.sampled_from("`~{}[]\",:/*#\\\n '“”1.-a<>"), max_size=80))
def test_no_text_is_too_odd(text: str) -> None:
    for found in values(text):
        assert isinstance(found.value, dict | list)
        assert 0 <= found.start < found.end <= len(text)


HOSTILE = [
    "[", '"', '{"a":', "\\", '{"a": "', "{", '{"a": "\\', "{'", '{"" ', '{"a"', "[1 ", '[" ,',
    '{"a": "b", x ', "//", "/*", "`", "```json\n[", "<think>", "</think>", "“", '{"a": x{',
    '{"a":1},"b":', '["a": ', ",", ' ', '[{"a": 1, {', '["" ', '{"a": "x" ',
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_texts_take_linear_time(piece: str) -> None:
    for start in ("", '{"a": ', '["'):
        began = time.process_time()
        values(start + piece * (50_000 // len(piece)))
        assert time.process_time() - began < 8  # 160 us per character; at most 10 are measured
