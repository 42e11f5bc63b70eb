"""``math.solve``: exact answers, so that a model need not guess."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from conduit.blocks import Block, Length, Range, block
from conduit.contracts.errors import InvalidInput, Unavailable
from conduit.tools.maths.parsing import LONGEST, Formula, parse, parse_one
from conduit.tools.maths.workshop import Workshop

What = Literal[
    "evaluate", "simplify", "solve", "differentiate", "integrate", "limit", "factor", "expand"
]
_Formula = Annotated[str, Length(0, LONGEST)]
_MOST_VALUES = 16


@dataclass(frozen=True, slots=True)
class MathProblem:
    """A question of mathematics. Decimals are taken as exact: 0.1 is a tenth."""

    expression: Annotated[
        str, Length(1, LONGEST), "like x^2 - sin(x)/3; to solve: 2x + 1 = 5, several apart by ;"
    ]
    what: Annotated[What, "what to do with it"] = "evaluate"
    variable: Annotated[str, Length(0, 60), "for which; not needed when there is only one"] = ""
    at: Annotated[_Formula, "where a limit is looked for, like 0 or oo"] = ""
    lower: Annotated[_Formula, "of a definite integral"] = ""
    upper: Annotated[_Formula, "of a definite integral"] = ""
    order: Annotated[int, Range(1, 10), "how often to differentiate"] = 1
    values: Annotated[dict[str, float], "of variables, like {x: 0.5}"] = field(default_factory=dict)
    precision: Annotated[int, Range(1, 1000), "digits of numeric values"] = 15
    timeout_s: Annotated[float, Range(0.1, 30)] = 10.0


@dataclass(frozen=True, slots=True)
class MathAnswer:
    """What came out, exactly and, where it is a number, in digits."""

    result: Annotated[str, "exact"]
    latex: Annotated[str, "the same for typesetting"]
    numeric: Annotated[tuple[str, ...], "in digits; for equations one for each solution"] = ()
    steps: Annotated[tuple[str, ...], "what was done, in short"] = ()


def math_blocks(workshop: Workshop) -> tuple[Block[Any, Any], ...]:
    """``math.solve``."""

    @block(
        "math.solve",
        summary="Solve, simplify, evaluate, differentiate or integrate a formula exactly",
    )
    def solve(data: MathProblem) -> MathAnswer:
        answer = workshop.ask(_question(data), data.timeout_s)
        try:
            return MathAnswer(
                result=str(answer["result"]),
                latex=str(answer["latex"]),
                numeric=tuple(map(str, answer["numeric"])),
                steps=tuple(map(str, answer["steps"])),
            )
        except (KeyError, TypeError):
            raise Unavailable("the process for mathematics answered nonsense") from None

    return (solve,)


def _question(data: MathProblem) -> dict[str, Any]:
    formulas = parse(data.expression)
    if len(data.values) > _MOST_VALUES:
        raise InvalidInput(f"there are {len(data.values)} values", where="values")
    return {
        "what": data.what,
        "formulas": [_sides(each) for each in formulas],
        "variable": _names(data),
        "at": parse_one(data.at, "at") if data.at.strip() else None,
        "lower": parse_one(data.lower, "lower") if data.lower.strip() else None,
        "upper": parse_one(data.upper, "upper") if data.upper.strip() else None,
        "order": data.order,
        "values": {_name(name, "values"): _decimal(value) for name, value in data.values.items()},
        "precision": data.precision,
    }


def _sides(formula: Formula) -> list[Any]:
    return [formula.left, formula.right]


def _names(data: MathProblem) -> str:
    """One, or several for equations, apart by commas."""
    names = [_name(each, "variable") for each in data.variable.replace(",", " ").split()]
    if len(names) > 1 and data.what != "solve":
        raise InvalidInput("expected one variable", where="variable")
    return " ".join(names)


def _name(text: str, where: str) -> str:
    tree = parse_one(text, where)
    if tree[0] != "name":
        raise InvalidInput(f"{text[:40]!r} is not a name", where=where, hint="like x")
    return str(tree[1])


def _decimal(value: float) -> str:
    text = repr(value)
    if not text.strip("-").startswith(tuple("0123456789")):
        raise InvalidInput(f"{text} is not a number to calculate with", where="values")
    return text
