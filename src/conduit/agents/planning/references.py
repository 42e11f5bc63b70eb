"""References to what earlier steps gave, inside the arguments of a step.

::

    ${steps[0].output}                  all of what the first step gave
    ${steps[0].output.midi.id}          a field of a field
    ${steps.draw.output.lanes[2].name}  of the step with the id ``draw``: the third of a list
    ${steps[1].output["a key"]}         a key that is no plain word
    $${steps[0].output}                 no reference: the text without its first ``$``

A text that is one reference becomes the value itself, of whatever type. In a longer text a
reference is replaced by the text of the value, which is JSON unless it is a text already. Only what
begins with ``${steps.`` or ``${steps[`` is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from conduit.blocks import dumps
from conduit.blocks.shape import AnyJson, Either, Record, Sequence, Shape, fields_of, spell
from conduit.blocks.shape import Mapping as MappingShape
from conduit.contracts.errors import InvalidInput, TooLarge

MOST_REFERENCES: Final = 200
LARGEST_ARGUMENTS: Final = 4 << 20
"""Bytes of what all references of a step insert."""
DEEPEST: Final = 64
_PART: Final = r"\.[A-Za-z_][A-Za-z0-9_-]*|\[[0-9]{1,6}\]|\[\"(?:[^\"\\\]]|\\.)*\"\]"
_BEGUN: Final = re.compile(r"\$\{steps[.\[]")
_FOUND: Final = re.compile(r"\$(\$?)\{steps([.\[][^{}]{0,500})\}")
_INNER: Final = re.compile(
    rf"(?:\[([0-9]{{1,6}})\]|\.([A-Za-z][A-Za-z0-9_-]{{0,63}}))\.output((?:{_PART})*)"
)
_PARTS: Final = re.compile(_PART)
STEP_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
HOW: Final = "write ${steps[0].output.field}, or ${steps.ID.output.field}"


@dataclass(frozen=True, slots=True)
class Reference:
    """``step`` is a position, or an id; ``path`` leads to a value inside the output."""

    step: int | str
    path: tuple[str | int, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """A reference and where it stands: ``midi[0].id``. ``whole``: it is all of its text."""

    reference: Reference
    where: str
    whole: bool


def references_in(arguments: Mapping[str, Any]) -> list[Found]:
    """Every reference in the arguments of a step. Raises ``InvalidInput`` for what begins like one
    and is none, ``TooLarge`` for more than 200 or for arguments nested more than 64 deep."""
    found: list[Found] = []
    todo: list[tuple[Any, str, int]] = [(arguments, "", 0)]
    while todo:
        value, where, depth = todo.pop()
        if depth > DEEPEST:
            raise TooLarge(
                f"nested more than {DEEPEST} deep", where=where[:80], hint="say it in less"
            )
        if isinstance(value, dict):
            inner = ((each, f"{where}.{key:.40}" if where else f"{key:.40}", depth + 1)
                     for key, each in value.items())  # fmt: skip
            todo.extend(inner)
        elif isinstance(value, list):
            todo.extend((each, f"{where}[{at}]", depth + 1) for at, each in enumerate(value))
        elif isinstance(value, str) and "{steps" in value:
            for match in _references(value, where):
                whole = match.end() - match.start() == len(value)
                found.append(Found(_read(match, where), where, whole))
                if len(found) > MOST_REFERENCES:
                    raise TooLarge(f"more than {MOST_REFERENCES} references", hint="split the step")
    return found


class Outputs:
    """What the steps of a plan gave, by position; ``ids`` are the positions of those with an id."""

    def __init__(self, ids: Mapping[str, int]) -> None:
        self._ids = ids
        self._values: dict[int, Any] = {}

    def give(self, at: int, value: Any) -> None:
        self._values[at] = value

    def take(self, at: int) -> None:
        self._values.pop(at, None)

    def filled(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments with every reference replaced. Raises ``InvalidInput`` when one leads nowhere,
        and ``TooLarge``."""
        filled: dict[str, Any] = self._value(arguments, "", _Budget())
        return filled

    def _value(self, value: Any, where: str, budget: _Budget) -> Any:
        if isinstance(value, dict):
            return {k: self._value(v, f"{where}.{k:.40}".lstrip("."), budget)
                    for k, v in value.items()}  # fmt: skip
        if isinstance(value, list):
            return [self._value(v, f"{where}[{at}]", budget) for at, v in enumerate(value)]
        if isinstance(value, str) and "{steps" in value:
            return self._text(value, where, budget)
        return value

    def _text(self, text: str, where: str, budget: _Budget) -> Any:
        parts: list[str] = []
        at = 0
        for match in _FOUND.finditer(text):
            parts.append(text[at : match.start()])
            at = match.end()
            if match.group(1):
                parts.append(match.group()[1:])
                continue
            found, written = budget.charge(_read(match, where), self._at)
            if match.end() - match.start() == len(text):
                return found
            parts.append(found if isinstance(found, str) else written)
        return "".join([*parts, text[at:]])

    def _at(self, reference: Reference) -> Any:
        """The value that a reference leads to."""
        step = reference.step
        at = self._ids.get(step) if isinstance(step, str) else step
        if at is None or at not in self._values:
            raise _nowhere(reference, "that step gave nothing")
        value = self._values[at]
        for part in reference.path:
            keyed = isinstance(value, dict) and isinstance(part, str) and part in value
            listed = isinstance(value, list) and isinstance(part, int) and part < len(value)
            if not (keyed or listed):
                raise _nowhere(reference, f"there is no {_spelt(part)} in what it gave")
            value = value[part]
        return value


