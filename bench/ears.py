"""How well ears hear, beside librosa: tempo, onsets, swing, key, and how long it takes.

    python bench/ears.py                                  # two grooves of each style, five states
    python bench/ears.py --seeds 5 --bars 16 --json out.json
    python bench/ears.py --peers ~/librosa/bin/python     # the same sounds through librosa

The material is every style with another tempo (86 to 114 % of its own), swing and seed, rendered
with bass and stab in half of the grooves, and heard as it is, with noise 26 dB below, in a room
(0.5 s, 15 dB below), with side-chain pumping of 8 dB, and with all three. The seeds are not those
that the thresholds were found on. A tempo counts that is within 1 %. Onsets are compared one with
one within 50 ms, as mir_eval does it; hits within 30 ms of each other are one. Speed is seconds of
sound in a second of CPU on one core, for everything that ``conduit analyze`` prints and a WAV file.

Keys are heard on chords (I V vi IV in major, i iv v i in minor, all twelve roots) with and without
drums. ``--peers`` is a Python of its own in which librosa is installed; it gets WAV files.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: one core is one core

import _material
import numpy as np

from conduit.audio import RATE, wav_bytes
from conduit.audio.ears import groove_of, listen
from conduit.audio.ears.listen import hear
from conduit.audio.reading import Sound, read_sound

FIRST_SEED = 100
"""The thresholds were found on seeds from 0."""

TOLERANCE_S = 0.05

PEER = """
import json, sys, time
import numpy as np, librosa
found = []
for path in json.load(sys.stdin):
    y, rate = librosa.load(path, sr=None, mono=True)
    if not found:  # compile what is compiled at first use
        librosa.onset.onset_detect(y=y, sr=rate)
        librosa.beat.beat_track(y=y, sr=rate)
        librosa.feature.chroma_stft(y=y, sr=rate)
    begun = time.process_time()
    tempo, _ = librosa.beat.beat_track(y=y, sr=rate)
    onsets = librosa.onset.onset_detect(y=y, sr=rate, units="time")
    librosa.feature.chroma_stft(y=y, sr=rate)
    librosa.feature.spectral_centroid(y=y, sr=rate)
    librosa.feature.spectral_rolloff(y=y, sr=rate)
    librosa.feature.spectral_flatness(y=y)
    spent = time.process_time() - begun
    found.append({"bpm": float(np.atleast_1d(tempo)[0]), "onsets": onsets.tolist(), "cpu_s": spent})
json.dump(found, sys.stdout)
"""


def f_measure(heard: Any, true: Any) -> float:
    """Of onsets within 50 ms, each counted once."""
    i = j = hits = 0
    while i < len(heard) and j < len(true):
        away = heard[i] - true[j]
        if abs(away) <= TOLERANCE_S:
            hits, i, j = hits + 1, i + 1, j + 1
        elif away < 0:
            i += 1
        else:
            j += 1
    return 2 * hits / max(1, len(heard) + len(true))


def away_ms(heard: Any, true: Any) -> float:
    """How far onsets are from the nearest true one, in ms; half are nearer."""
    if not len(heard):
        return float("nan")
    return float(np.median([1000 * np.abs(np.array(true) - each).min() for each in heard]))


def measure(clip: _material.Clip) -> dict[str, Any]:
    """All figures of one clip."""
    data = wav_bytes(clip.samples)
    begun = time.process_time()
    heard = listen(read_sound(data))
    spent = time.process_time() - begun
    return {
        "style": clip.style.value,
        "spoil": clip.spoil,
        "seconds": heard.seconds,
        "tempo": abs((heard.tempo.bpm or 0) / clip.bpm - 1) < 0.01,
        "sure": heard.tempo.confidence,
        "f1": f_measure(heard.onsets.seconds, clip.onsets),
        "away_ms": away_ms(heard.onsets.seconds, clip.onsets),
        "swing": abs((heard.feel.swing or 50) - clip.swing),
        "cpu_s": spent,
    }


def measure_peer(python: str, clips: list[_material.Clip]) -> list[dict[str, Any]]:
    """The same clips through librosa, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, clip in enumerate(clips):
            path = Path(folder) / f"{number}.wav"
            path.write_bytes(wav_bytes(clip.samples))
            paths.append(str(path))
        done = subprocess.run(
            [python, "-c", PEER],
            input=json.dumps(paths),
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
        )
    return [
        {
            "spoil": clip.spoil,
            "seconds": clip.samples.shape[1] / RATE,
            "tempo": abs(each["bpm"] / clip.bpm - 1) < 0.01,
            "f1": f_measure(each["onsets"], clip.onsets),
            "away_ms": away_ms(each["onsets"], clip.onsets),
            "cpu_s": each["cpu_s"],
        }
        for clip, each in zip(clips, json.loads(done.stdout), strict=True)
    ]


