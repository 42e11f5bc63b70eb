"""The JSON that models really put between fences."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.agents.fenced import Written, json_blocks

WRITTEN: dict[str, tuple[str, list[Any]]] = {
    "one block": ('```json\n{"a": 1}\n```', [{"a": 1}]),
    "none": ('{"a": 1} is not fenced', []),
    "several blocks": ('x ```json\n{"a": 1}\n```\ny\n```json\n[1, 2]\n```', [{"a": 1}, [1, 2]]),
    "no tag": ('```\n{"a": 1}\n```', [{"a": 1}]),
    "a tag in capitals": ('```JSON\n{"a": 1}\n```', [{"a": 1}]),
    "a tag with more behind it": ('```json title="notes.json"\n{"a": 1}\n```', [{"a": 1}]),
    "trailing prose": ('```json\n{"a": 1}\n```\nThat is {"not": "it"}', [{"a": 1}]),
    "prose inside": ('```json\nHere you go:\n{"a": 1}\nEnjoy!\n```', [{"a": 1}]),
    "no closing fence": ('```json\n{"a": 1}', [{"a": 1}]),
    "cut off": ('```json\n{"a": 1, "b": [1, 2', [{"a": 1, "b": [1, 2]}]),
    "the next fence closes it": ('```json\n{"a": 1}\n```json\n{"b": 2}\n```', [{"a": 1}, {"b": 2}]),
    "a bracket is missing": ('```json\n{"a": [1, 2}\n```\nSo much for [that].', [{"a": [1, 2]}]),
    "nested fences": ('````markdown\n```json\n{"a": 1}\n```\n````', [{"a": 1}]),
    "tildes": ('~~~json\n{"a": 1}\n~~~', [{"a": 1}]),
    "on one line": ('It is ```{"a": 1}``` I think', [{"a": 1}]),
    "indented": ('- like so:\n  ```json\n  {"a": 1}\n  ```', [{"a": 1}]),
    "carriage returns": ('```json\r\n{"a": 1}\r\n```\r\n', [{"a": 1}]),
    "comments": ('```jsonc\n// c\n{"a": 1, // }\n /* ] */ "b": 2}\n```', [{"a": 1, "b": 2}]),
    "trailing commas": ('```json\n{"a": [1, 2,],}\n```', [{"a": [1, 2]}]),
    "single quotes": ("```json\n{'a': 'b'}\n```", [{"a": "b"}]),
    "unquoted keys": ('```json5\n{a: "b"}\n```', [{"a": "b"}]),
    "Python's constants": ("```json\n{'a': True, 'b': None}\n```", [{"a": True, "b": None}]),
    "NaN is no value": ('```json\n{"a": NaN, "b": -Infinity}\n```', [{"a": None, "b": None}]),
    "several values": ('```json\n{"a": 1}\n{"b": 2},\n[3]\n```', [{"a": 1}, {"b": 2}, [3]]),
    "a list of notes": (
        '```json\n[{"pitch": 36, "start_beat": 0.5}]\n```',
        [[{"pitch": 36, "start_beat": 0.5}]],
    ),
    "empty ones": ("```json\n{}\n```\n```json\n[]\n```", [{}, []]),
    "an empty fence": ("```json\n```", []),
    "scalars are no blocks": ('```json\n"text"\n```\n```json\n42\n```', []),
    "fences in strings": ('```json\n{"a": "use ```x``` here"}\n```', [{"a": "use ```x``` here"}]),
    "a block in a string": (
        '```json\n{"a": "\\n```json\\n{}\\n"}\n```\n```json\n[1]\n```',
        [{"a": "\n```json\n{}\n"}, [1]],
    ),
    "a line break in a string": ('```json\n{"a": "two\nlines"}\n```', [{"a": "two\nlines"}]),
    "another language": ('```python\nx = {"a": 1}\n```', []),
    "another language before": ('```python\n{"a": 1}\n```\n```json\n{"b": 2}\n```', [{"b": 2}]),
    "shell braces": ("```bash\n{ echo; }\n```\n```c++\n{1}\n```", []),
    "plain text before": ('```\nplain text\n```\n```json\n{"a": 1}\n```', [{"a": 1}]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "found"), WRITTEN.values(), ids=WRITTEN)
def test_what_models_write(text: str, found: list[Any]) -> None:
    assert [each.value for each in json_blocks(text)] == found


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
blocks = st.lists(json_values) | st.dictionaries(st.text(), json_values)
prose = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="`~"))


@given(
    st.lists(st.tuples(prose, blocks, st.booleans()), max_size=4),
    prose,
    st.sampled_from(["```", "~~~", "`````"]),
    st.sampled_from(["json", "", "JSON", "jsonc"]),
)
def test_valid_json_is_found_exactly_whatever_is_around_it(
    parts: list[tuple[str, Any, bool]], after: str, fence: str, tag: str
) -> None:
    text = ""
    for before, value, pretty in parts:
        option = orjson.OPT_INDENT_2 if pretty else 0
        text += f"{before}\n{fence}{tag}\n{orjson.dumps(value, option=option).decode()}\n{fence}\n"
    read = json_blocks(text + after)
    assert [each.value for each in read] == [orjson.loads(orjson.dumps(v)) for _, v, _ in parts]
    assert all(each.whole for each in read)


@given(st.text(st.sampled_from('`~json\n{}[]",:/*\\ 1a'), max_size=80))
def test_no_text_is_too_odd(text: str) -> None:
    for each in json_blocks(text):
        assert isinstance(each.value, dict | list)
        orjson.dumps(each.value)  # and it can be sent on


@pytest.mark.parametrize(
    "piece",
    [
        "`",
        "```json\n{\n",
        "```json\n[",
        "```\n",
        "[/*",
        '{"a',
        "[]",
        "~~~json\n// x\n",
        "```json x ",
    ],
)
def test_a_million_characters_take_linear_time(piece: str) -> None:
    for start in ("", "```json\n"):
        began = time.process_time()
        json_blocks(start + piece * (1_000_000 // len(piece)))
        assert time.process_time() - began < 20


def test_absurd_depth_is_left_out() -> None:
    deep = "```json\n" + "[" * 100_000 + "]" * 100_000
    assert json_blocks(deep + '\n```\n```json\n{"a": 1}') == [Written({"a": 1}, whole=True)]


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ('```json\n{"n": [{"a": 1}]}', True),
        ('```json\n{"n": [{"a": 1}]\n```', True),  # the last bracket was forgotten
        ('```json\n{"n": [{"a": 1}]', False),  # or the text was cut off there
        ('```json\n{"n": [{"a": 1}\n```', False),
        ('```json\n{"n": [{"a": 1}, {"b\n```', False),
        ('```json\n[{"a": 1}, {"a": 2}', False),
        ('```json\n[{"a": 1}, {"a": 2}\n```', False),
        ('```json\n[{"a": 1}, {"a": 2},]\n```', True),
    ],
)
def test_what_breaks_off_is_known(text: str, whole: bool) -> None:
    assert [each.whole for each in json_blocks(text)] == [whole]