class _Budget:
    """How much the references of one step may insert; each is looked up and measured once."""

    def __init__(self) -> None:
        self._known: dict[Reference, tuple[Any, str]] = {}
        self._left = LARGEST_ARGUMENTS

    def charge(self, reference: Reference, find: Any) -> tuple[Any, str]:
        if reference not in self._known:
            value = find(reference)
            self._known[reference] = value, dumps(value).decode()
        value, written = self._known[reference]
        self._left -= len(written)
        if self._left < 0:
            raise TooLarge(
                f"the references of this step insert more than {LARGEST_ARGUMENTS >> 20} MiB",
                where=reference.text,
                hint="refer to less of it",
            )
        return value, written


def leads_nowhere(shape: Shape, path: tuple[str | int, ...]) -> str:
    """Why a path leads to nothing in any value of a shape; empty when it may lead somewhere."""
    for at, part in enumerate(path):
        match shape:
            case AnyJson():
                return ""
            case Either(options):
                said = [leads_nowhere(option, path[at:]) for option in options]
                return "" if "" in said else said[0]
            case Record() if isinstance(part, str):
                fields = {field.name: field.shape for field in fields_of(shape.hint)}
                if part not in fields:
                    return f"there is no {part!r:.60} in {spell(shape)}: {', '.join(fields)}"
                shape = fields[part]
            case MappingShape(value) if isinstance(part, str):
                shape = value
            case Sequence(item) if isinstance(part, int):
                shape = item
            case _:
                return f"there is no {_spelt(part)} in {spell(shape)}"
    return ""


def _references(text: str, where: str) -> Iterator[re.Match[str]]:
    """The references of a text, without what is escaped."""
    read = 0
    for match in _FOUND.finditer(text):
        read += 1
        if not match.group(1):
            yield match
    if sum(1 for _ in _BEGUN.finditer(text)) > read:
        raise _unreadable(text[text.index("${steps") :], where)


def _read(match: re.Match[str], where: str) -> Reference:
    inner = _INNER.fullmatch(match.group(2))
    if inner is None:
        raise _unreadable(match.group(), where)
    position, name, rest = inner.groups()
    path = tuple(_part(part) for part in _PARTS.findall(rest))
    return Reference(int(position) if position else name, path, match.group())


def _part(text: str) -> str | int:
    if text.startswith("."):
        return text[1:]
    key: str | int = orjson.loads(text[1:-1]) if text[1] == '"' else int(text[1:-1])
    return key


def _spelt(part: str | int) -> str:
    return f"[{part}]" if isinstance(part, int) else repr(part)[:60]


def _unreadable(text: str, where: str) -> InvalidInput:
    return InvalidInput(f"{text[:80]!r} is no reference", where=where, hint=HOW)


def _nowhere(reference: Reference, why: str) -> InvalidInput:
    return InvalidInput(
        f"{reference.text[:120]} leads nowhere: {why}", hint="see what the step gave in `results`"
    )
