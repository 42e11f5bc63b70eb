"""Mathematics: exact, bounded, and never evaluated as text."""

from __future__ import annotations

import contextlib
import math
import os
import re
import resource
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conduit.blocks import Catalog, Gate
from conduit.contracts.call import LOCAL_OWNER
from conduit.contracts.errors import ConduitError, InvalidInput, TimedOut, TooLarge
from conduit.tools.maths.blocks import MathAnswer, math_blocks
from conduit.tools.maths.parsing import parse
from conduit.tools.maths.workshop import Workshop

SLOW_MACHINE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def gate() -> Iterator[Gate]:
    workshop = Workshop()
    yield Gate(Catalog(math_blocks(workshop)), new_id=lambda: "id")
    workshop.close()


def solve(gate: Gate, expression: str, what: str = "evaluate", **more: Any) -> MathAnswer:
    data = {"expression": expression, "what": what, "timeout_s": 20.0, **more}
    answer = gate.call("math.solve", data, LOCAL_OWNER)
    assert isinstance(answer, MathAnswer)
    return answer


@pytest.mark.parametrize(
    ("expression", "what", "more", "result"),
    [
        ("0.1 + 0.2", "evaluate", {}, "3/10"),
        ("-2^2", "evaluate", {}, "-4"),
        ("2^3^2", "evaluate", {}, "512"),
        ("2**-1", "evaluate", {}, "1/2"),
        ("5! / 3!", "evaluate", {}, "20"),
        ("2(3 + 4)", "evaluate", {}, "14"),
        ("x²", "evaluate", {"values": {"x": 1.5}}, "9/4"),
        ("log(8, 2) + ln(e)", "evaluate", {}, "4"),
        ("gcd(12, 18) + mod(7, 4)", "evaluate", {}, "9"),
        ("sin(x)^2 + cos(x)^2", "simplify", {}, "1"),
        ("x^2 = 2", "solve", {}, "x = -sqrt(2), x = sqrt(2)"),
        ("x + y = 3; x - y = 1", "solve", {}, "x = 2, y = 1"),
        ("a*x = b", "solve", {"variable": "x"}, "x = b/a"),
        ("x = x + 1", "solve", {}, "False"),
        ("x^2 - 1", "factor", {}, "(x - 1)*(x + 1)"),
        ("(x + 1)^2", "expand", {}, "x**2 + 2*x + 1"),
        ("x^3", "differentiate", {"order": 2}, "6*x"),
        ("x*y", "differentiate", {"variable": "y"}, "x"),
        ("exp(-x^2)", "integrate", {"lower": "-oo", "upper": "oo"}, "sqrt(pi)"),
        ("x", "integrate", {"lower": "0", "upper": "a", "variable": "x"}, "a**2/2"),
        ("sin(x)/x", "limit", {"at": "0"}, "1"),
        ("(1 + 1/x)^x", "limit", {"at": "∞"}, "E"),
    ],
)
def test_what_is_known(
    gate: Gate, expression: str, what: str, more: dict[str, Any], result: str
) -> None:
    assert solve(gate, expression, what, **more).result == result


def test_digits_as_many_as_asked(gate: Gate) -> None:
    pi = "3.1415926535897932384626433832795028841971693993751"
    answer = solve(gate, "pi", precision=50)
    assert (answer.result, answer.numeric, answer.latex) == ("pi", (pi,), r"\pi")


def numbers() -> st.SearchStrategy[str]:
    return st.integers(0, 999).map(str) | st.decimals(0, 99, places=2).map(str)


EXPRESSIONS = st.recursive(
    numbers(),
    lambda inside: st.one_of(
        st.tuples(inside, st.sampled_from("+-*/"), inside).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inside, st.integers(0, 3)).map(lambda t: f"{t[0]}**{t[1]}"),
        inside.map(lambda each: f"(-{each})"),
    ),
    max_leaves=8,
)


def by_python(expression: str) -> Fraction:
    code = re.sub(r"(?<!\*\*)(?<![\d.])(\d+(?:\.\d+)?)", r"Fraction('\1')", expression)
    return Fraction(eval(code, {"Fraction": Fraction}))  # of digits, made above


@given(EXPRESSIONS)
@SLOW_MACHINE
def test_it_agrees_with_python(gate: Gate, expression: str) -> None:
    try:
        expected = by_python(expression)
    except ZeroDivisionError:
        with pytest.raises(InvalidInput, match="zero"):
            solve(gate, expression)
        return
    assert Fraction(solve(gate, expression).result) == expected


