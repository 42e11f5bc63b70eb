"""Lexical vectors: the same everywhere, near for near texts, linear for any text."""

from __future__ import annotations

import math
import subprocess
import sys
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.models.caching.lexical import DIMENSIONS, embed, embed_all


def cosine(one: str, other: str) -> float:
    return sum(a * b for a, b in zip(embed(one), embed(other), strict=True))


@given(st.text(st.characters(exclude_categories=()), max_size=200))
def test_512_numbers_of_length_one(text) -> None:
    vector = embed(text)
    assert len(vector) == DIMENSIONS
    length = math.hypot(*vector)
    assert length == 0 or math.isclose(length, 1)
    if any(c.isalnum() for c in text):
        assert length > 0


def test_another_process_gives_the_same_numbers() -> None:
    text = "What is the weather like in Zürich, 東京 and Κόρινθος?"
    program = f"from conduit.models.caching.lexical import embed; print(repr(embed({text!r})))"
    said = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert said[0] == said[1] == repr(embed(text))


def test_how_it_is_written_says_nothing() -> None:
    assert embed("STRASSE  \uff21\uff11") == embed("straße a1")
    decomposed = unicodedata.normalize("NFD", "naïve café")
    assert embed(decomposed) == embed("naïve café")
    assert embed("hello, world!") == embed("hello world")


def test_near_texts_are_near_and_others_are_not() -> None:
    asked = "How do I reset my password in the web application?"
    assert cosine(asked, "how do I reset my pasword in the web application") > 0.9
    assert cosine(asked, "How do I reset my password in the mobile application?") > 0.7
    assert abs(cosine(asked, "Compose eight bars of dub techno with soft hats")) < 0.2


def test_nothing_to_compare() -> None:
    assert set(embed("")) == set(embed("?! …")) == {0.0}


@pytest.mark.parametrize(
    "unit",
    ["a", "ab ", "word ", "\u0315\u0300", "\ufdfa", "é", "漢字", "\ud800", "x\u0301\u0323", "1."],
)
def test_the_cost_is_linear_for_any_text(unit) -> None:
    text = unit * (200_000 // len(unit))
    began = time.process_time()
    embed(text)
    assert time.process_time() - began < 15  # one that takes the square takes minutes


async def test_many() -> None:
    texts = ["one", "two " * 2000]
    assert await embed_all(texts) == [embed(text) for text in texts]
    assert await embed_all([]) == []
