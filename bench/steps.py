"""What a typed step costs: ten trivial steps on a dataclass of two fields, all in one run.

Ours in every form and at every depth of checks, and whatever else is installed (`pip install
pydantic msgspec beartype langchain-core haystack-ai sf-hamilton pydantic-graph`); a peer that is
not there says so. CPU time, best of several rounds, so that a busy machine matters little.

    python bench/steps.py [--rounds 9]
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import importlib
import itertools
import operator
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from conduit.blocks import Block, Checks, Pipeline, block, trace

STEPS = 10
TARGET_US = 1.0
TARGET_OF_LANGCHAIN = 1 / 50

Call = Callable[[], Any]


@dataclass
class Num:
    value: int
    label: str


@dataclass
class Sheet:
    title: str
    numbers: list[int] = field(default_factory=list)
    parts: list[Num] = field(default_factory=list)


def add_one(data: Num) -> Num:
    return Num(data.value + 1, data.label)


def same_sheet(data: Sheet) -> Sheet:
    return data


PLAIN = [add_one] * STEPS
START = Num(0, "a")
Step = Block[Num, Num]


def _steps(count: int = STEPS) -> list[Step]:
    wrap = block("bench.add", summary="Add one", inline=True)
    return [wrap(add_one) for _ in range(count)]


def _line(steps: list[Any]) -> Pipeline[Any, Any]:
    line: Pipeline[Any, Any] = functools.reduce(operator.rshift, steps)
    return line


def _chained(steps: list[Any]) -> Call:
    def call() -> Any:
        data = START
        for step in steps:
            data = step(data)
        return data

    return call


# Ours


def our_blocks() -> Call:
    return _chained(_steps())


def our_pipeline(checks: Checks) -> Call:
    line = _line(_steps()).checked(checks)
    return lambda: line(START)


def our_traced() -> Call:
    line = _line(_steps())

    def call() -> Any:
        with trace():
            return line(START)

    return call


def our_awaited(batch: int = 100) -> tuple[Call, int]:
    """Awaited many times in one loop: what a server pays, not the start of a loop."""
    line = _line(_steps())

    async def many() -> Any:
        for _ in range(batch):
            made = await line.acall(START)
        return made

    loop = asyncio.new_event_loop()
    return lambda: loop.run_until_complete(many()), batch


# Peers


def pydantic() -> Call:
    """Checks the fields of instances on both sides, as we do."""
    from pydantic import ConfigDict, TypeAdapter

    config = ConfigDict(revalidate_instances="always", strict=True)
    checked = dataclass(type("Num", (Num,), {"__pydantic_config__": config}))
    valid = TypeAdapter(checked).validate_python

    def call() -> Any:
        data = checked(0, "a")
        for _ in range(STEPS):
            valid(data)
            data = valid(checked(data.value + 1, data.label))
        return data

    return call


def msgspec() -> Call:
    from msgspec import convert

    def step(data: Any) -> Any:
        made = add_one(convert(data, Num, from_attributes=True))
        return convert(made, Num, from_attributes=True)

    return _chained([step] * STEPS)


def beartype() -> Call:
    """The classes of both sides only; it does not look at fields."""
    from beartype import beartype as wrap

    return _chained([wrap(add_one)] * STEPS)


def langchain() -> Call:
    """No types are checked at run time."""
    os.environ["LANGSMITH_TRACING"] = "false"
    from langchain_core.runnables import RunnableLambda

    line = functools.reduce(operator.or_, [RunnableLambda(add_one) for _ in range(STEPS)])
    return lambda: line.invoke(START)


def haystack() -> Call:
    os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
    from haystack import Pipeline as Haystack
    from haystack import component

    @component
    class Add:
        @component.output_types(data=Num)
        def run(self, data: Num) -> dict[str, Num]:
            return {"data": add_one(data)}

    line = Haystack()
    for at in range(STEPS):
        line.add_component(f"s{at}", Add())
        if at:
            line.connect(f"s{at - 1}.data", f"s{at}.data")
    return lambda: line.run({"s0": {"data": START}})[f"s{STEPS - 1}"]["data"]


def hamilton() -> Call:
    os.environ["HAMILTON_TELEMETRY_ENABLED"] = "false"
    from hamilton import ad_hoc_utils, base, driver

    named: dict[str, Any] = {"Num": Num, "add_one": add_one}
    for at in range(STEPS):
        taken = f"s{at - 1}" if at else "data"
        source = f"def s{at}({taken}: Num) -> Num:\n    return add_one({taken})\n"
        exec(source, named)
    module = ad_hoc_utils.create_temporary_module(
        *(named[f"s{at}"] for at in range(STEPS)), module_name="bench_hamilton"
    )
    made = driver.Driver({}, module, adapter=base.DefaultAdapter())
    last = f"s{STEPS - 1}"
    return lambda: made.execute([last], inputs={"data": START})[last]


def pydantic_graph() -> Call:
    import pydantic_graph as peer

    graph = peer.GraphBuilder(input_type=Num, output_type=Num, auto_instrument=False)

    def step(at: int) -> Any:
        async def added(context: Any) -> Num:
            return add_one(context.inputs)

        added.__name__ = f"s{at}"
        added.__annotations__ = {"context": peer.StepContext[None, None, Num], "return": Num}
        return graph.step(added)

    nodes = [graph.start_node, *(step(at) for at in range(STEPS)), graph.end_node]
    graph.add(*(graph.edge_from(one).to(other) for one, other in itertools.pairwise(nodes)))
    line = graph.build()
    loop = asyncio.new_event_loop()
    return lambda: loop.run_until_complete(line.run(inputs=START))


PEERS: list[tuple[str, str, Callable[[], Call]]] = [
    ("pydantic, strict, instances revalidated", "pydantic", pydantic),
    ("msgspec convert, from attributes", "msgspec", msgspec),
    ("beartype", "beartype", beartype),
    ("LangChain LCEL", "langchain_core", langchain),
    ("Haystack", "haystack", haystack),
    ("Hamilton", "hamilton", hamilton),
    ("pydantic-graph", "pydantic_graph", pydantic_graph),
]


def best_us(call: Call, rounds: int, of: int = STEPS) -> float:
    """Microseconds of CPU time for each of ``of`` steps, in the best of the rounds."""
    call()
    once = time.process_time()
    call()
    often = max(1, int(0.05 / max(time.process_time() - once, 1e-6)))
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(often):
            call()
        best = min(best, (time.process_time() - began) / often)
    return 1e6 * best / of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    plain = best_us(_chained(PLAIN), rounds)
    print(f"{f'{STEPS} steps':42}{'us a step':>10}   x a plain call")

    def show(name: str, took: float) -> float:
        print(f"{name:42}{took:10.3f}   {took / plain:8.1f}")
        return took

    show("plain calls", plain)
    show("our blocks, one by one", best_us(our_blocks(), rounds))
    ours = {
        checks: show(f"our pipeline, {checks.value}", best_us(our_pipeline(checks), rounds))
        for checks in Checks
    }
    awaited, batch = our_awaited()
    show("our pipeline, awaited", best_us(awaited, rounds, STEPS * batch))
    show("our pipeline, with a trace", best_us(our_traced(), rounds))
    peers = _peers(rounds, show)
    _targets(ours[Checks.FULL], peers.get("langchain_core"))
    _lengths(rounds)
    _sizes(rounds)


def _peers(rounds: int, show: Callable[[str, float], float]) -> dict[str, float]:
    found = {}
    for name, module, make in PEERS:
        try:
            importlib.import_module(module)
        except ImportError:
            print(f"{name:42}{'not installed':>14}")
            continue
        call = make()
        assert call().value == STEPS
        found[module] = show(name, best_us(call, rounds))
    return found


def _targets(ours: float, langchain_took: float | None) -> None:
    verdict = "met" if ours <= TARGET_US else "MISSED"
    print(f"\nat most {TARGET_US} us a step, both sides checked: {ours:.3f}, {verdict}")
    if langchain_took is not None:
        ratio = langchain_took / ours
        verdict = "met" if ours <= langchain_took * TARGET_OF_LANGCHAIN else "MISSED"
        print(f"at most 1/{1 / TARGET_OF_LANGCHAIN:.0f} of LangChain: 1/{ratio:.0f}, {verdict}")


def _lengths(rounds: int) -> None:
    print(f"\n{'steps in line':42}{'us a step':>10}   wiring, us a step")
    for count in (10, 100, 1000):
        steps = _steps(count)
        line = _line(steps)
        took = best_us(functools.partial(line, START), rounds, count)
        wiring = best_us(functools.partial(_line, steps), 1, count)
        print(f"{count:<42}{took:10.3f}   {wiring:8.1f}")


def _sizes(rounds: int) -> None:
    print(f"\n{'one step on lists of':42}" + "".join(f"{each.value:>12}" for each in Checks))
    same = block("bench.same", summary="Pass on", inline=True)(same_sheet)
    for size in (10, 100, 1000):
        sheet = Sheet("a", list(range(size)), [Num(at, "a") for at in range(size)])
        took = [
            best_us(functools.partial(Pipeline((same,), checks=checks), sheet), rounds, 1)
            for checks in Checks
        ]
        name = f"{size} numbers and {size} dataclasses, us"
        print(f"{name:42}" + "".join(f"{each:12.2f}" for each in took))


if __name__ == "__main__":
    main()
