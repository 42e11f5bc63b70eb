"""Blocks side by side: all of them, one of them, or one for each item.

``parallel`` gives the same input to several blocks and joins what they make in one dataclass;
``branch`` and ``by_type`` choose one; ``map_each`` runs one block for every item of a ``Batch``;
``collect`` ends a stream of outputs with a ``Batch``.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar, cast, overload

from conduit.blocks import flow
from conduit.blocks.block import Block, I, O, Part
from conduit.blocks.check import predicate_of
from conduit.blocks.edge import edge_of, fits, no_block
from conduit.blocks.effects import Effects, Need
from conduit.blocks.hints import class_of, field_hints, spell_hint
from conduit.contracts.errors import ConfigError, TooLarge, WiringError

# Covariant, because what is joined is frozen: a Batch[Kick] is a Batch[Drum].
A = TypeVar("A", covariant=True)
B = TypeVar("B", covariant=True)
C = TypeVar("C", covariant=True)
T = TypeVar("T", covariant=True)
D = TypeVar("D")
X = TypeVar("X")
Y = TypeVar("Y")


@dataclass(frozen=True, slots=True)
class Both(Generic[A, B]):
    """What two blocks made of one input."""

    first: A
    second: B


@dataclass(frozen=True, slots=True)
class Three(Generic[A, B, C]):
    """What three blocks made of one input."""

    first: A
    second: B
    third: C


@dataclass(frozen=True, slots=True)
class Batch(Generic[T]):
    """Several of one kind, in order."""

    items: tuple[T, ...]


class Composite(Block[I, O]):
    """A block made of other blocks: it needs what they need and does what they do."""

    def _of(self, parts: Sequence[Part]) -> None:
        require_blocks([part.block for part in parts], self.word)
        self._parts = tuple(parts)
        self.effects = functools.reduce(Effects.__or__, (p.block.effects for p in parts))
        for part in parts:
            if part.block.many:
                raise WiringError(
                    f"{part.block.label} makes a stream, and one output is needed here",
                    step=self.label,
                    made=f"a stream of {part.block.output_edge.name}",
                    wanted=part.block.output_edge.name,
                    hint="put `>> collect(...)` after it",
                )

    @property
    def label(self) -> str:
        return self.name or f"{self.word}({', '.join(p.block.label for p in self._parts)})"

    word: ClassVar[str] = ""
    """What it is called when it has no name."""

    @property
    def parts(self) -> tuple[Part, ...]:
        return self._parts

    @property
    def needs(self) -> frozenset[Need]:
        return super().needs.union(*(part.block.needs for part in self._parts))


class Planned(Composite[I, O]):
    """A composite whose work is one plan, carried out in whatever form it is called."""

    def plan(self, data: I) -> flow.Plan:
        """What to do with a checked input; returns the output. For each composite to write."""
        raise NotImplementedError

    @functools.cached_property
    def streams(self) -> bool:
        return any(part.block.streams for part in self._parts)

    @functools.cached_property
    def plain(self) -> bool:
        return all(part.block.plain for part in self._parts)

    def __call__(self, data: I) -> O:
        if not self.plain:
            return flow.complete(self.label, self.acall, data)
        self.check_input(data)
        return self.check_output(flow.run(self.plan(data)))

    async def acall(self, data: I) -> O:
        self.check_input(data)
        return self.check_output(await flow.arun(self.plan(data)))

    def astream(self, data: I) -> AsyncGenerator[Any, None]:
        return flow.told(self.items(data))

    async def items(self, data: I) -> AsyncGenerator[Any, None]:
        self.check_input(data)
        async with aclosing(flow.astream(self.plan(data))) as items:
            async for item in items:
                if isinstance(item, flow.Made):
                    self.check_output(item.value)
                yield item


class Parallel(Composite[I, O]):
    """See :func:`parallel`."""

    kind = "parallel"
    word = "parallel"

    def __init__(self, into: Any, branches: dict[str, Block[Any, Any]]) -> None:
        self._of([Part(block, field) for field, block in branches.items()])
        self.input_type = _common_input(list(branches.values()), self.label)
        self.output_type = into
        self._into = _one_dataclass(into, self.label)
        _require_fields(into, branches, self.label)

    async def forward(self, data: I) -> Any:
        made = await flow.together(
            flow.beside(part.block, data, place, f"{self.label}, {part.caption}")
            for place, part in enumerate(self._parts)
        )
        fields = (part.caption for part in self._parts)
        return self._into(**dict(zip(fields, made, strict=True)))


@overload
def parallel(first: Block[I, A], second: Block[I, B], /) -> Block[I, Both[A, B]]: ...
@overload
def parallel(
    first: Block[I, A], second: Block[I, B], third: Block[I, C], /
) -> Block[I, Three[A, B, C]]: ...
@overload
def parallel(*, into: type[T], **fields: Block[I, Any]) -> Block[I, T]: ...


def parallel(
    *blocks: Block[Any, Any], into: Any = None, **fields: Block[Any, Any]
) -> Block[Any, Any]:
    """Give one input to several blocks at once, and join what they make.

    ``parallel(a, b)`` makes ``Both(first, second)``, with a third block ``Three``.
    ``parallel(into=Report, tempo=a, key=b)`` makes ``Report(tempo=…, key=…)``: the names are the
    fields, and the type of each is checked now. Plain blocks run in threads; the first failure
    cancels the others. Raises ``WiringError``.
    """
    if blocks and not fields and into is None and len(blocks) in (2, 3):
        require_blocks(blocks, "parallel")
        joined: Any = Both if len(blocks) == 2 else Three
        into = joined[tuple(block.output_type for block in blocks)]
        return Parallel(into, dict(zip(("first", "second", "third"), blocks, strict=False)))
    if blocks or not fields or into is None:
        raise ConfigError(
            "two or three blocks, or a dataclass and a block for each of its fields, are needed",
            where="parallel",
            hint="parallel(a, b), or parallel(into=Report, tempo=a, key=b)",
        )
    return Parallel(into, fields)


class Branch(Planned[I, O]):
    """See :func:`branch`."""

    kind = "choice"
    word = "branch"

    def __init__(
        self, when: Callable[[Any], bool], then: Block[Any, Any], otherwise: Block[Any, Any] | None
    ) -> None:
        name = getattr(when, "__name__", "condition")
        chosen = "if" if name == "<lambda>" else f"if {name}"
        parts = [Part(then, chosen)] + ([Part(otherwise, "else")] if otherwise else [])
        self._of(parts)
        flow.require_condition(when, self.label)
        self._when, self._then, self._otherwise = when, then, otherwise
        self.inline = all(part.block.inline for part in parts)
        self.input_type = _common_input([part.block for part in parts], self.label)
        other = otherwise.output_type if otherwise else self.input_type
        self.output_type = _union(then.output_type, other)

    def plan(self, data: I) -> flow.Plan:
        place = 0 if self._when(data) else 1
        chosen = self._otherwise if place else self._then
        return data if chosen is None else (yield flow.Run(chosen, data, place))


@overload
def branch(when: Callable[[I], bool], then: Block[I, A]) -> Block[I, A | I]: ...
@overload
def branch(
    when: Callable[[I], bool], then: Block[I, A], otherwise: Block[I, B]
) -> Block[I, A | B]: ...


def branch(
    when: Callable[[Any], bool],
    then: Block[Any, Any],
    otherwise: Block[Any, Any] | None = None,
) -> Block[Any, Any]:
    """Run ``then`` where ``when(input)`` is true, ``otherwise`` where it is not; without one the
    input passes as it is. The output is the union of both. Raises ``WiringError``."""
    return Branch(when, then, otherwise)


class ByType(Planned[I, O]):
    """See :func:`by_type`."""

    kind = "choice"
    word = "by_type"

    def __init__(self, blocks: Sequence[Block[Any, Any]]) -> None:
        self._of([Part(block, block.input_edge.name) for block in blocks])
        self.input_type = _union(*(block.input_type for block in blocks))
        self.output_type = _union(*(block.output_type for block in blocks))
        self.inline = all(block.inline for block in blocks)

    def plan(self, data: I) -> flow.Plan:
        takers = [
            (place, part.block)
            for place, part in enumerate(self._parts)
            if isinstance(data, part.block.input_edge.classes)
        ]
        if len(takers) > 1:  # Page[Item] and Page[Other] are of one class
            takers = [each for each in takers if predicate_of(each[1].input_type)(data)]
        if takers:
            place, block = takers[0]
            return (yield flow.Run(block, data, place))
        raise self.mismatch(self.input_edge, data, "input")


@overload
def by_type(first: Block[A, X], second: Block[B, Y], /) -> Block[A | B, X | Y]: ...
@overload
def by_type(
    first: Block[A, X], second: Block[B, Y], third: Block[C, D], /
) -> Block[A | B | C, X | Y | D]: ...


def by_type(*blocks: Block[Any, Any]) -> Block[Any, Any]:
    """Run the first of several blocks that takes what came: the way to take a union apart.

    Raises ``ConfigError`` for one that is never reached.
    """
    require_blocks(blocks, "by_type")
    if len(blocks) < 2:
        raise ConfigError("at least two blocks are needed", where="by_type")
    for at, block in enumerate(blocks):
        for before in blocks[:at]:
            if fits(block.input_edge, before.input_edge):
                raise ConfigError(
                    f"{block.label} is never reached: {before.label} takes all that it takes",
                    where="by_type",
                    hint="put the one with the narrower input first",
                )
    return ByType(blocks)


class MapEach(Composite[I, O]):
    """See :func:`map_each`."""

    kind = "around"
    word = "map_each"

    def __init__(self, block: Block[Any, Any], at_once: int) -> None:
        if at_once < 1:
            raise ConfigError(f"at_once must be at least 1, not {at_once}", where="map_each")
        self._of([Part(block, f"for each, {at_once} at once")])
        self._block, self._at_once = block, at_once
        batch: Any = Batch  # of types that are known at run time only
        self.input_type = batch[block.input_type]
        self.output_type = batch[block.output_type]

    async def forward(self, data: Any) -> Any:
        made: list[Any] = [None] * len(data.items)
        waiting = iter(enumerate(data.items))

        async def work() -> None:
            for at, item in waiting:  # shared: each item is taken once
                made[at] = await flow.beside(self._block, item, 0, f"{self.label}, item {at}")

        await flow.together(work() for _ in range(min(self._at_once, len(made))))
        return Batch(tuple(made))


def map_each(block: Block[A, B], *, at_once: int = 8) -> Block[Batch[A], Batch[B]]:
    """Run a block for every item of a batch, at most ``at_once`` at the same time; the order stays.

    The first failure cancels the rest. For rows of a file or a table, and for failures as values,
    there is ``block.map(rows)``.
    """
    return MapEach(block, at_once)


class Collect(Block[I, O]):
    """See :func:`collect`."""

    gathers = True
    inline = True

    def __init__(self, kind: Any, at_most: int) -> None:
        self.name = ""
        self.input_type = kind
        self.output_type = Batch[kind]
        self._at_most = at_most

    @property
    def label(self) -> str:
        return f"collect {spell_hint(self.input_type)}"

    def forward(self, data: Any) -> Any:
        return Batch((data,))

    async def gather(self, above: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
        """A stream that ends with one batch; events pass by."""
        found: list[Any] = []
        async with aclosing(above):
            async for item in above:
                if not isinstance(item, flow.Made):
                    yield item
                    continue
                if len(found) == self._at_most:
                    raise TooLarge(
                        f"the stream has more than {self._at_most} outputs",
                        where=self.label,
                        hint="collect(..., at_most=…) takes more",
                    )
                found.append(item.value)
        yield flow.Made(self.check_output(Batch(tuple(found))))


def collect(kind: type[T], *, at_most: int = 100_000) -> Block[T, Batch[T]]:
    """End a stream of outputs with one batch of them. Raises ``TooLarge`` at run time."""
    return cast("Block[T, Batch[T]]", Collect(kind, at_most))


def require_blocks(given: Iterable[object], where: str) -> None:
    """Raise ``ConfigError`` for what is no block."""
    for each in given:
        if not isinstance(each, Block):
            raise no_block(each, where)


def _union(*hints: Any) -> Any:
    return functools.reduce(operator.or_, hints)


def _common_input(blocks: Sequence[Block[Any, Any]], where: str) -> Any:
    """The input that all of several blocks take: the narrowest of theirs."""
    for candidate in blocks:
        if all(fits(candidate.input_edge, other.input_edge) for other in blocks):
            return candidate.input_type
    names = sorted({block.input_edge.name for block in blocks})
    raise WiringError(
        f"the blocks take different inputs: {', '.join(names)}",
        step=where,
        made=names[0],
        wanted=names[-1],
        hint="give all of them the same input, or choose with by_type()",
    )


def _one_dataclass(into: Any, where: str) -> type:
    classes = edge_of(into, where).classes
    if len(classes) == 1:
        return classes[0]
    raise ConfigError(
        f"{spell_hint(into)} is more than one dataclass", where=where, hint="into=Report"
    )


def _require_fields(into: Any, branches: dict[str, Block[Any, Any]], where: str) -> None:
    """Every field has a block that makes its type, unless it has a default."""
    hints = field_hints(into)
    fields = {
        field.name: field for field in dataclasses.fields(class_of(into) or into) if field.init
    }
    for name, block in branches.items():
        if name not in fields:
            raise ConfigError(
                f"{spell_hint(into)} has no field {name!r}",
                where=where,
                hint=f"its fields are {', '.join(fields)}",
            )
        wanted = edge_of(hints[name], f"{where}, field {name}")
        if not fits(block.output_edge, wanted):
            raise WiringError(
                f"field {name!r} of {spell_hint(into)} takes {wanted.name}, but {block.label} "
                f"makes {block.output_edge.name}",
                step=block.label,
                made=block.output_edge.name,
                wanted=wanted.name,
            )
    missing = [
        name
        for name, field in fields.items()
        if name not in branches
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ConfigError(
            f"nothing makes the field {missing[0]!r} of {spell_hint(into)}",
            where=where,
            hint=f"parallel(into={spell_hint(into)}, …, {missing[0]}=some_block)",
        )
