"""How long hearing and comparing grooves takes: WAV files, batches of variations, pictures.

    python bench/listening.py
    python bench/listening.py --bars 8 64 --n 64 --json out.json

The groove is the warehouse style. Sound is measured from a song to the bytes of a WAV file, once
with nothing synthesised before (a fresh process pays that) and then as median CPU milliseconds; a
batch is wall seconds of ``groove.vary`` through the call gate, starting its processes included, and
beside it of the same in one process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from conduit.app.crew import ProcessCrew
from conduit.audio import RATE, render_song, wav_bytes
from conduit.audio.drum import drum_sound
from conduit.blocks import Catalog, Gate, dumps, loads
from conduit.contracts.call import LOCAL_OWNER
from conduit.rhythm import STYLES, Style, render
from conduit.rhythm.explain import picture_of, svg_of
from conduit.rhythm.explain.panels import counts_of
from conduit.rhythm.vary.blocks import vary_blocks
from conduit.store.files import DiskFiles

GROOVE = STYLES[Style.WAREHOUSE]


def cpu_ms(work: Callable[[], object], rounds: int = 5) -> float:
    """Median CPU milliseconds of some runs."""
    samples = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        samples.append((time.process_time() - start) * 1000)
    return statistics.median(samples)


def sound(bars: int) -> dict[str, float]:
    """Sound and picture of one length."""
    session = render(GROOVE, bars=bars)
    song, counts = session.song(), counts_of(session)
    drum_sound.cache_clear()
    first = cpu_ms(lambda: wav_bytes(render_song(song)), rounds=1)
    again = cpu_ms(lambda: wav_bytes(render_song(song)))
    return {
        "bars": bars,
        "notes": len(session.notes),
        "seconds": render_song(song).shape[1] / RATE,
        "first_ms": first,
        "again_ms": again,
        "picture_ms": cpu_ms(lambda: svg_of(picture_of(session, counts))),
    }


def batch(n: int, size: int) -> float:
    """Wall seconds of one batch of eight bars, in so many processes."""
    with tempfile.TemporaryDirectory() as folder:
        blocks = vary_blocks(DiskFiles(Path(folder)), ProcessCrew(size))
        gate = Gate(Catalog(blocks), new_id=lambda: "bench")
        request = {"config": loads(dumps(asdict(GROOVE))), "n": n, "bars": 8}
        start = time.perf_counter()
        asyncio.run(gate.acall("groove.vary", request, LOCAL_OWNER))
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--bars", type=int, nargs="+", default=[8, 64, 300])
    parser.add_argument("--n", type=int, nargs="+", default=[64, 1_000])
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = [sound(bars) for bars in given.bars]
    print("| bars | notes | sound s | WAV first, ms | WAV again, ms | µs a bar | picture ms |")
    print("|--:|--:|--:|--:|--:|--:|--:|")
    for row in rows:
        print(
            f"| {row['bars']} | {row['notes']:,} | {row['seconds']:.0f} | {row['first_ms']:.0f} "
            f"| {row['again_ms']:.0f} | {row['again_ms'] * 1000 / row['bars']:.0f} "
            f"| {row['picture_ms']:.1f} |"
        )
    batches: list[dict[str, Any]] = []
    print("\n| variations | one process, s | two, s |\n|--:|--:|--:|")
    for n in given.n:
        batches.append({"n": n, "one_s": batch(n, 1), "two_s": batch(n, 2)})
        print(f"| {n:,} | {batches[-1]['one_s']:.2f} | {batches[-1]['two_s']:.2f} |")
    if given.json:
        given.json.write_text(json.dumps({"sound": rows, "batches": batches}, indent=2))


if __name__ == "__main__":
    main()
