"""Blocks in words, for a model that is to make a plan of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from conduit.blocks import Block
from conduit.blocks.foreign import schema_of
from conduit.blocks.shape import Either, Field, Record, Shape, fields_of, spell
from conduit.blocks.shape import Sequence as SequenceShape
from conduit.contracts.json import JsonObject

_IN_FULL: Final = 12_000
_IN_SHORT: Final = 12_000
"""Letters for blocks with their fields, and for those with no more than a summary."""
_LONGEST_FIELD: Final = 160
_LONGEST_FIELDS: Final = 6000
_DEEPEST: Final = 2
_WORD: Final = re.compile(r"[a-z0-9]{3,}")


def told(blocks: Iterable[Block[Any, Any]], objective: str) -> str:
    """The blocks that the objective seems to be about with their fields, the others with a
    summary, as many as there is room for."""
    full: list[str] = []
    short: list[str] = []
    sizes = [_IN_FULL, _IN_SHORT]
    for each in _by_likeness(list(blocks), objective):
        words = in_full(each)
        if len(words) <= sizes[0]:
            sizes[0] -= len(words)
            full.append(words)
            continue
        line = f"- {each.name}: {each.summary}"
        if len(line) > sizes[1]:
            break
        sizes[1] -= len(line)
        short.append(line)
    rest = "\n\nOther blocks:\n" + "\n".join(short) if short else ""
    return "\n".join(full) + rest


def in_full(block: Block[Any, Any]) -> str:
    """A block with what it takes and what it gives."""
    schema = schema_of(block.input_type)
    fields = _fields(block.input_edge.shape) if schema is None else _foreign_fields(schema)
    taken = "; ".join(fields)[:_LONGEST_FIELDS] or "nothing"
    given = ", ".join(_outputs(block.output_edge.shape, _DEEPEST))
    return f"- {block.name}: {block.summary}. Takes: {taken}. Gives: {given}."


def _by_likeness(blocks: Sequence[Block[Any, Any]], objective: str) -> list[Block[Any, Any]]:
    """Those first that share the most words with the objective."""
    wanted = set(_WORD.findall(objective.casefold()))

    def score(block: Block[Any, Any]) -> tuple[int, str]:
        own = set(_WORD.findall(f"{block.name} {block.summary}".casefold()))
        named = 10 * (block.name in objective)
        return -(named + len(own & wanted)), block.name

    return sorted(blocks, key=score)


def _fields(shape: Shape) -> list[str]:
    if isinstance(shape, Either):
        return [" or ".join("; ".join(_fields(each)) for each in shape.options)]
    if not isinstance(shape, Record):
        return []
    return [_field(each) for each in fields_of(shape.hint)]


def _foreign_fields(schema: JsonObject) -> list[str]:
    """Those of a schema that somebody else owns, as far as it says."""
    known, required = schema.get("properties"), schema.get("required")
    needed = required if isinstance(required, list) else []
    found = []
    for name, each in (known if isinstance(known, dict) else {}).items():
        said = each if isinstance(each, dict) else {}
        words = [str(said.get("type", "a JSON value")), "" if name in needed else "optional"]
        words.append(str(said.get("description", "")))
        found.append(f"{name} ({', '.join(filter(None, words))})"[:_LONGEST_FIELD])
    return found


def _field(field: Field) -> str:
    needed = "" if field.required else ", optional"
    doc = f", {field.doc}" if field.doc else ""
    return f"{field.name} ({spell(field.shape)}{needed}{doc})"[:_LONGEST_FIELD]


def _outputs(shape: Shape, depth: int) -> list[str]:
    """The names of what comes out, as references write them."""
    match shape:
        case Record():
            found = []
            for each in fields_of(shape.hint):
                inner = _outputs(each.shape, depth - 1) if depth else []
                found.append(f"{each.name}{{{', '.join(inner)}}}" if inner else each.name)
            return found
        case SequenceShape(item):
            inner = _outputs(item, depth)
            return [f"[{', '.join(inner)}]"] if inner else []
        case Either(options):
            return [name for each in options for name in _outputs(each, depth)]
    return []
