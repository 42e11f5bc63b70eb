"""When two answers say the same."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.models.consistency.answers import final_answer, normalised


@pytest.mark.parametrize(
    "same",
    [
        (
            "1,000",
            "1000.0",
            "The answer is 1000.",
            "\\boxed{1000}",
            "**Final answer:** 1,000.00",
            "1e3",
        ),
        ("Yes", "yes.", "YES!", "Yes, it is.", "true"),
        ("No", "no, never", "False."),
        ('{"a": 1, "b": [2]}', '{"b":[2.0],"a":1}', '```json\n{"a": 1, "b": [2]}\n```'),
        (
            "Paris",
            "paris.",
            "  PARIS ",
            "The answer is: Paris",
            "\N{FULLWIDTH LATIN CAPITAL LETTER P}aris",
        ),
        ("-3", "−3", "-3.0"),
        ("50%", "50 %"),
        ("0", "-0", "0.00"),
        ("1" * 40, "1" * 40 + ".0"),
    ],
)
def test_answers_that_mean_the_same(same: tuple[str, ...]) -> None:
    assert len({normalised(each) for each in same}) == 1, [normalised(each) for each in same]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "-1"),
        ("1000", "1001"),
        ("yes", "no"),
        ("50", "50%"),
        ("a+b", "a-b"),
        ("Paris", "Rome"),
        ("1" * 40, "1" * 39 + "2"),
        ("?", "!"),
    ],
)
def test_answers_that_do_not(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


def test_the_last_word_counts() -> None:
    text = "At first the answer is 3.\nBut I forgot one, so the answer is 4."
    assert final_answer(text) == "4"


@given(st.text(max_size=200))
def test_any_text_has_a_meaning_that_stays(text: str) -> None:
    once = normalised(text)
    assert once == normalised(text)
    assert "\n" not in once or once.startswith(("{", "["))


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9
    )
)
def test_a_number_is_itself_however_it_is_written(number: object) -> None:
    assert normalised(f"{number:,}") == normalised(f"{number}") == normalised(f"{number}000")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=5), each),
    max_leaves=4,
)


@settings(max_examples=40)
@given(st.dictionaries(st.text(max_size=5), JSON, min_size=1, max_size=3))
def test_json_is_compared_by_content(value: dict[str, object]) -> None:
    turned = dict(reversed(list(value.items())))
    written = json.dumps(turned, indent=1, ensure_ascii=False)
    once = normalised(json.dumps(value, ensure_ascii=False))
    assert normalised(f"```json\n{written}\n```\nI hope this helps.") == once


@pytest.mark.parametrize(
    "hostile",
    [
        "[" * 20_000,
        '{"a":' * 4000 + "1" + "}" * 4000,
        "the answer is" + " " * 15_000 + "\nx",
        "answer: " + "*" * 30_000 + "\n",
        "1" * 30_000,
        "1,111" * 5000,
        "\\boxed{" * 4000,
        "```" * 7000,
        "\ufdfa" * 20_000,
        '{"a": "\\ud800"}',
        "\ud800",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_hostile_answers_are_read_too(hostile: str) -> None:
    assert normalised(hostile)


def test_what_says_nothing_is_no_answer() -> None:
    assert normalised("") == normalised(" \n\t ") == ""
