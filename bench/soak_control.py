"""How well the controller keeps its promises: showcases and target sets, with many seeds.

    python bench/soak_control.py                     # 100 seeds: some minutes
    python bench/soak_control.py --seeds 10 --json out.json

For each config: the part of the bars after the eighth that lie inside all their windows, of all
seeds and of the worst; touches and rescues a bar; and the largest change of a knob and of a
modulator from bar to bar, as a part of its cap. Ends with an error when a cap was exceeded, when
less than 95 % lie inside in a showcase (``configs/m4_*``, fitted to their windows), or in the five
target sets of the tests taken together, which one groove is asked for. Each set has its own row.
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

from conduit.rhythm import EngineConfig, GuardConfig, Session, load_config, render

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.rhythm.control.grooves import ASKED, steered
from tests.rhythm.control.test_controller import DRIFT, SWELL

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


def soak(name: str, config: EngineConfig, seeds: int) -> dict[str, Any]:
    """One config with many seeds."""
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
        "config": name,
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
    showcases = {path.stem: load_config(path) for path in sorted(CONFIGS.glob("m4_*"))}
    modulators = (DRIFT, SWELL)
    sets = {f"set {name}": steered(name, modulators=modulators).config for name in ASKED}
    rows: list[dict[str, Any]] = []
    for name, config in {**showcases, **sets}.items():
        rows.append(soak(name, config, given.seeds))
        if len(rows) == 1:
            print("| " + " | ".join(rows[0]) + " |\n|---" + "|--:" * (len(rows[0]) - 1) + "|")
        print("| " + " | ".join(_cell(value) for value in rows[-1].values()) + " |", flush=True)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2))
    together = float(np.mean([row["inside"] for row in rows[len(showcases) :]]))
    print(f"\nThe target sets together: {together:.3f} inside.")
    least = min(together, *(row["inside"] for row in rows[: len(showcases)]))
    if least < ENOUGH or any(row["of the caps"] > 1 for row in rows):
        sys.exit("a promise was not kept")


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
