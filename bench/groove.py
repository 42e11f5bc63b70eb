"""How long grooves take: rendering, writing and reading, beside symusic and mido, in one run.

    python bench/groove.py                # 100, 1,000 and 10,000 bars
    python bench/groove.py --bars 64 8 --json out.json

The groove is the same for all: eight layers with a hit on every sixteenth, swung and humanised. The
last column renders another, in which every layer has conditions, chance, density, drift, ratchets,
ghosts and variations, and one is a bass line that answers the kick.
Writing means from note columns to the bytes of a file; the columns are made beforehand. Figures are
median CPU milliseconds, which a busy machine disturbs less than wall time. mido, which makes an
object of every note, is left out above ``--mido-bars``. A second table has the scores alone, and a
whole steered groove (M4): rendered, scored and written. The last line is one whole process that
imports the engine, renders and saves the longest groove: its wall time and peak memory.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import mido
import numpy as np
import symusic

from conduit.midi import smf
from conduit.rhythm import (
    ConditionConfig,
    EngineConfig,
    Feel,
    GhostConfig,
    KickLock,
    LayerConfig,
    MelodyConfig,
    RatchetConfig,
    Role,
    Scores,
    Session,
    TimingConfig,
    VariationConfig,
    load_config,
    render,
)

LAYERS = 8
STEERED = Path(__file__).parents[1] / "configs" / "m4_rolling_tide.json"
"""Eight layers, five windows, a chain, a guard and two modulators."""

PITCHES = (36, 38, 39, 42, 46, 51, 56, 75)


def groove() -> EngineConfig:
    """Eight layers, every one with a hit on each sixteenth."""
    return EngineConfig(
        swing=56,
        layers=tuple(
            LayerConfig(
                name=f"layer {n}",
                pitch=pitch,
                pattern="x" * 16,
                shape=(0, -20, -8, -20),
                timing=TimingConfig(feel=Feel.HUMAN),
            )
            for n, pitch in enumerate(PITCHES)
        ),
    )


def everything() -> EngineConfig:
    """Eight layers that use all that a layer has."""
    drum = LayerConfig(
        name="drum",
        pitch=0,
        pattern="x?.x ..x. x.?. .xX.",
        density=0.5,
        void=0.5,
        drift=0.25,
        conditions=(
            ConditionConfig(when="50%"),
            ConditionConfig(when="PRE", steps="..x."),
            ConditionConfig(when="NEI", steps="x..."),
            ConditionConfig(when="3:4", steps=".x.."),
        ),
        variation=VariationConfig(probability=0.5),
        ratchet=RatchetConfig(strokes="...3 ....", pace=0.5),
        ghost=GhostConfig(probability=0.2),
        timing=TimingConfig(feel=Feel.HUMAN),
    )
    drums = (replace(drum, name=f"layer {n}", pitch=p) for n, p in enumerate(PITCHES[1:]))
    kick = replace(drum, name="kick", role=Role.KICK, pitch=PITCHES[0], conditions=())
    melody = MelodyConfig(degrees=(0, 3, 7), octaves=2, kick=KickLock.ANSWER, slides="x..")
    bass = LayerConfig(name="bass", pitch=36, channel=0, pattern="x" * 16, melody=melody)
    return EngineConfig(swing=56, layers=(kick, *list(drums)[: LAYERS - 2], bass))


def write_symusic(session: Session) -> bytes:
    """From the same columns, with symusic's own array constructor."""
    score = symusic.Score(1920)
    score.tempos.append(symusic.Tempo(0, session.bpm))
    for layer in range(LAYERS):
        mine = session.notes[session.notes["layer"] == layer]
        notes = symusic.Note.from_numpy(
            time=mine["tick"].astype(np.int32),
            duration=mine["duration"],
            pitch=mine["pitch"].astype(np.int8),
            velocity=mine["velocity"].astype(np.int8),
        )
        score.tracks.append(symusic.Track(name=f"layer {layer}", is_drum=True, notes=notes))
    data: bytes = score.dumps_midi()
    return data


def write_mido(session: Session) -> bytes:
    """With one message object for each event, as mido has it."""
    file = mido.MidiFile(type=1, ticks_per_beat=1920)
    head = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(session.bpm))])
    file.tracks.append(head)
    for layer in range(LAYERS):
        mine = session.notes[session.notes["layer"] == layer]
        events = []
        for tick, length, channel, pitch, velocity, _ in mine.tolist():
            events.append((tick, 1, channel, pitch, velocity))
            events.append((tick + length, 0, channel, pitch, 0))
        events.sort()
        track = mido.MidiTrack()
        now = 0
        for tick, _, channel, pitch, velocity in events:
            track.append(
                mido.Message(
                    "note_on", channel=channel, note=pitch, velocity=velocity, time=tick - now
                )
            )
            now = tick
        file.tracks.append(track)
    stream = io.BytesIO()
    file.save(file=stream)
    return stream.getvalue()


def cpu_ms(work: Callable[[], object], budget: float = 4.0, most: int = 9) -> float:
    """Median CPU milliseconds of up to ``most`` runs within ``budget`` seconds, after one to warm
    up where that is cheap."""
    samples: list[float] = []
    while len(samples) < most and (not samples or sum(samples) < budget * 1000):
        gc.collect()
        start = time.process_time()
        work()
        samples.append((time.process_time() - start) * 1000)
    return statistics.median(samples[1:] or samples)


