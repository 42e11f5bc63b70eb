"""How well the controller keeps its promises: every steered showcase, with many seeds.

    python bench/soak_control.py                     # configs/m4_*, 100 seeds: some minutes
    python bench/soak_control.py --seeds 10 --json out.json

For each config: the part of the bars after the eighth that lie inside all their windows, of all
seeds and of the worst; touches and rescues a bar; and the largest change of a knob and of a
modulator from bar to bar, as a part of its cap. Ends with an error when less than 95 % lie inside,
or when a cap was exceeded.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from conduit.rhythm import GuardConfig, Session, load_config, render

CONFIGS = Path(__file__).parents[1] / "configs"
SETTLING = 8
ENOUGH = 0.95


def caps_used(session: Session) -> float:
    """The largest change from bar to bar, in parts of what is allowed; above 1 is a fault."""
    config = session.config
    knobs = np.array([[astuple(each.before), astuple(each.after)] for each in session.log])
    most = (config.guard or GuardConfig()).max_change
    used = [float(np.abs(knobs[:, 1] - knobs[:, 0]).max()) / most]
    used.append(float(np.abs(knobs[1:, 0] - knobs[:-1, 1]).max(initial=0)))
    curves = np.array([each.modulators for each in session.log])
    for index, modulator in enumerate(config.modulators):
        used.append(float(np.abs(np.diff(curves[:, index])).max()) / modulator.cap)
    return max(used)


def soak(path: Path, seeds: int) -> dict[str, Any]:
    """One config with many seeds."""
    config = load_config(path)
    inside: list[float] = []
    caps: list[float] = []
    touches = rescues = bars = 0
    began = time.process_time()
    for seed in range(seeds):
        session = render(config, seed=seed)
        late = session.log[SETTLING:]
        inside.append(sum(not each.outside for each in late) / len(late))
        caps.append(caps_used(session))
        touches += sum(len(each.touches) for each in session.log)
        rescues += sum(each.rescued for each in session.log)
        bars += session.bars
    return {
        "config": path.stem,
        "inside": float(np.mean(inside)),
        "worst seed": min(inside),
        "touches a bar": touches / bars,
        "rescues a bar": rescues / bars,
        "of the caps": max(caps),
        "ms a bar": (time.process_time() - began) * 1000 / bars,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = []
    for path in sorted(CONFIGS.glob("m4_*")):
        rows.append(soak(path, given.seeds))
        if len(rows) == 1:
            print("| " + " | ".join(rows[0]) + " |\n|---" + "|--:" * (len(rows[0]) - 1) + "|")
        print("| " + " | ".join(_cell(value) for value in rows[-1].values()) + " |", flush=True)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2))
    if any(row["inside"] < ENOUGH or row["of the caps"] > 1 for row in rows):
        sys.exit("a promise was not kept")


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
