"""JSON that is nearly what a protocol says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from conduit.models.exchange import ErrorInside, NotTheProtocol

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from(["type", "text", "id"]), inner)
    ),
    max_leaves=8,
)


def spoiled(value: Any) -> st.SearchStrategy[Any]:
    """``value`` with one thing in it replaced by something else."""
    if isinstance(value, dict) and value:
        return st.sampled_from(sorted(value)).flatmap(
            lambda key: spoiled(value[key]).map(lambda new: value | {key: new})
        )
    if isinstance(value, list) and value:
        return JSON | spoiled(value[0]).map(lambda new: [new, *value[1:]])
    return JSON


def survives(act: Callable[[], object]) -> None:
    """Whatever ``act`` reads, it says so in the two ways that a wire has; others fail the test."""
    try:
        act()
    except (NotTheProtocol, ErrorInside):
        return
