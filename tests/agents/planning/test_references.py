"""References: for any value and any path to something in it."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.agents.planning.references import Outputs, references_in
from conduit.contracts.errors import InvalidInput

SIMPLE = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8)
KEYS = st.from_regex(r"[a-z_][a-z0-9_-]{0,6}", fullmatch=True) | st.text(
    st.characters(exclude_characters='{}]\\"', exclude_categories=("Cs", "Cc")), max_size=6
)
VALUES = st.recursive(
    SIMPLE, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4)
)


def paths(value: Any, said: str = "") -> list[tuple[str, Any]]:
    """Every place in a value, as a reference writes it."""
    found = [(said, value)]
    if isinstance(value, dict):
        for key, inner in value.items():
            found += paths(inner, f"{said}[{json.dumps(key, ensure_ascii=False)}]")
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            found += paths(inner, f"{said}[{at}]")
    return found


@given(VALUES)
def test_every_place_of_an_output_can_be_referred_to(value: Any) -> None:
    outputs = Outputs({"it": 0})
    outputs.give(0, value)
    for said, meant in paths(value)[:50]:
        for name in ("[0]", ".it"):
            arguments = {"whole": f"${{steps{name}.output{said}}}"}
            assert len(references_in(arguments)) == 1
            assert outputs.filled(arguments) == {"whole": meant}
            inside = outputs.filled({"text": f"<{arguments['whole']}>"})["text"]
            text = inside[1:-1]
            assert text == meant if isinstance(meant, str) else json.loads(text) == meant


@given(VALUES)
def test_what_has_no_reference_stays_as_it_is(value: Any) -> None:
    assert references_in({"it": value}) == []
    assert Outputs({}).filled({"it": value}) == {"it": value}


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    arguments = {"it": "${steps" + text}
    outputs = Outputs({})
    outputs.give(0, 1)
    with contextlib.suppress(InvalidInput):  # nothing else
        references_in(arguments)
        outputs.filled(arguments)


def test_a_long_text_takes_linear_time() -> None:
    """Quadratic time would take minutes here."""
    for text in ("${steps[" * 100_000, "$" * 800_000, "${steps[0].output" + ".a" * 400_000):
        with pytest.raises(InvalidInput):
            references_in({"it": text + "${steps."})
