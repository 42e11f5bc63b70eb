"""The process that works formulas out: trees in, texts out, a line of JSON each.

It is started as a bare program, with limits set before anything else, and imports sympy once. It is
handed trees that ``parsing`` made, never text; so nothing here parses or evaluates any.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
from typing import Any

_MEMORY = 768 << 20
_IDLE_S = 300
_MOST_BITS = 200_000
_LARGEST_EXPONENT = 100_000
_LARGEST_FACTORIAL = 5000
_LONGEST_RESULT = 20_000
_CONSTANTS = {"pi": "pi", "e": "E", "E": "E", "i": "I", "I": "I", "oo": "oo", "inf": "oo"}


class Refused(Exception):
    """It would be too large, or has no answer; the words are for whoever asked."""


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    sys.set_int_max_str_digits(0)
    sys.setrecursionlimit(3000)
    os.nice(5)
    import sympy  # type: ignore[import-untyped]  # noqa: F401 - half a second, before any question

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    requests = sys.stdin.buffer
    while select.select([requests], [], [], _IDLE_S)[0]:
        line = requests.readline()
        if not line:
            return
        asked = json.loads(line)
        signal.alarm(int(asked["seconds"]) + 3)  # though nobody were left to stop us
        said: dict[str, Any]
        try:
            said = {"answer": answer(asked)}
        except Refused as error:
            said = {"refused": str(error)}
        except MemoryError:
            said = {"refused": "it needs too much memory"}
        except RecursionError:
            said = {"refused": "it is nested too deeply to be worked out"}
        except Exception as error:  # whatever sympy raises for what it cannot do
            said = {"refused": f"no answer was found ({type(error).__name__}: {str(error)[:200]})"}
        signal.alarm(0)
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    import sympy

    builder = _Builder(sympy, asked["values"])
    formulas = [
        (builder.tree(left), None if right is None else builder.tree(right))
        for left, right in asked["formulas"]
    ]
    work = {
        "solve": _solve,
        "simplify": _simplify,
        "evaluate": _evaluate,
        "differentiate": _differentiate,
        "integrate": _integrate,
        "limit": _limit,
        "factor": _factor,
        "expand": _expand,
    }[asked["what"]]
    if asked["what"] != "solve" and (len(formulas) != 1 or formulas[0][1] is not None):
        raise Refused("equations can only be solved; otherwise give one expression")
    result, numeric, steps = work(sympy, builder, formulas, asked)
    text, latex = _text(result), sympy.latex(result)
    if len(text) > _LONGEST_RESULT or len(latex) > 2 * _LONGEST_RESULT:
        raise Refused(f"the result has {len(text)} characters: ask for less of it")
    return {"result": text, "latex": latex, "numeric": numeric, "steps": steps}


def _text(result: Any) -> str:
    if isinstance(result, list):
        return ", ".join(map(_text, result)) or "no solution"
    if isinstance(result, dict):
        return ", ".join(f"{name} = {value}" for name, value in result.items())
    return str(result)


class _Builder:
    """Trees into sympy's own, each power and factorial looked at before it is worked out."""

    def __init__(self, sympy: Any, values: dict[str, str]) -> None:
        self._sympy = sympy
        self._values = {name: sympy.Rational(text) for name, text in values.items()}
        self.names: dict[str, Any] = {}

    def symbol(self, name: str) -> Any:
        return self.names.setdefault(name, self._sympy.Symbol(name))

    def tree(self, tree: list[Any]) -> Any:
        kind, *parts = tree
        if kind == "number":
            return self._sympy.Rational(parts[0])
        if kind == "name":
            return self._named(parts[0])
        if kind == "call":
            return self._called(parts[0], [self.tree(each) for each in parts[1]])
        left, right = (self.tree(each) for each in parts)
        if kind == "^":
            return self._power(left, right)
        if kind == "/":
            if right == 0:
                raise Refused("it divides by zero")
            return left / right
        return {"+": left.__add__, "-": left.__sub__, "*": left.__mul__}[kind](right)

    def _named(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        constant = _CONSTANTS.get(name)
        return getattr(self._sympy, constant) if constant else self.symbol(name)

    def _power(self, base: Any, exponent: Any) -> Any:
        if exponent.is_Rational and abs(exponent) > _LARGEST_EXPONENT and base not in (0, 1, -1):
            raise Refused(f"an exponent is beyond {_LARGEST_EXPONENT}")
        if base.is_Rational and exponent.is_Rational:
            bits = max(abs(base.p).bit_length(), base.q.bit_length())
            if bits * abs(exponent) > _MOST_BITS and base not in (0, 1, -1):
                raise Refused("a power has too many digits to be written out")
            if base == 0 and exponent < 0:
                raise Refused("it divides by zero")
        elif exponent.is_number and exponent.has(self._sympy.Pow, self._sympy.exp):
            size = abs(self._sympy.N(exponent, 5))
            if size.is_Float and size > _LARGEST_EXPONENT:
                raise Refused(f"an exponent is beyond {_LARGEST_EXPONENT}")
        return base**exponent

    def _called(self, name: str, arguments: list[Any]) -> Any:
        sympy = self._sympy
        if name in ("factorial", "gamma", "binomial"):
            for each in arguments:
                if each.is_number and abs(sympy.N(each, 5)) > _LARGEST_FACTORIAL:
                    raise Refused(f"{name} is worked out up to {_LARGEST_FACTORIAL}")
        one, two = (1, 1), (2, 2)
        functions: dict[str, tuple[Any, tuple[int, int]]] = {
            "abs": (sympy.Abs, one),
            "atan2": (sympy.atan2, two),
            "binomial": (sympy.binomial, two),
            "cbrt": (sympy.cbrt, one),
            "gcd": (sympy.gcd, two),
            "lcm": (sympy.lcm, two),
            "ln": (sympy.log, one),
            "log": (sympy.log, (1, 2)),
            "log10": (lambda x: sympy.log(x, 10), one),
            "log2": (lambda x: sympy.log(x, 2), one),
            "max": (sympy.Max, (1, 10)),
            "min": (sympy.Min, (1, 10)),
            "mod": (sympy.Mod, two),
            "root": (sympy.root, two),
        }
        function, (least, most) = functions.get(name) or (getattr(sympy, name), one)
        if not least <= len(arguments) <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            raise Refused(f"{name} takes {wanted} arguments, not {len(arguments)}")
        if name == "mod" and arguments[1] == 0:
            raise Refused("it divides by zero")
        return function(*arguments)

    def variable(self, name: str, *where: Any) -> Any:
        """The one that was named, or the only one there is."""
        if name:
            return self.symbol(name)
        there = sorted(set().union(*(each.free_symbols for each in where)), key=str)
        if len(there) == 1:
            return there[0]
        if not there:
            return self.symbol("x")
        raise Refused(f"say for which variable: {', '.join(map(str, there))}")


def _numeric(sympy: Any, value: Any, precision: int) -> list[str]:
    """The number, when it is one."""
    if not getattr(value, "is_number", False):
        return []
    found = sympy.N(value, precision)
    return [str(found)] if found.is_number else []


def _one(work: str) -> Any:
    def done(sympy: Any, builder: _Builder, formulas: Any, asked: dict[str, Any]) -> Any:
        given = formulas[0][0]
        result = getattr(sympy, work)(given)
        return result, _numeric(sympy, result, asked["precision"]), [f"{work} {_short(given)}"]

    return done


_simplify, _factor, _expand = _one("simplify"), _one("factor"), _one("expand")


def _evaluate(sympy: Any, builder: _Builder, formulas: Any, asked: dict[str, Any]) -> Any:
    given = formulas[0][0]
    if given.free_symbols:
        names = ", ".join(sorted(map(str, given.free_symbols)))
        raise Refused(f"to be a number it needs values for {names}")
    if given.has(sympy.nan, sympy.zoo):
        raise Refused("it has no value: something is divided by zero")
    return given, _numeric(sympy, given, asked["precision"]), [f"worked out {_short(given)}"]


def _differentiate(sympy: Any, builder: _Builder, formulas: Any, asked: dict[str, Any]) -> Any:
    given = formulas[0][0]
    x = builder.variable(asked["variable"], given)
    plain = sympy.diff(given, x, asked["order"])
    result = sympy.simplify(plain)
    steps = [f"derivative by {x}: {_short(plain)}", f"simplified: {_short(result)}"]
    return result, _numeric(sympy, result, asked["precision"]), steps


def _integrate(sympy: Any, builder: _Builder, formulas: Any, asked: dict[str, Any]) -> Any:
    given = formulas[0][0]
    x = builder.variable(asked["variable"], given)
    steps = []
    if asked["lower"] is None or asked["upper"] is None:
        result = sympy.integrate(given, x)
        steps.append(f"antiderivative by {x}, without its constant: {_short(result)}")
        numeric = []
    else:
        ends = builder.tree(asked["lower"]), builder.tree(asked["upper"])
        result = sympy.integrate(given, (x, *ends))
        steps.append(f"integral over {x} from {ends[0]} to {ends[1]}")
        numeric = _numeric(sympy, result, asked["precision"])
    if result.has(sympy.Integral) and not numeric:
        raise Refused("no antiderivative was found among the known functions")
    return result, numeric, steps


def _limit(sympy: Any, builder: _Builder, formulas: Any, asked: dict[str, Any]) -> Any:
    given = formulas[0][0]
    x = builder.variable(asked["variable"], given)
    if asked["at"] is None:
        raise Refused("say where: `at` is missing")
    at = builder.tree(asked["at"])
    result = sympy.limit(given, x, at, "+-" if at.is_finite else "+")
    if result.has(sympy.zoo, sympy.nan):
        raise Refused(f"it has no limit there: around {at} it grows without bound, or not to one")
    return result, _numeric(sympy, result, asked["precision"]), [f"{x} goes to {at}"]


def _solve(sympy: Any, builder: _Builder, formulas: Any, asked: dict[str, Any]) -> Any:
    sides = [left if right is None else left - right for left, right in formulas]
    if asked["variable"]:
        wanted = [builder.symbol(each) for each in asked["variable"].replace(",", " ").split()]
    else:
        wanted = sorted(set().union(*(each.free_symbols for each in sides)), key=str)
    steps = [f"{_short(each)} = 0" for each in sides]
    if not wanted:
        truth = all(sympy.simplify(each) == 0 for each in sides)
        return sympy.true if truth else sympy.false, [], steps
    if len(wanted) == 1 and len(sides) == 1:
        if sympy.simplify(sides[0]) == 0:
            return sympy.true, [], [*steps, f"true for every {wanted[0]}"]
        found = sympy.solve(sides[0], wanted[0])
        steps.append(f"solved for {wanted[0]}")
        numeric = [n for each in found for n in _numeric(sympy, each, asked["precision"])]
        return [{wanted[0]: each} for each in found], numeric, steps
    found = sympy.solve(sides, wanted, dict=True)
    steps.append(f"solved for {', '.join(map(str, wanted))}")
    values = [value for each in found for value in each.values()]
    numeric = [n for each in values for n in _numeric(sympy, each, asked["precision"])]
    return found, numeric, steps


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:199]}…"


if __name__ == "__main__":
    main()
