"""``Mdl``: the compiled structure of one dataclass, and what an answer becomes by it.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Summary:
    ...     title: str
    ...     bullets: list[str]
    >>> mdl = Mdl.of(Summary)
    >>> mdl.parse('Sure! ```json {"Title": "Groove", bullets: ["a", "b",]} ```').value
    Summary(title='Groove', bullets=['a', 'b'])

An answer is tried the fast way first, as exactly what was asked for. Then every object in it is
read leniently and fitted to the structure, and the reading that took the least repair is taken. A
text that ends in the middle gives what is whole; nothing is ever invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Generic, TypeVar, cast

from conduit.blocks.shape import Sequence, fields_of
from conduit.contracts.chat import OutputSchema
from conduit.contracts.errors import UnparsableOutput
from conduit.mdl.align import Cut, Reading, align, means_field, names_field
from conduit.mdl.definition import require_definable
from conduit.mdl.fast import NOTHING, exact_decoder
from conduit.mdl.finding import strict, values
from conduit.mdl.lenient import Found
from conduit.mdl.prompt import prompt_of
from conduit.mdl.repair import COSTS, Parsed, Repair
from conduit.mdl.scalars import fold
from conduit.mdl.streaming import PartialText
from conduit.mdl.wanted import class_of, output_schema

T = TypeVar("T")

_OUTSIDE_A_FENCE = 10
_MOST_WRAPPERS = 3
_LONGEST_MENDED = 1 << 20
"""Characters: more than any model writes at once, and about a second of the worst of them."""


class Mdl(Generic[T]):
    """The structure of a dataclass. Made by :meth:`of`, once per type.

    Attributes:
        type: the dataclass, as it was given: ``Files`` or ``Page[Item]``.
    """

    def __init__(self, hint: type[T]) -> None:
        require_definable(hint)
        self.type = hint
        self._exact = exact_decoder(hint)

    @staticmethod
    def of(hint: type[T]) -> Mdl[T]:
        """The structure of a dataclass, cached.

        Raises ``ConfigError`` with the path of a field that no model can be asked for: ``Any``,
        ``Json``, ``None`` alone, keys that are not ``str``, a union with nothing to tell its
        branches apart, a type that contains itself without end.
        """
        return cast("Mdl[T]", _structure(cast("Any", hint)))

    @cached_property
    def prompt(self) -> str:
        """The structure in words, for a system prompt."""
        return prompt_of(self.type)

    @cached_property
    def schema(self) -> OutputSchema:
        """The structure as a schema, for a provider that can hold its model to one."""
        return output_schema(self.type)

    def parse(self, text: str) -> Parsed[T]:
        """Read an answer.

        Raises ``UnparsableOutput`` with what is wrong, path by path (20 at most), when no object
        in it can be read as one of these without inventing or losing something. An answer of more
        than 1,048,576 characters is read only as strict JSON.
        """
        if self._exact is not None:
            value = self._exact(text)
            if value is not NOTHING:
                return Parsed(value)
        return self._mended(text)

    def partial(self) -> PartialText[T]:
        """A reader of an answer that arrives in pieces."""
        return PartialText(self.type, self.parse)

    def _mended(self, text: str) -> Parsed[T]:
        whole = strict(text)
        if whole is None and len(text) > _LONGEST_MENDED:
            raise self._refusal(
                (f"answer: it is no JSON, and too long to mend: {len(text)} characters",)
            )
        tries = [self._fitted(found, text) for found in ([whole] if whole else values(text))]
        if not tries:
            raise self._refusal(("answer: there is no JSON object in it",))
        fenced = any(attempt.found.fence is not None for attempt in tries)
        best = min(tries, key=lambda attempt: attempt.rank(fenced))
        if best.reading.fault_count:
            more = best.reading.fault_count - len(best.reading.faults)
            said = (f"and {more} more",) if more else ()
            raise self._refusal((*best.reading.faults, *said))
        return Parsed(best.reading.value, tuple(best.reading.repairs))

    def _refusal(self, faults: tuple[str, ...]) -> UnparsableOutput:
        return UnparsableOutput(
            faults, where=class_of(self.type).__name__, hint="ask again, with these faults"
        )

    def _fitted(self, found: Found, text: str) -> _Try:
        """The best reading of a value that was found, as it is or without what is around it."""
        data, cut = found.value, found.cut
        best = self._read(data, cut)
        for depth in range(1, _MOST_WRAPPERS + 1):
            if not best.fault_count:
                break
            inner = self._inside(data)
            if inner is None:
                break
            key, data = inner
            cut = cut[1:] if cut else cut
            reading = self._read(data, cut)
            reading.repair("wrapper", "", f"{depth} around it, {key!r}")
            best = min(best, reading, key=lambda r: r.fault_count)
        if best.fault_count and (wrapped := self._wrapped(found)):
            best = min(best, wrapped, key=lambda r: r.fault_count)
        return _Try(found, _noted(found, best, text))

    def _read(self, data: Any, cut: Cut) -> Reading:
        try:
            return align(self.type, data, cut)
        except RecursionError:
            reading = Reading()
            reading.fault("", "it is nested too deep")
            return reading

    def _inside(self, data: Any) -> tuple[str | int, Any] | None:
        """What is in a list of one, an object with one key, or under the name of the type."""
        if isinstance(data, dict):
            own = fold(class_of(self.type).__name__)
            for key, inner in data.items():
                if fold(key) == own and not names_field(self.type, key):
                    return key, inner
                if len(data) == 1 and not means_field(self.type, key):
                    return key, inner
            return None
        return (0, data[0]) if isinstance(data, list) and len(data) == 1 else None

    def _wrapped(self, found: Found) -> Reading | None:
        """A bare list, where the structure is little more than a list of such things."""
        needed = [f for f in fields_of(cast("Any", self.type)) if f.required]
        if len(needed) != 1 or not isinstance(found.value, list):
            return None
        only = needed[0]
        if not isinstance(only.shape, Sequence):
            return None
        cut = None if found.cut is None else (only.name, *found.cut)
        reading = self._read({only.name: found.value}, cut)
        reading.repair("wrapper", only.name, "a list without the object around it")
        return reading


@dataclass(frozen=True, slots=True)
class _Try:
    found: Found
    reading: Reading

    def rank(self, fenced: bool) -> tuple[int, int, int]:
        """The lower, the better: what fits, what took less repair, what came last."""
        outside = _OUTSIDE_A_FENCE if fenced and self.found.fence is None else 0
        return self.reading.fault_count, self.reading.cost + outside, -self.found.start


def _noted(found: Found, reading: Reading, text: str) -> Reading:
    """The reading, with what was passed over in the text."""
    notes = {kind: f"at character {at}" for kind, at in found.notes.items() if kind != "truncated"}
    if text[: found.start].strip() or text[found.end :].strip():
        notes["around"] = f"{found.start} characters before, {len(text) - found.end} after"
    reading.cost += sum(COSTS[kind] for kind in notes)
    made = [Repair(kind, "", COSTS[kind], note) for kind, note in notes.items()]
    reading.repairs = made + reading.repairs
    return reading


@cache
def _structure(hint: Any) -> Mdl[Any]:
    return Mdl(hint)
