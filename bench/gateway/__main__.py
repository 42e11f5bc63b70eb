"""The gateway beside its peers, and what it does under load.

    python -m bench.gateway                                # conduit, nginx
    python -m bench.gateway compare --peers PEERS          # and those installed there (targets.py)
    python -m bench.gateway translate | workers | tls | database | idle | soak

One core is the gateway's, the rest belongs to the load and the upstream. Every figure stands beside
its noise and what other programs used meanwhile: on a machine that is busy, believe the CPU times
first, the rates second, and the 99th percentile last.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.gateway import compare, database, idle, soak, tls, translate, workers
from bench.gateway.loading import Unusable
from bench.gateway.targets import NAMES, Bench, stage


def main() -> None:
    arguments = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-gateway-") as name, stage(Path(name)) as bench:
        try:
            found, text, failed = _measured(bench, arguments)
        except Unusable as reason:
            sys.exit(str(reason))
    print(text)
    if arguments.json:
        everything = [asdict(each) for each in found]
        arguments.json.write_text(json.dumps(everything, indent=1, default=str))
    sys.exit(failed)


def _measured(bench: Bench, asked: argparse.Namespace) -> tuple[Sequence[Any], str, bool]:
    """What was found, how it is told, and whether a promise was broken."""
    seconds, times = asked.seconds, asked.times
    match asked.what:
        case "translate":
            ways = translate.measure(bench, seconds, times)
            return ways, translate.report(ways), False
        case "workers":
            crews = workers.measure(bench, seconds, times, asked.workers or 2)
            return crews, workers.report(crews), False
        case "tls":
            costs = tls.measure(bench, seconds, times)
            return costs, tls.report(costs), False
        case "database":
            kept = database.measure(bench, seconds, times)
            return kept, database.report(kept), False
        case "idle":
            held = idle.measure(bench, asked.streams, asked.workers or 1, seconds, times)
            return [held], idle.report(held), not held.passed
        case "soak":
            samples = soak.measure(bench, asked.requests)
            return samples, soak.report(samples), bool(soak.problems(samples))
    found = compare.measure(bench, asked.only, asked.peers, seconds, times)
    return found, compare.report(found), False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    whats = ("compare", "translate", "workers", "tls", "database", "idle", "soak")
    parser.add_argument("what", nargs="?", choices=whats, default="compare")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each load")
    parser.add_argument("--times", type=int, default=3, help="how often each load is repeated")
    parser.add_argument("--json", type=Path, help="write every number here")
    parser.add_argument("--peers", type=Path, help="compare: where peers are installed")
    parser.add_argument(
        "--only", action="append", default=[], choices=NAMES, help="compare: one of them, or more"
    )
    parser.add_argument("--workers", type=int, default=0, help="workers, idle: processes")
    parser.add_argument("--streams", type=int, default=10_000, help="idle: open streams")
    parser.add_argument("--requests", type=int, default=1_000_000, help="soak: how many")
    return parser


if __name__ == "__main__":
    main()
