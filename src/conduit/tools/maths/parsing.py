"""A formula as text, read into a tree of numbers, names and known functions.

Nothing is evaluated here, and no text ever reaches a parser that could run it. The tree is plain
lists, for a process that knows nothing of us::

    ["number", "1.5"]   ["name", "x"]   ["call", "sin", [tree, …]]   ["+", tree, tree]
    ["-", tree, tree]   ["*", tree, tree]   ["/", tree, tree]   ["^", tree, tree]

Precedence as mathematicians have it: ``-x^2`` is ``-(x^2)``, ``2^3^2`` is ``2^(3^2)``, and ``2x``
is a product as strong as ``2*x``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from conduit.contracts.errors import InvalidInput, TooLarge

LONGEST: Final = 2000
"""Characters of one formula."""
_MOST_TOKENS: Final = 600
_DEEPEST: Final = 60
_MOST_DIGITS: Final = 200
_MOST_ARGUMENTS: Final = 10
_MOST_EQUATIONS: Final = 10

FUNCTIONS: Final = frozenset(
    "abs acos acosh acot arg asin asinh atan atan2 atanh binomial cbrt ceiling conjugate cos cosh "
    "cot coth csc erf exp factorial floor gamma gcd im lcm ln log log10 log2 max min mod re root "
    "sec sign sin sinh sqrt tan tanh zeta".split()
)
_OTHER_NAMES: Final = {
    "Abs": "abs", "ceil": "ceiling", "arcsin": "asin", "arccos": "acos", "arctan": "atan",
    "Max": "max", "Min": "min", "Mod": "mod", "lg": "log10",
}  # fmt: skip
_WRITTEN: Final = str.maketrans(
    {"×": "*", "·": "*", "⋅": "*", "÷": "/", "−": "-", "–": "-", "π": " pi ", "∞": " oo ",
     "²": "^2 ", "³": "^3 ", "[": "(", "]": ")"}
)  # fmt: skip
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3}(?![0-9A-Za-z_]))?)"
    r"|(?P<name>[A-Za-z\u0391-\u03c9][A-Za-z0-9_]*)"
    r"|(?P<sign>\*\*|==|[-+*/^()!,=]))"
)
_STRENGTH: Final = {"+": 10, "-": 10, "*": 20, "/": 20, "^": 40}
_NEGATION: Final = 30

Tree = list[Any]


@dataclass(frozen=True, slots=True)
class Formula:
    """One expression, or the two sides of an equation."""

    left: Tree
    right: Tree | None = None


def parse(text: str) -> tuple[Formula, ...]:
    """The expressions and equations of a text, apart by ``;`` or lines.

    Raises ``InvalidInput`` that says where, and ``TooLarge``.
    """
    if len(text) > LONGEST:
        raise TooLarge(f"it has {len(text)} characters", hint=f"{LONGEST} at most")
    parts = [part for part in re.split(r"[;\n]", text.translate(_WRITTEN)) if part.strip()]
    if not parts:
        raise InvalidInput("there is no formula", hint="like x^2 - 1, or x^2 = 2")
    if len(parts) > _MOST_EQUATIONS:
        raise TooLarge(f"there are {len(parts)} formulas", hint=f"{_MOST_EQUATIONS} at most")
    return tuple(_Parser(part).formula() for part in parts)


def parse_one(text: str, where: str) -> Tree:
    """One expression that is no equation. Raises as ``parse`` does."""
    found = parse(text)
    if len(found) != 1 or found[0].right is not None:
        raise InvalidInput("expected one expression", where=where, hint="without = and ;")
    return found[0].left


class _Parser:
    """Reads one formula, operator by operator (Pratt)."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0

    def formula(self) -> Formula:
        left = self._expression(0)
        right = None
        if self._next() in ("=", "=="):
            self._at += 1
            right = self._expression(0)
        if self._at < len(self._tokens):
            raise self._fault("did not expect")
        return Formula(left, right)

    def _next(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self) -> tuple[str, str, int]:
        if self._at >= len(self._tokens):
            raise InvalidInput(f"it breaks off after {self._text.strip()[-20:]!r}", hint=_HINT)
        self._at += 1
        return self._tokens[self._at - 1]

    def _fault(self, said: str) -> InvalidInput:
        _, text, at = self._tokens[self._at]
        return InvalidInput(f"{said} {text[:20]!r} at character {at + 1}", hint=_HINT)

    def _expression(self, weakest: int) -> Tree:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise TooLarge("it is nested too deeply", hint=f"{_DEEPEST} levels at most")
        tree = self._operand()
        while True:
            sign = self._next()
            sign = "^" if sign == "**" else sign
            if sign == "!":
                self._at += 1
                tree = ["call", "factorial", [tree]]
            elif sign in _STRENGTH and _STRENGTH[sign] > weakest:
                self._at += 1
                # To the right of a power stands all of the next one: 2^3^2 is 2^9.
                tree = [sign, tree, self._expression(_STRENGTH[sign] - (sign == "^"))]
            elif self._begins_a_factor() and _STRENGTH["*"] > weakest:
                tree = ["*", tree, self._expression(_STRENGTH["*"])]
            else:
                self._depth -= 1
                return tree

    def _begins_a_factor(self) -> bool:
        """``2x``, ``2(x + 1)``: a product without a sign. Two numbers side by side are a slip."""
        if self._at >= len(self._tokens):
            return False
        kind, text, _ = self._tokens[self._at]
        return kind == "name" or text == "("

    def _operand(self) -> Tree:
        kind, text, _ = self._take()
        if kind == "number":
            if len(text) > _MOST_DIGITS:
                raise TooLarge(f"a number has {len(text)} digits", hint=f"{_MOST_DIGITS} at most")
            return ["number", text]
        if kind == "name":
            return self._named(text)
        if text == "(":
            tree = self._expression(0)
            self._close()
            return tree
        if text in ("-", "+"):
            tree = self._expression(_NEGATION)
            return ["-", ["number", "0"], tree] if text == "-" else tree
        self._at -= 1
        raise self._fault("did not expect")

    def _named(self, name: str) -> Tree:
        function = _OTHER_NAMES.get(name, name)
        if function not in FUNCTIONS:
            if self._next() == "(" and len(name) > 1 and name not in ("pi", "oo"):
                raise InvalidInput(
                    f"{name[:40]!r} is not a known function",
                    hint=f"the functions are {', '.join(sorted(FUNCTIONS))}",
                )
            if len(name) > 20:
                raise TooLarge(f"the name {name[:20]!r}… is too long", hint="20 letters at most")
            return ["name", name]
        if self._next() != "(":
            raise InvalidInput(f"{name} needs brackets", hint=f"write {name}(x)")
        self._at += 1
        arguments = [self._expression(0)]
        while self._next() == ",":
            self._at += 1
            arguments.append(self._expression(0))
        if len(arguments) > _MOST_ARGUMENTS:
            raise TooLarge(f"{name} has {len(arguments)} arguments")
        self._close()
        return ["call", function, arguments]

    def _close(self) -> None:
        if self._take()[1] != ")":
            self._at -= 1
            raise self._fault("expected ')' in place of")


_HINT: Final = "like 2*x^2 - sin(x)/3; equations with one =, apart by ;"


def _tokens(text: str) -> list[tuple[str, str, int]]:
    """Kind, text and place of each."""
    found: list[tuple[str, str, int]] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            odd = text[at:].strip()[:1]
            raise InvalidInput(f"{odd!r} is not part of a formula", hint=_HINT)
        kind = str(match.lastgroup)
        found.append((kind, match[kind], match.start(kind)))
        at = match.end()
        if len(found) > _MOST_TOKENS:
            raise TooLarge("it is too long", hint=f"{_MOST_TOKENS} numbers, names and signs")
    return found