@given(st.text(max_size=60) | st.text("x1.+-*/^()!=,; sincoe", max_size=60))
@settings(max_examples=500, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read: object = parse(text)
    except InvalidInput as error:
        read = error.message
    assert read


@given(st.text("x12.+-*/^()! ", min_size=1, max_size=16))
@SLOW_MACHINE
def test_whatever_is_asked_is_answered_or_refused(gate: Gate, text: str) -> None:
    try:
        said = solve(gate, text, "simplify", timeout_s=5.0).result
    except (InvalidInput, TimedOut) as error:
        said = error.message
    assert said


INTEGRANDS = ["x^2 + 3x", "sin(x) + cos(2x)", "x*exp(x)", "1/(1 + x^2)", "log(x)", "sqrt(x)", "1/x"]


@pytest.mark.parametrize("integrand", INTEGRANDS)
def test_the_derivative_of_an_integral_is_the_integrand(gate: Gate, integrand: str) -> None:
    antiderivative = solve(gate, integrand, "integrate").result
    again = solve(gate, antiderivative, "differentiate").result
    for x in (0.5, 1.25, 3.0):
        here, there = (
            float(solve(gate, text, values={"x": x}).numeric[0]) for text in (integrand, again)
        )
        assert math.isclose(here, there, rel_tol=1e-9)


@pytest.mark.parametrize(
    "expression",
    [
        "9**9**9", "9^9^9^9^9", "2^(10^9)", "(10^10)!", "5!!!", "factorial(10^9)", "gamma(10^12)",
        "binomial(10^9, 10^8)", "((1e300)^1000)^1000", "10^100000", "9" * 300, "1e999 * 9^9^9",
        "(" * 500, "(" * 59 + "1" + ")" * 59 + "!" * 500, "-" * 500 + "1", "x" * 30, "1/0", "0/0",
        "log(0)", "tan(pi/2)", "mod(1, 0)", "0^(-1)", "oo - oo", "sin()", "sin(1, 2)", "sin",
        "foo(1)", "2 2", "1 +", "+", ")", "=", "1 = 1 = 1", ";", "x", "1 = 2", "1.2.3", "1e5000",
        "__import__('os').system('id')", "x.__class__", "lambda: 1", "open(1)", "eval(1)",
        "'a'", "\"a\"", "{1}", "`id`", "x; y", "\0", "\ud800", "\uff11", "1 if 1 else 2", "x := 1",
    ],
)  # fmt: skip
def test_what_is_hostile_is_refused_at_once(gate: Gate, expression: str) -> None:
    with pytest.raises((InvalidInput, TooLarge)) as refused:
        solve(gate, expression)
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("exp(exp(exp(100)))", "evaluate"),
        ("(a + b + c + d + f + g)^60", "expand"),
        ("9^9^(x^9)^9 + (x + 1)^90000", "expand"),
    ],
)
def test_what_takes_for_ever_is_ended(gate: Gate, expression: str, what: str) -> None:
    """And the next question is answered by somebody else."""
    with pytest.raises((TimedOut, InvalidInput)):
        solve(gate, expression, what, timeout_s=1.0)
    assert solve(gate, "1 + 1").result == "2"


@pytest.mark.parametrize("field", ["at", "lower", "upper", "variable"])
def test_the_other_fields_are_no_way_in(gate: Gate, field: str) -> None:
    what = "limit" if field == "at" else "integrate"
    for text in ("__import__('os')", "9**9**9; 1", "x = 1", "1 +"):
        more = {"lower": "0", "upper": "1", field: text}
        with pytest.raises(ConduitError):
            solve(gate, "x", what, **more)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_are_numbers(gate: Gate, value: float) -> None:
    with pytest.raises(InvalidInput):
        solve(gate, "x", values={"x": value})
    with pytest.raises(InvalidInput):
        solve(gate, "x", values={"x; y": 1.0})


def test_many_at_once_are_all_answered(gate: Gate) -> None:
    """By the two processes there are."""
    found: list[str] = []

    def ask(n: int) -> None:
        found.append(solve(gate, f"{n}^2").result)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(found, key=int) == [str(n * n) for n in range(12)]


def test_a_host_with_many_files_open_is_answered() -> None:
    """Numbers above 1023 are none that ``select`` knows."""
    was = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as held:
        resource.setrlimit(resource.RLIMIT_NOFILE, (was[1], was[1]))
        held.callback(resource.setrlimit, resource.RLIMIT_NOFILE, was)
        for _ in range(1100):
            held.enter_context(open(os.devnull))
        workshop = Workshop()
        held.callback(workshop.close)
        gate = Gate(Catalog(math_blocks(workshop)), new_id=lambda: "id")
        assert solve(gate, "1 + 1").result == "2"


def test_a_process_that_died_is_replaced() -> None:
    workshop = Workshop()
    gate = Gate(Catalog(math_blocks(workshop)), new_id=lambda: "id")
    assert solve(gate, "1 + 1").result == "2"
    (worker,) = workshop._idle
    worker.kill()
    worker.wait()
    assert solve(gate, "1 + 2").result == "3"
    workshop.close()
    deadline = time.monotonic() + 10
    while worker.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not workshop._idle
