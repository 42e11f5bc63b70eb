"""A breach is found wherever it is, and told in words: block, side, field path, expected, got."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from conduit.blocks import Json, block
from conduit.blocks.check import find_breach
from conduit.contracts.errors import TypeMismatch
from tests.blocks.generated import Tree
from tests.blocks.nouns import Count, Layer, Song, Style, Words


@block("song.count", summary="Count layers")
def count_layers(song: Song) -> Count:
    return Count(len(song.layers))


def _song(**fields: Any) -> Song:
    song = Song(Style.DUB)
    for name, value in fields.items():
        setattr(song, name, value)  # after construction, as careless code does
    return song


@pytest.mark.parametrize(
    ("song", "path", "expected", "got"),
    [
        (_song(bpm=400), "bpm", "float from 20 to 300 or null", "int 400"),
        (_song(bpm=math.nan), "bpm", "float from 20 to 300 or null", "float nan"),
        (_song(bpm="140"), "bpm", "float from 20 to 300 or null", "str '140'"),
        (
            _song(layers=[Layer("a"), Layer("b", True)]),
            "layers[1].pitch",
            "int from 0 to 127",
            "bool True",
        ),
        (_song(layers=(Layer("a"),)), "layers", "list of Layer", "tuple of 1 items"),
        (_song(layers=[Layer("a"), None]), "layers[1]", "Layer", "null"),
        (_song(tags={"x": 1.5}), "tags['x']", "int", "float 1.5"),
        (_song(tags={0: 1}), "tags", "keys that are str", "int 0"),
        (_song(key=""), "key", "str of 1 to 8 characters", "str ''"),
        (_song(key="k" * 60), "key", "str of 1 to 8 characters", "60 characters"),
        (_song(mode="twice"), "mode", "one of 'loop', 'once'", "str 'twice'"),
        (_song(style="dub"), "style", "one of 'industrial', 'dub'", "str 'dub'"),
        (_song(extra={"a": [object()]}), "extra", "a JSON value", "dict of 1 items"),
        (_song(extra=[math.inf]), "extra", "a JSON value", "list of 1 items"),
        (_song(bpm=10**5000), "bpm", "float from 20 to 300 or null", "int of 16610 bits"),
        (Words("x"), "input", "Song", "Words"),
        (None, "input", "Song", "null"),
    ],
)
def test_a_breach_is_named(song: Any, path: str, expected: str, got: str) -> None:
    with pytest.raises(TypeMismatch) as caught:
        count_layers(song)
    told = caught.value
    assert (told.block, told.side) == ("song.count", "input")
    assert (told.path, told.expected, told.got) == (path, expected, got)
    assert str(told) == f"song.count: input field {path!r}: expected {expected}, got {got}"


def test_a_wrong_result_is_a_breach_of_the_output() -> None:
    @block("song.liar", summary="Lie")
    def liar(song: Song) -> Count:
        return Count(words="three")  # type: ignore[arg-type]

    with pytest.raises(TypeMismatch, match="output field 'words': expected int, got str 'three'"):
        liar(_song())


def test_none_is_not_an_output() -> None:
    @block("song.silent", summary="Say nothing")
    def silent(song: Song) -> Count:
        return None  # type: ignore[return-value]

    with pytest.raises(TypeMismatch, match="expected Count, got null"):
        silent(_song())


def test_a_subclass_is_accepted_as_its_base() -> None:
    @dataclass
    class LoudLayer(Layer):
        gain: int = 3

    assert count_layers(_song(layers=[LoudLayer("a")])) == Count(1)
    breach = find_breach(Song, _song(layers=[LoudLayer("a", 200)]))
    assert breach is not None
    assert breach.path == "layers[0].pitch"


def test_a_deleted_field_is_missed() -> None:
    layer = Layer("a")
    del layer.name
    breach = find_breach(Song, _song(layers=[Layer("b"), layer]))
    assert breach is not None
    assert (breach.path, breach.got) == ("layers[1].name", "nothing: the field is not set")


def test_one_is_not_true_in_a_literal() -> None:
    @dataclass
    class Flag:
        value: Literal[True, 0]

    assert find_breach(Flag, Flag(True)) is None
    assert find_breach(Flag, Flag(0)) is None
    assert find_breach(Flag, Flag(1)) is not None  # type: ignore[arg-type]
    assert find_breach(Flag, Flag(False)) is not None  # type: ignore[arg-type]


def _tree_in_itself() -> Tree:
    tree = Tree("a")
    tree.children.append(tree)
    return tree


def _list_in_itself() -> Song:
    endless: list[Json] = []
    endless.append(endless)
    return _song(extra=endless)


@pytest.mark.parametrize(("cls", "value"), [(Tree, _tree_in_itself()), (Song, _list_in_itself())])
def test_a_cycle_is_a_breach_and_no_recursion_error(cls: type, value: object) -> None:
    breach = find_breach(cls, value)
    assert breach is not None
    assert "contains itself" in breach.got


def test_a_cycle_is_told_by_a_block() -> None:
    @block("tree.count", summary="Count")
    def count_tree(tree: Tree) -> Count:
        return Count(1)

    with pytest.raises(TypeMismatch, match="contains itself"):
        count_tree(_tree_in_itself())


def test_the_last_of_many_items_is_found_quickly() -> None:
    @dataclass
    class Column:
        ticks: list[int]

    breach = find_breach(Column, Column([*range(200_000), None]))  # type: ignore[list-item]
    assert breach is not None
    assert breach.path == "ticks[200000]"


@pytest.mark.parametrize("bpm", [120, 120.5, True, 20, 300, None])
def test_a_whole_number_is_a_float_too_but_a_boolean_is_none(bpm: object) -> None:
    assert (find_breach(Song, _song(bpm=bpm)) is None) is (bpm is not True)