def measure_keys() -> dict[str, Any]:
    """Which part of the keys of chords is right, without and with drums."""
    right: dict[str, list[bool]] = defaultdict(list)
    for name, root, minor, samples in _material.chords():
        heard = listen(Sound(samples, RATE, 0.0, samples.shape[1] / RATE)).key
        wanted = f"{_material.ROOTS[root]} {'minor' if minor else 'major'}"
        right[name].append(heard.name == wanted)
    return {name: float(np.mean(each)) for name, each in right.items()}


def measure_templates(clips: list[_material.Clip]) -> dict[str, float]:
    """How far the lean of each sixteenth of the hats is from what was played, in ms, of clips that
    are clean: half are nearer, and nine of ten."""
    away: list[float] = []
    for clip in clips:
        if clip.spoil != "clean" or clip.lean_ms is None:
            continue
        sound = Sound(clip.samples, RATE, 0.0, clip.samples.shape[1] / RATE)
        found = groove_of(hear(sound, 90, 180), "high")
        if found is None:
            continue
        step_ms = 15_000 / clip.bpm
        for step, (late, velocity) in enumerate(
            zip(found.offsets_ms, found.velocities, strict=True)
        ):
            true = clip.lean_ms[step]
            if velocity and not np.isnan(true):
                swung = (found.swing - 50) / 50 * step_ms * (step % 2)
                away.append(abs(late + swung - true))
    return {"half": float(np.median(away)), "nine of ten": float(np.percentile(away, 90))}


def table(title: str, rows: list[dict[str, Any]]) -> None:
    columns = ("tempo", "f1", "away_ms", "swing", "cpu_s")
    print(f"\n{title}: {len(rows)} clips")
    print(f"{'':10}{'tempo 1 %':>10}{'onset F1':>10}{'away ms':>9}{'swing %':>9}{'× real':>8}")
    for spoil in (*_material.SPOILS, ""):
        mine = [row for row in rows if row["spoil"] == spoil or not spoil]
        if not mine:
            continue
        tempo, f1, away, swing, _ = (
            float(np.nanmean([row.get(name, np.nan) for row in mine]))
            if any(name in row for row in mine)
            else float("nan")
            for name in columns
        )
        speed = sum(row["seconds"] for row in mine) / sum(row["cpu_s"] for row in mine)
        swung = "–" if np.isnan(swing) else f"{swing:.2f}"
        print(
            f"{spoil or 'together':10}{tempo:>10.1%}{f1:>10.3f}{away:>9.2f}{swung:>9}{speed:>8.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--bars", type=int, default=8)
    parser.add_argument("--peers", metavar="PYTHON", help="one that has librosa")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    clips = list(_material.clips(range(FIRST_SEED, FIRST_SEED + chosen.seeds), chosen.bars))
    rows = [measure(clip) for clip in clips]
    table("conduit", rows)
    styles = sorted({row["style"] for row in rows})
    worst = min(styles, key=lambda s: np.mean([r["f1"] for r in rows if r["style"] == s]))
    low = np.mean([row["f1"] for row in rows if row["style"] == worst])
    print(f"the hardest style is {worst}: F1 {low:.3f}")
    made: dict[str, Any] = {"conduit": rows, "keys": measure_keys()}
    made["templates"] = measure_templates(clips)
    if chosen.peers:
        made["librosa"] = measure_peer(chosen.peers, clips)
        table("librosa", made["librosa"])
    print("\nkeys of chords:", ", ".join(f"{n} {v:.1%}" for n, v in made["keys"].items()))
    print(
        "lean of hats, ms:", ", ".join(f"{n} within {v:.2f}" for n, v in made["templates"].items())
    )
    if chosen.json:
        chosen.json.write_text(json.dumps(made, indent=2))


if __name__ == "__main__":
    main()