def measure(bars: int, mido_bars: int) -> dict[str, Any]:
    """All figures for one length, in milliseconds of CPU."""
    config = groove()
    session = render(config, bars=bars)
    data = session.midi_bytes()
    if len(smf.loads(write_symusic(session)).notes) != len(session.notes):
        raise SystemExit("symusic did not write every note")
    row: dict[str, Any] = {
        "bars": bars,
        "notes": len(session.notes),
        "render": cpu_ms(lambda: render(config, bars=bars)),
        "write": cpu_ms(session.midi_bytes),
        "write_symusic": cpu_ms(lambda: write_symusic(session)),
        "read": cpu_ms(lambda: smf.loads(data)),
        "everything": cpu_ms(lambda: render(everything(), bars=bars)),
        "read_symusic": cpu_ms(lambda: symusic.Score.from_midi(data)),
    }
    if bars <= mido_bars:
        row["write_mido"] = cpu_ms(lambda: write_mido(session))
        row["read_mido"] = cpu_ms(lambda: mido.MidiFile(file=io.BytesIO(data)))
    return row


def measure_scores(bars: int) -> dict[str, Any]:
    """Scoring a groove of all hits, in milliseconds of CPU."""
    config = groove()
    sessions = [render(config, bars=bars) for _ in range(4)]
    used = iter(sessions)

    def score() -> Scores:
        return next(used).scores  # a session keeps them, so each run has its own

    return {"what": "scores", "bars": bars, "ms": cpu_ms(score, most=len(sessions))}


def measure_steered(bars: int) -> dict[str, Any]:
    """A steered groove rendered, scored and written, in milliseconds of CPU."""
    config = load_config(STEERED)
    seeds = iter(range(1000))

    def whole() -> bytes:
        session = render(config, bars=bars, seed=next(seeds))
        if not session.scores.density.mean:
            raise SystemExit("nothing was played")
        return session.midi_bytes()

    return {"what": "M4", "bars": bars, "ms": cpu_ms(whole)}


CHILD = """
import json, resource, sys, time
start, cpu = time.perf_counter(), time.process_time()
from conduit.rhythm import render
begun = time.perf_counter()
render(sys.argv[1], bars=int(sys.argv[2])).save(sys.argv[3])
now = time.perf_counter()
print(json.dumps({
    "import_s": begun - start,
    "wall_s": now - begun,
    "cpu_s": time.process_time() - cpu,
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


def whole_process(bars: int) -> dict[str, float]:
    """A fresh process: import, render, save. Seconds and peak resident megabytes."""
    with tempfile.TemporaryDirectory() as folder:
        config, out = Path(folder) / "groove.json", Path(folder) / "groove.mid"
        config.write_text(json.dumps(asdict(groove())))
        command = [sys.executable, "-c", CHILD, str(config), str(bars), str(out)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
    return {"bars": bars, **json.loads(answer.stdout)}


def second_table(rows: list[dict[str, Any]]) -> str:
    """Scores and control as a Markdown table."""
    lines = ["| what | bars | ms | µs a bar |", "|---|--:|--:|--:|"]
    for row in rows:
        each = row["ms"] * 1000 / row["bars"]
        lines.append(f"| {row['what']} | {row['bars']:,} | {row['ms']:.1f} | {each:.0f} |")
    return "\n".join(lines)


def table(rows: list[dict[str, Any]]) -> str:
    """The figures as a Markdown table."""
    lines = [
        "| bars | notes | render ms | write ms | both, µs a bar | write: symusic ms (×) "
        "| write: mido ms (×) | read ms | read: symusic ms | read: mido ms (×) "
        "| render all parts ms |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        both = (row["render"] + row["write"]) * 1000 / row["bars"]
        lines.append(
            f"| {row['bars']:,} | {row['notes']:,} | {row['render']:.1f} | {row['write']:.1f} "
            f"| {both:.0f} | {_beside(row, 'write', 'symusic')} | {_beside(row, 'write', 'mido')} "
            f"| {row['read']:.1f} | {row['read_symusic']:.1f} | {_beside(row, 'read', 'mido')} "
            f"| {row['everything']:.1f} |"
        )
    return "\n".join(lines)


def _beside(row: dict[str, Any], what: str, other: str) -> str:
    theirs = row.get(f"{what}_{other}")
    return "-" if theirs is None else f"{theirs:.1f} ({theirs / row[what]:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--bars", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--mido-bars", type=int, default=1_000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    # First: on Linux a child's peak memory begins with what its parent held when it was started.
    whole = whole_process(max(given.bars))
    rows = [measure(bars, given.mido_bars) for bars in given.bars]
    more = [measure_scores(bars) for bars in given.bars]
    more += [measure_steered(bars) for bars in (64, 1_000)]
    print(table(rows))
    print("\n" + second_table(more))
    print(
        f"\nA fresh process, {whole['bars']:,} bars: rendered and saved in {whole['wall_s']:.2f} s "
        f"after {whole['import_s']:.2f} s of imports, {whole['cpu_s']:.2f} s CPU in all, "
        f"peak {whole['peak_mb']:.0f} MB."
    )
    if given.json:
        found = {"rows": rows, "control": more, "process": whole}
        given.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
