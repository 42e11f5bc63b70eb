"""What reading structured output costs, beside the libraries it could be done with.

Clean JSON to dataclasses beside strict msgspec and pydantic; the same document broken or cut beside
json_repair and jiter; and a long answer in pieces of four characters, at three lengths, beside
jiter, which reads from the beginning each time. CPU time, best of several rounds.

    python bench/mdl.py [--rounds 15]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import jiter
import json_repair
import msgspec
import orjson

from conduit.blocks import Range
from conduit.mdl import Mdl, values

_PIECE = 4
_MOST_TIMES_AGAIN = 10_000
"""Pieces. Reading from the beginning each time takes half a minute for more."""

_SHORTEST_ROUND = 0.02  # seconds


@dataclass
class Item:
    sku: str
    qty: int
    price: float
    tags: list[str]
    active: bool


@dataclass
class Order:
    id: str
    customer: str
    items: list[Item]


@dataclass
class BoundedItem:
    sku: str
    qty: Annotated[int, Range(0, 1000)]
    price: Annotated[float, Range(0, 1e6)]
    tags: list[str]
    active: bool


@dataclass
class BoundedOrder:
    id: str
    customer: str
    items: list[BoundedItem]
    note: str | None = None


def _order(items: int) -> dict[str, Any]:
    made = [
        {"sku": f"s-{i}", "qty": i % 99, "price": i % 99 + 0.5, "tags": ["a"], "active": i % 2 == 0}
        for i in range(items)
    ]
    return {"id": "o-1", "customer": "ACME", "items": made}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    text = json.dumps(_order(20))
    print(f"clean JSON, {len(text)} bytes, 20 items{'':20}us   x msgspec")
    _table(_clean(text), rounds)
    broken = text[:-1].replace('"sku"', "sku").replace("true", "True")
    print(f"\nbroken: bare keys, True, a brace missing{'':18}us   x json_repair")
    _table(_repairs(broken), rounds)
    cut = text[: len(text) * 2 // 3]
    print(f"\ncut at two thirds{'':41}us   x json_repair")
    _table({**_repairs(cut), **_partials(cut)}, rounds)
    print(f"\nin pieces of {_PIECE} characters{'':37}ms   us per piece")
    for items in (20, 200, 2000):
        _stream(json.dumps(_order(items)))


def _clean(text: str) -> dict[str, Callable[[], object]]:
    plain, bounded = Mdl.of(Order), Mdl.of(BoundedOrder)
    decoder = msgspec.json.Decoder(Order)
    ways: dict[str, Callable[[], object]] = {
        "msgspec, strict (peer)": lambda: decoder.decode(text),
        "Mdl.parse": lambda: plain.parse(text),
        "Mdl.parse, with bounds and a default": lambda: bounded.parse(text),
        "orjson + msgspec.convert": lambda: msgspec.convert(orjson.loads(text), Order),
        "orjson, no types": lambda: orjson.loads(text),
        "jiter, no types": lambda: jiter.from_json(text.encode()),
    }
    if importlib.util.find_spec("pydantic"):
        from pydantic import TypeAdapter

        adapter = TypeAdapter(Order)
        ways["pydantic, strict"] = lambda: adapter.validate_json(text, strict=True)
    return ways


def _repairs(text: str) -> dict[str, Callable[[], object]]:
    mdl = Mdl.of(Order)
    return {
        "json_repair, no types (peer)": lambda: json_repair.loads(text, skip_json_loads=True),
        "mdl.values, no types": lambda: values(text),
        "Mdl.parse": lambda: mdl.parse(text),
    }


def _partials(text: str) -> dict[str, Callable[[], object]]:
    mdl = Mdl.of(Order)
    raw = text.encode()
    return {
        "jiter, partial mode, no types": lambda: jiter.from_json(raw, partial_mode=True),
        "Mdl.partial().feed, in one piece": lambda: mdl.partial().feed(text),
    }


def _table(ways: dict[str, Callable[[], object]], rounds: int) -> None:
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, way in ways.items():
            best[name] = min(best[name], _once(way))
    first = next(iter(best.values()))
    for name, seconds in best.items():
        print(f"  {name:46}{seconds * 1e6:10.1f}{seconds / first:9.2f}")


def _once(way: Callable[[], object]) -> float:
    """CPU seconds of one call, the mean of as many as fill a round."""
    count = 0
    began = time.process_time()
    while (spent := time.process_time() - began) < _SHORTEST_ROUND:
        way()
        count += 1
    return spent / count


def _stream(text: str) -> None:
    pieces = [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]
    ways = {
        f"Mdl.partial(), {len(text)} bytes": lambda: _feed(pieces, look=False),
        "  and the last item looked at each time": lambda: _feed(pieces, look=True),
        "jiter, from the beginning each time": lambda: _read_again(pieces),
    }
    for name, way in ways.items():
        if name.startswith("jiter") and len(pieces) > _MOST_TIMES_AGAIN:
            print(f"  {name:46}{'left out':>10}")
            continue
        began = time.process_time()
        way()
        seconds = time.process_time() - began
        print(f"  {name:46}{seconds * 1e3:10.1f}{seconds / len(pieces) * 1e6:12.2f}")


def _feed(pieces: list[str], *, look: bool) -> None:
    reader = Mdl.of(Order).partial()
    for piece in pieces:
        view = reader.feed(piece)
        if look and view is not None and (items := view.get("items")):
            _ = items[-1]


def _read_again(pieces: list[str]) -> None:
    so_far = b""
    for piece in pieces:
        so_far += piece.encode()
        jiter.from_json(so_far, partial_mode="trailing-strings")


if __name__ == "__main__":
    main()
