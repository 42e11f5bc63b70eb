"""From plain data to a dataclass, changing what can be changed without loss.

Where the data is not of the declared type, the nearest reading is taken and recorded with its cost;
of a union's branches the cheapest. Nothing is invented: a required field that is not there is a
fault, and so is a value that would lose something (``"3.7"`` for an int).

A text may have ended in the middle of a value. ``Cut`` is the way to that value: it is left out
where something may be missing (the last item of a list, the last entry of a dict, a field with a
default), and a fault elsewhere, because half a name is not a name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from conduit.blocks.check import describe
from conduit.blocks.shape import (
    Choice,
    Either,
    Field,
    Mapping,
    Record,
    Scalar,
    Sequence,
    Shape,
    fields_of,
    spell,
)
from conduit.contracts.errors import InvalidInput
from conduit.mdl.definition import is_null
from conduit.mdl.repair import COSTS, Repair
from conduit.mdl.scalars import flaw_of, fold, to_choice, to_scalar
from conduit.mdl.wanted import class_of

Cut = tuple[str | int, ...] | None
"""The keys and indexes that lead to an unfinished value; None when everything is finished."""

MOST_FAULTS = 20
MOST_REPAIRS = 1000

NOTHING: Final[Any] = object()
"""What stands for a value that has faults, or is left out."""


@dataclass(slots=True)
class Reading:
    """One way to read some data: a value, unless ``faults``."""

    value: Any = NOTHING
    cost: int = 0
    repairs: list[Repair] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    fault_count: int = 0

    def take(self, other: Reading) -> Any:
        self.cost += other.cost
        self.repairs += other.repairs[: MOST_REPAIRS - len(self.repairs)]
        self.fault_count += other.fault_count
        self.faults += other.faults[: MOST_FAULTS - len(self.faults)]
        return other.value

    def repair(self, kind: str, path: str, note: str = "") -> None:
        self.cost += COSTS[kind]
        if len(self.repairs) < MOST_REPAIRS:
            self.repairs.append(Repair(kind, path, COSTS[kind], note[:80]))

    def fault(self, path: str, text: str) -> Any:
        self.fault_count += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(f"{path or 'answer'}: {text}")
        return NOTHING


def align(hint: Any, data: object, cut: Cut = None) -> Reading:
    """Read ``data`` as a ``hint``. Raises ``RecursionError`` for data nested beyond all sense."""
    reading = Reading()
    reading.value = _Aligner(reading, {}).record(hint, data, "", cut)
    return reading


def align_shape(shape: Shape, data: object) -> Reading:
    """Read ``data`` as whatever a shape says."""
    reading = Reading()
    reading.value = _Aligner(reading, {}).of(shape, data, "", None)
    return reading


@dataclass(slots=True)
class _Aligner:
    reading: Reading
    tried: dict[tuple[int, Any], Reading]
    """What an object gave as a branch of a union, so that unions in unions take linear time."""

    def of(self, shape: Shape, data: Any, path: str, cut: Cut) -> Any:
        match shape:
            case Record():
                return self.record(shape.hint, data, path, cut)
            case Sequence():
                return self.sequence(shape, data, path, cut)
            case Mapping():
                return self.mapping(shape, data, path, cut)
            case Either(options):
                return self.either(options, data, path, cut)
            case Scalar() | Choice():
                if cut is not None:
                    return self.reading.fault(path, f"the text ends inside {describe(data)}")
                return self.leaf(shape, data, path)
        raise AssertionError(shape)  # Json was refused when the structure was defined

    def leaf(self, shape: Scalar | Choice, data: Any, path: str) -> Any:
        if isinstance(data, list) and len(data) == 1 and not isinstance(data[0], list | dict):
            self.reading.repair("unlisted", path, describe(data))
            data = data[0]
        convert = to_choice if isinstance(shape, Choice) else to_scalar
        value, kind, wrong = convert(shape, data)  # type: ignore[arg-type]  # each takes its own kind
        if wrong:
            return self.reading.fault(path, wrong)
        if kind:
            self.reading.repair(kind, path, describe(data))
        return value

    def sequence(self, shape: Sequence, data: Any, path: str, cut: Cut) -> Any:
        if data is None:
            return self.reading.fault(path, f"expected {spell(shape)}, got null")
        if not isinstance(data, list):
            self.reading.repair("listed", path, describe(data))
            data, cut = [data], None if cut is None else (0, *cut)
        if cut is not None:
            self.reading.repair("truncated", path)
        values = []
        last = len(data) - 1
        for index, item in enumerate(data):
            inner = f"{path}[{index}]"
            if cut and index == last and cut[0] == index:
                value = self.unfinished(shape.item, item, inner, cut[1:])
                if value is NOTHING:
                    continue
            else:
                value = self.of(shape.item, item, inner, None)
            values.append(value)
        bounds = shape.length
        if bounds and not bounds.minimum <= len(values) <= bounds.maximum:
            return self.reading.fault(path, f"expected {spell(shape)}, got {len(values)} items")
        return tuple(values) if shape.kind is tuple else values

    def mapping(self, shape: Mapping, data: Any, path: str, cut: Cut) -> Any:
        if isinstance(data, list):
            data, cut = self.from_pairs(data, path, cut)
        if not isinstance(data, dict):
            return self.reading.fault(path, f"expected {spell(shape)}, got {describe(data)}")
        if cut is not None:
            self.reading.repair("truncated", path)
        values = {}
        for key, item in data.items():
            inner = f"{path}[{key!r:.40}]"
            if wrong := flaw_of(key):
                return self.reading.fault(inner, f"expected text that can be stored, got {wrong}")
            if cut and cut[0] == key:
                value = self.unfinished(shape.value, item, inner, cut[1:])
                if value is NOTHING:
                    continue
            else:
                value = self.of(shape.value, item, inner, None)
            values[key] = value
        return values

    def from_pairs(self, data: list[Any], path: str, cut: Cut) -> tuple[Any, Cut]:
        """An object out of a list of pairs; the data as it came when it is no such list.

        ``{"key", "value"}`` is how the schema asks for it, so that is no repair.
        """
        found: dict[str, Any] = {}
        for pair in data:
            if isinstance(pair, dict) and pair.keys() == {"key", "value"}:
                key, value = pair["key"], pair["value"]
            elif isinstance(pair, list) and len(pair) == 2:
                key, value = pair
            elif pair is data[-1] and cut:
                break  # the text ends inside this pair
            else:
                return data, cut
            if not isinstance(key, str):
                return data, cut
            if key in found:
                self.reading.repair("duplicate", f"{path}[{key!r:.40}]")
            found[key] = value
        if any(isinstance(pair, list) for pair in data):
            self.reading.repair("pairs", path)
        if not cut:
            return found, cut
        pair = data[cut[0]] if isinstance(cut[0], int) else {}
        rest = cut[2:] if len(cut) > 1 and cut[1] in ("value", 1) else None
        if rest is None or not isinstance(pair, dict) or "key" not in pair:
            return found, ()
        return found, (pair["key"], *rest)

    def unfinished(self, shape: Shape, data: Any, path: str, cut: Cut) -> Any:
        """The value the text ends in, left out if it is not whole enough to stand."""
        attempt = self.attempt(shape, data, path, cut)
        if attempt.fault_count:
            self.reading.repair("left_out", path, attempt.faults[0])
            return NOTHING
        return self.reading.take(attempt)

    def attempt(self, shape: Shape, data: Any, path: str, cut: Cut) -> Reading:
        key = (id(data), shape) if isinstance(data, dict | list) else None
        if key in self.tried:
            return self.tried[key]
        reading = Reading()
        reading.value = _Aligner(reading, self.tried).of(shape, data, path, cut)
        if key:
            self.tried[key] = reading
        return reading

    def either(self, options: tuple[Shape, ...], data: Any, path: str, cut: Cut) -> Any:
        if data is None and cut is None and any(map(is_null, options)):
            return None
        meant = [option for option in options if not is_null(option)]
        meant.sort(key=lambda option: _distance(option, data))
        if len(meant) == 1:  # its faults say more than "X or null"
            attempt = self.attempt(meant[0], data, path, cut)
            if attempt.fault_count and len(meant) < len(options) and _says_null(data, cut):
                self.reading.repair("converted", path, describe(data))
                return None
            return self.reading.take(attempt)
        tries = [self.attempt(option, data, path, cut) for option in meant]
        fit = [attempt for attempt in tries if not attempt.fault_count]
        if fit:
            best = min(fit, key=lambda attempt: attempt.cost)
            if isinstance(data, dict) and sum(t.cost == best.cost for t in fit) > 1:
                names = spell(Either(options))
                return self.reading.fault(path, f"nothing tells which it is of {names}")
            return self.reading.take(best)
        records = [t for t, option in zip(tries, meant, strict=True) if isinstance(option, Record)]
        if records and isinstance(data, dict):  # the nearest branch, so that it can be mended
            return self.reading.take(min(records, key=lambda t: (t.fault_count, t.cost)))
        return self.reading.fault(path, f"expected {spell(Either(options))}, got {describe(data)}")

    def record(self, hint: Any, data: Any, path: str, cut: Cut) -> Any:
        if isinstance(data, list) and len(data) == 1 and isinstance(data[0], dict):
            self.reading.repair("unlisted", path)
            data, cut = data[0], cut[1:] if cut else cut
        if not isinstance(data, dict):
            name = class_of(hint).__name__
            return self.reading.fault(path, f"expected an object ({name}), got {describe(data)}")
        if cut is not None:
            self.reading.repair("truncated", path)
        given = self.given(hint, data, path)
        values = {}
        before = self.reading.fault_count
        for f in fields_of(hint):
            inner = f"{path}.{f.name}" if path else f.name
            if f.name not in given:
                if f.required:
                    self.reading.fault(inner, f"is missing ({spell(f.shape)})")
                continue
            key, item = given[f.name]
            value = self.value(f, item, inner, cut[1:] if cut and cut[0] == key else None)
            if value is not NOTHING:
                values[f.name] = value
        if self.reading.fault_count > before:
            return NOTHING
        try:
            return class_of(hint)(**values)
        except (ValueError, InvalidInput) as error:  # its own __post_init__ refuses the values
            return self.reading.fault(path, str(error)[:200])

    def value(self, f: Field, data: Any, path: str, cut: Cut) -> Any:
        if f.required:
            return self.of(f.shape, data, path, cut)
        if cut is not None:
            return self.unfinished(f.shape, data, path, cut)
        if data is None and not _takes_null(f.shape):
            self.reading.repair("default", path)
            return NOTHING
        return self.of(f.shape, data, path, None)

    def given(self, hint: Any, data: dict[str, Any], path: str) -> dict[str, tuple[str, Any]]:
        """The data by field: the key it was written under, and the value."""
        names, folded = _names(hint)
        given = {key: (key, item) for key, item in data.items() if key in names}
        if len(given) == len(data):
            return given
        for key, item in data.items():
            inner = f"{path}.{key}" if path else key
            if key in names:
                continue
            name = folded.get(fold(key))
            if name and name not in given:
                given[name] = key, item
                self.reading.repair("key", f"{path}.{name}" if path else name, repr(key))
            else:
                self.reading.repair("extra", inner[:80], describe(item))
        return given


def names_field(hint: Any, key: str) -> bool:
    """Whether a key is the name of a field."""
    return key in _names(hint)[0]


def means_field(hint: Any, key: str) -> bool:
    """Whether a key is the name of a field in some style of writing."""
    return fold(key) in {fold(name) for name in _names(hint)[0]}


@cache
def _names(hint: Any) -> tuple[frozenset[str], dict[str, str]]:
    """The field names of a record, and those by their folded form where that is unambiguous."""
    names = [f.name for f in fields_of(hint)]
    folded: dict[str, str] = {}
    twice = set()
    for name in names:
        if fold(name) in folded:
            twice.add(fold(name))
        folded[fold(name)] = name
    return frozenset(names), {key: name for key, name in folded.items() if key not in twice}


def _takes_null(shape: Shape) -> bool:
    match shape:
        case Either(options):
            return any(map(_takes_null, options))
        case Choice(values):
            return None in values
    return is_null(shape)


def _distance(shape: Shape, data: Any) -> int:
    """In which order branches are tried: a choice comes before any text, and ``1`` stays an int in
    ``float | int``."""
    if isinstance(shape, Choice):
        return 0
    return 1 if isinstance(shape, Scalar) and type(data) is shape.kind else 2


def _says_null(data: Any, cut: Cut) -> bool:
    return cut is None and isinstance(data, str) and data.strip().casefold() in ("null", "none", "")
