"""What it takes to find passages among many, beside FAISS, and to tell how texts changed.

Vectors are of clusters, as those of texts are. Recall is measured against every product in float64.
FAISS's ``IndexFlatIP``, which looks at every vector too, is searched in the same run where it is
installed (``pip install faiss-cpu``). Times are of one query after another.

    python bench/retrieval.py [--most 100000] [--queries 200] [--part vectors|corpus|texts]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from conduit.blocks import Catalog, Gate
from conduit.contracts.call import DEFAULT_ORG, LOCAL_OWNER
from conduit.corpora.blocks import corpora_blocks
from conduit.corpora.bm25 import triples_of
from conduit.corpora.comparing import by_words
from conduit.corpora.passages import CUT, passages
from conduit.corpora.patterns import Text, recurring_passages
from conduit.corpora.phrases import recurring_phrases
from conduit.corpora.summary import ranked
from conduit.corpora.vectors import Matrix, Vectors
from conduit.models.caching import lexical
from conduit.store.corpora import Corpora
from conduit.store.database import Database
from conduit.store.files import DiskFiles
from conduit.store.segments import BASELINE, Segment, SegmentKey, Segments, Source
from conduit.telemetry.ids import IdMaker

_DIMENSIONS = 512
_K = 10
_PER_SEGMENT = 128
_SIZES = (1_000, 10_000, 100_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=100_000, help="passages at most")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--part", choices=["vectors", "corpus", "texts"], default="")
    given = parser.parse_args()
    sizes = [size for size in _SIZES if size <= given.most]
    if given.part in ("", "vectors"):
        for size in sizes:
            _vectors(size, given.queries)
    if given.part in ("", "corpus"):
        for size in sizes:
            with tempfile.TemporaryDirectory() as folder:
                asyncio.run(_corpus(Path(folder), size, given.queries))
    if given.part in ("", "texts"):
        for size in (80_000, 800_000, 8_000_000):
            _texts(size)


def _clustered(chance: np.random.Generator, count: int) -> Matrix:
    centres = chance.normal(size=(max(1, count // 100), _DIMENSIONS)).astype(np.float32)
    rows = centres[chance.integers(0, len(centres), count)]
    rows += 0.6 * chance.normal(size=rows.shape).astype(np.float32)
    unit: Matrix = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit.astype(np.float32)


def _vectors(size: int, count: int) -> None:
    chance = np.random.default_rng(7)
    rows = _clustered(chance, size)
    queries = rows[chance.integers(0, size, count)] + 0.01 * chance.normal(
        size=(count, _DIMENSIONS)
    ).astype(np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    wide = rows.astype(np.float64)
    true = [set(np.argpartition(-(wide @ q.astype(np.float64)), _K)[:_K]) for q in queries]
    del wide
    ours = Vectors(_DIMENSIONS)
    ours.add(rows)
    print(f"\n{size:,} vectors of {_DIMENSIONS} numbers, {ours.nbytes / 2**20:.0f} MiB")
    mine = _searched("Conduit", lambda q: ours.nearest(q, _K)[0], queries, true)
    try:
        import faiss
    except ModuleNotFoundError:
        print("  FAISS is not installed")
        return
    flat = faiss.IndexFlatIP(_DIMENSIONS)
    flat.add(rows)
    theirs = _searched("FAISS flat", lambda q: flat.search(q[None], _K)[1][0], queries, true)
    print(f"  Conduit takes {mine / theirs:.2f} of the time of FAISS {faiss.__version__} (p50)")


def _searched(
    name: str, search: Callable[[Matrix], Any], queries: Matrix, true: list[set[Any]]
) -> float:
    search(queries[0])
    times, right = [], 0
    for query, wanted in zip(queries, true, strict=True):
        begun = time.perf_counter()
        found = search(query)
        times.append(time.perf_counter() - begun)
        right += len(wanted & set(found.tolist()))
    recall = right / (_K * len(true))
    _say(f"{name}, recall@{_K} {recall:.4f}", times)
    return float(np.median(times))


async def _corpus(folder: Path, size: int, count: int) -> None:
    """The block itself, through the gate, over SQLite: the question is embedded, the passages are
    found, and their texts read."""
    database = Database(f"sqlite:///{folder / 'conduit.db'}")
    ids, segments = IdMaker(), Segments(database)
    corpora = Corpora(database, ids)
    gate = Gate(Catalog(), new_id=ids)
    for each in corpora_blocks(
        corpora, segments, DiskFiles(folder), gate, lexical.embed_all, lambda _: False
    ):
        gate.catalog.add(each)
    _fill(corpora, segments, size)
    print(f"\ncorpora.search among {size:,} passages")
    before = _resident()
    begun = time.perf_counter()
    await _search(gate, "hybrid", "word1 word2")
    print(f"  first search (reads the index)     {(time.perf_counter() - begun) * 1e3:12.1f} ms")
    print(f"  memory it takes                    {(_resident() - before) / 2**20:12.1f} MiB")
    chance = np.random.default_rng(3)
    for mode in ("vector", "lexical", "hybrid"):
        times = []
        for _ in range(count):
            query = " ".join(f"word{n}" for n in chance.zipf(1.3, 6) % 50_000)
            begun = time.perf_counter()
            await _search(gate, mode, query)
            times.append(time.perf_counter() - begun)
        _say(mode, times)
    begun = time.perf_counter()
    await gate.acall("corpora.reflect", {"corpusId": "c", "reflection": "new"}, LOCAL_OWNER)
    await _search(gate, "hybrid", "new")
    print(f"  one more text, stored and found    {(time.perf_counter() - begun) * 1e3:12.1f} ms")
    database.close()


async def _search(gate: Gate, mode: str, query: str) -> None:
    asked = {"corpusId": "c", "query": query, "k": _K, "mode": mode}
    await gate.acall("corpora.search", asked, LOCAL_OWNER)


def _fill(corpora: Corpora, segments: Segments, size: int) -> None:
    """As indexing stores it, with vectors by chance: embedding itself is measured apart."""
    corpora.put(DEFAULT_ORG, "c", "b", "text")
    source = Source(BASELINE, "b", 1)
    chance = np.random.default_rng(5)
    for ordinal, first in enumerate(range(0, size, _PER_SEGMENT)):
        count = min(_PER_SEGMENT, size - first)
        texts = [
            " ".join(f"word{n}" for n in row) for row in chance.zipf(1.3, (count, 100)) % 50_000
        ]
        ends = np.cumsum([len(text) + 1 for text in texts])
        bounds = np.stack([ends - [len(text) + 1 for text in texts], ends - 1], axis=1)
        key = SegmentKey(source, ordinal, first + count >= size, count, _DIMENSIONS, "")
        segments.add(
            DEFAULT_ORG,
            "c",
            f"offline/lexical@{CUT}",
            Segment(
                key,
                0,
                "\n".join(texts),
                bounds.astype(np.int64).tobytes(),
                triples_of(texts).tobytes(),
                _clustered(chance, count).tobytes(),
            ),
        )


def _texts(size: int) -> None:
    chance = np.random.default_rng(11)
    said: list[str] = []
    length = 0
    while length < size:
        sentence = " ".join(f"w{n}" for n in chance.zipf(1.3, 12) % 20_000).capitalize() + "."
        said.append(sentence)
        length += len(sentence) + 2
    before = "\n\n".join(said)[:size]
    changed = list(said)
    for at in chance.choice(len(said), len(said) // 10, replace=False):
        changed[at] = changed[at].replace("w1 ", "other ") + " And more."
    chance.shuffle(changed[: len(changed) // 20])
    after = "\n\n".join(changed)[:size]
    texts = [
        Text(Source(BASELINE, "b", 1), before[: size // 2]),
        Text(Source(BASELINE, "d", 1), after[: size // 2]),
    ]
    print(f"\ntexts of {size:,} characters")
    _once("cut into passages", lambda: list(passages(before)))
    some = [before[span.start : span.end] for span in list(passages(before))[:200]]
    per = _once(
        f"embedded (built in), {len(some)} passages", lambda: [lexical.embed(t) for t in some]
    )
    print(f"    that is {per / len(some) * 1e3:.2f} ms for each passage")
    _once("drift by words, with passages", lambda: by_words(before, after))
    _once("recurring passages", lambda: recurring_passages(texts, 20))
    _once("recurring phrases", lambda: recurring_phrases(texts, 2, 20))
    _once("summary", lambda: ranked(texts, 5))


def _once(what: str, work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    took = time.perf_counter() - begun
    print(f"  {what:<36} {took * 1e3:10.1f} ms")
    return took


def _say(what: str, times: list[float]) -> None:
    p50, p99 = np.percentile(times, [50, 99]) * 1e3
    print(f"  {what:<36} p50 {p50:9.3f} ms   p99 {p99:9.3f} ms")


def _resident() -> int:
    """Bytes of memory that this process has now."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
