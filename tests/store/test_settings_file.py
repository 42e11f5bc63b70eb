"""Settings that somebody wrote by hand: what is wrong is said with its path."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import ConfigError
from conduit.store.settings_file import Section, parse_settings, read_settings


def parse(text: str) -> Section:
    return parse_settings(text.encode(), "some.yaml")


def test_fields_are_read_by_what_they_are() -> None:
    top = parse("a: {text: x, texts: [x, y], flag: true, number: 2, items: [1, {b: c}]}")
    inner = top.section("a")
    assert (inner.text("text"), inner.texts("texts")) == ("x", ("x", "y"))
    assert (inner.flag("flag"), inner.number("number", 5, 0, 10)) == (True, 2)
    assert inner.items("items") == (1, {"b": "c"})
    assert [
        (name, each.text("text")) for name, each in parse("r: {s: {text: x}}").sections("r")
    ] == [("s", "x")]


def test_what_is_not_given_has_its_default() -> None:
    top = parse("")
    assert (top.text("a"), top.texts("a"), top.items("a"), top.flag("a")) == ("", (), (), False)
    assert top.number("a", 5, 0, 10) == 5
    assert list(top.sections("a")) == []


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda s: s.text("number"), "some.yaml: a.number: expected text"),
        (lambda s: s.texts("items"), "some.yaml: a.items: expected a list of texts"),
        (lambda s: s.items("text"), "some.yaml: a.text: expected a list"),
        (lambda s: s.flag("text"), "some.yaml: a.text: expected true or false"),
        (lambda s: s.number("flag", 1, 0, 2), "some.yaml: a.flag: expected a number"),
        (lambda s: s.section("text"), "some.yaml: a.text: expected a mapping"),
        (lambda s: list(s.sections("inner")), "some.yaml: a.inner.b: expected a mapping"),
        (lambda s: s.refuse_unknown(("texts", "itms")), "some.yaml: a.text: there is no such"),
    ],
)
def test_what_is_wrong_is_said_with_its_path(ask: object, says: str) -> None:
    section = parse("a: {text: x, items: [1], number: 2, flag: true, inner: {b: 1}}").section("a")
    with pytest.raises(ConfigError) as caught:
        ask(section)  # type: ignore[operator]
    assert str(caught.value).startswith(says)


def test_the_closest_field_is_named() -> None:
    with pytest.raises(ConfigError, match="did you mean models"):
        parse("model: []").refuse_unknown(("models", "remote"))


def test_no_file_is_an_empty_one_and_a_folder_is_none(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "none.yaml").values == {}
    with pytest.raises(ConfigError, match="could not be read"):
        read_settings(tmp_path)


@given(st.text(max_size=200))
def test_no_text_at_all_brings_another_error(text: str) -> None:
    with suppress(ConfigError):
        parse_settings(text.encode(errors="surrogatepass"), "some.yaml")
