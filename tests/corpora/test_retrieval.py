"""Finding passages: all that is there and nothing else, whatever happened in between."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conduit.blocks import block
from conduit.contracts.call import DEFAULT_ORG, Principal
from conduit.contracts.chat import EmbeddingRequest, EmbeddingResponse
from conduit.contracts.errors import NotFound, ProviderUnreachable, TooLarge
from conduit.corpora.catching_up import CatchingUp
from conduit.corpora.embedding import Embedder
from conduit.corpora.passages import CUT
from conduit.corpora.retrieval import Retrieval
from conduit.models.caching import lexical
from conduit.store.segments import BASELINE, Segments, Source
from tests.corpora.conftest import Room
from tests.product.waiting import settled

OTHER = Principal("other", "01900000-0000-7000-8000-00000000000b", frozenset({"**"}))
BUILT_IN_KEY = f"offline/lexical@{CUT}"
BOOK = "\n\n".join(
    f"## Part {number}\n\nHere the {word} is told of, at some length and for bar {number}."
    for number, word in enumerate("kick snare hat clap rumble stab pad siren bass vocal".split())
)


class FarModel:
    """Somebody's embedding model, at the far end of ``models.embed``: counts letters."""

    def __init__(self, dimensions: int = 26) -> None:
        self.dimensions = dimensions
        self.asked: list[str] = []
        self.fails_after: int | None = None
        self.meanwhile: Callable[[], None] | None = None

    def block(self) -> Any:
        @block("models.embed", summary="Place texts in a vector space")
        async def embed(request: EmbeddingRequest) -> EmbeddingResponse:
            if self.fails_after is not None and len(self.asked) >= self.fails_after:
                raise ProviderUnreachable("no connection", provider="far")
            self.asked += request.texts
            if len(request.texts) > 1 and self.meanwhile:
                self.meanwhile()
            return EmbeddingResponse(tuple(map(self._vector, request.texts)), model=request.model)

        return embed

    def _vector(self, text: str) -> tuple[float, ...]:
        counted = [1.0 + text.count(chr(ord("a") + at % 26)) for at in range(self.dimensions)]
        return tuple(counted)


async def found(room: Room, query: str, mode: str = "hybrid", k: int = 3) -> list[str]:
    reply = await room("corpora.search", corpusId="c", query=query, mode=mode, k=k)
    return [each.text for each in reply.passages]


@pytest.mark.parametrize("mode", ["hybrid", "vector", "lexical"])
async def test_the_passage_that_says_it_comes_first(room: Room, mode: str) -> None:
    await room("corpora.baseline", corpusId="c", baselineId="b", content=BOOK)
    reply = await room("corpora.search", corpusId="c", query="where is the rumble?", mode=mode)
    first = reply.passages[0]
    assert "rumble" in first.text
    assert BOOK[first.start : first.end] == first.text
    assert (first.baselineId, first.version, first.reflectionId) == ("b", 1, "")
    scores = [each.score for each in reply.passages]
    assert scores == sorted(scores, reverse=True)


async def test_only_the_newest_version_is_found(room: Room) -> None:
    await room("corpora.baseline", corpusId="c", baselineId="b", content="The zither is old.")
    assert await found(room, "zither") == ["The zither is old."]
    await room("corpora.baseline", corpusId="c", baselineId="b", content="The zither is new.")
    assert await found(room, "zither") == ["The zither is new."]
    keys = room.segments.keys(DEFAULT_ORG, "c", f"offline/lexical@{CUT}")
    assert [key.source.version for key in keys] == [2]


async def test_a_reflection_is_found_as_soon_as_it_is_recorded(room: Room) -> None:
    await room("corpora.baseline", corpusId="c", baselineId="b", content=BOOK)
    assert not any("zither" in text for text in await found(room, "zither"))
    made = await room("corpora.reflect", corpusId="c", reflection="A zither would help.")
    reply = await room("corpora.search", corpusId="c", query="zither")
    first = reply.passages[0]
    assert (first.text, first.reflectionId) == ("A zither would help.", made.reflectionId)
    assert first.baselineId == ""


async def test_organisations_find_only_their_own(room: Room) -> None:
    await room("corpora.baseline", corpusId="c", baselineId="b", content="The zither is ours.")
    with pytest.raises(NotFound):
        await room("corpora.search", OTHER, corpusId="c", query="zither")


async def test_another_process_writes_and_this_one_finds_it(room: Room, tmp_path: Path) -> None:
    await room("corpora.baseline", corpusId="c", baselineId="b", content="One kick.")
    assert await found(room, "zither", "lexical") == []
    beside = Room(tmp_path)
    with contextlib.closing(beside.database):
        await beside("corpora.baseline", corpusId="c", baselineId="d", content="One zither.")
        assert await found(beside, "zither", "lexical") == ["One zither."]
    assert await found(room, "zither", "lexical") == ["One zither."]


async def test_a_corpus_made_anew_has_nothing_of_the_one_before(room: Room) -> None:
    await room("corpora.baseline", corpusId="c", baselineId="b", content="One zither.")
    assert await found(room, "zither", "lexical") == ["One zither."]
    await room("corpora.delete", corpusId="c")
    await room("corpora.create", corpusId="c")
    assert await found(room, "zither") == []


async def test_a_corpus_made_anew_elsewhere_has_nothing_of_the_one_before(
    room: Room, tmp_path: Path
) -> None:
    """The baseline, its version and the number of its passages are the same."""
    await room("corpora.baseline", corpusId="c", baselineId="b", content="One zither.")
    assert await found(room, "zither", "lexical") == ["One zither."]
    beside = Room(tmp_path)
    with contextlib.closing(beside.database):
        await beside("corpora.delete", corpusId="c")
        await beside("corpora.baseline", corpusId="c", baselineId="b", content="Some celesta.")
        assert await found(beside, "celesta", "lexical") == ["Some celesta."]
    assert await found(room, "zither", "lexical") == []
    assert await found(room, "celesta", "lexical") == ["Some celesta."]


async def test_searches_and_writes_at_once_find_what_is_there(room: Room) -> None:
    await room("corpora.baseline", corpusId="c", baselineId="b0", content="zither number 0")

    async def write(number: int) -> None:
        await room(
            "corpora.baseline", corpusId="c", baselineId=f"b{number}", content=f"zither {number}"
        )

    async def search() -> int:
        return len(await found(room, "zither", "lexical", 50))

    jobs = [job for number in range(1, 15) for job in (write(number), search())]
    await asyncio.gather(*jobs)
    assert await search() == 15


async def test_what_is_stored_is_indexed_then(room: Room) -> None:
    """It alone, however much else there is; and what takes longer goes on behind the reply."""
    await room("corpora.baseline", corpusId="c", baselineId="b", content=BOOK)
    await room("corpora.reflect", corpusId="c", reflection="The zither is told of nowhere.")
    assert (await room("corpora.index", corpusId="c")).added == 0

    room.corpora.put(DEFAULT_ORG, "c", "later", BOOK)
    await room("corpora.baseline", corpusId="c", baselineId="alone", content="Nothing else.")
    assert len(room.segments.keys(DEFAULT_ORG, "c", BUILT_IN_KEY)) == 3
    embedder = Embedder(room.gate, lexical.embed_all)
    catching_up = CatchingUp(Retrieval(room.corpora, room.segments, embedder), 0.0)
    await catching_up.after(DEFAULT_ORG, "c", Source(BASELINE, "later", 1))
    await asyncio.to_thread(
        settled, lambda: len(room.segments.keys(DEFAULT_ORG, "c", BUILT_IN_KEY)) == 4
    )


async def test_a_corpus_that_is_deleted_while_it_is_searched_is_not_found(tmp_path: Path) -> None:
    far = FarModel()
    room = Room(tmp_path, far.block())
    with contextlib.closing(room.database):
        room.corpora.create(DEFAULT_ORG, "c", "far/letters")
        room.corpora.put(DEFAULT_ORG, "c", "b", BOOK)
        far.meanwhile = lambda: room.corpora.delete(DEFAULT_ORG, "c")
        with pytest.raises(NotFound, match="no corpus 'c'"):
            await room("corpora.search", corpusId="c", query="rumble", mode="vector")


@pytest.mark.parametrize("mode", ["vector", "lexical"])
async def test_what_another_process_indexes_anew_is_found_all_the_while(
    room: Room, mode: str
) -> None:
    await room("corpora.baseline", corpusId="c", baselineId="b", content=BOOK)
    before = await found(room, "rumble", mode)
    Segments(room.database).drop_models(DEFAULT_ORG, "c")
    assert await found(room, "rumble", mode) == before


async def test_a_model_of_the_corpus_embeds_through_the_gate(tmp_path: Path) -> None:
    far = FarModel()
    room = Room(tmp_path, far.block())
    with contextlib.closing(room.database):
        await room("corpora.create", corpusId="c", embeddingModel="far/letters")
        await room("corpora.baseline", corpusId="c", baselineId="b", content=BOOK)
        reply = await room("corpora.search", corpusId="c", query="zzzz", mode="vector")
        assert (reply.embeddingModel, reply.note) == ("far/letters", "")
        asked = len(far.asked)
        assert asked == 10 + 1  # each passage, and the question

        await room("corpora.baseline", corpusId="c", baselineId="b", content=f"{BOOK}\n\n# New")
        (fresh,) = far.asked[asked:]
        assert "# New" in fresh


async def test_without_its_model_a_corpus_is_searched_all_the_same(tmp_path: Path) -> None:
    far = FarModel()
    far.fails_after = 0
    room = Room(tmp_path, far.block())
    with contextlib.closing(room.database):
        await room("corpora.create", corpusId="c", embeddingModel="far/letters")
        await room("corpora.baseline", corpusId="c", baselineId="b", content=BOOK)
        reply = await room("corpora.search", corpusId="c", query="rumble")
        assert "rumble" in reply.passages[0].text
        assert reply.embeddingModel == "offline/lexical"
        assert "provider_unreachable" in reply.note
        with pytest.raises(ProviderUnreachable):
            await room("corpora.index", corpusId="c")


async def test_what_was_embedded_before_a_failure_is_kept(tmp_path: Path) -> None:
    far = FarModel()
    far.fails_after = 300
    room = Room(tmp_path, far.block())
    text = "\n\n".join(f"# {number}" for number in range(1000)) + "\n\nlast"
    text = text.replace("\n\n", f"\n\n{'word ' * 30}\n\n")
    with contextlib.closing(room.database):
        await room("corpora.create", corpusId="c", embeddingModel="far/letters")
        await room("corpora.baseline", corpusId="c", baselineId="b", content=text)
        with pytest.raises(ProviderUnreachable):
            await room("corpora.index", corpusId="c")
        before = len(far.asked)
        far.fails_after = None
        made = await room("corpora.index", corpusId="c")
        assert made.passages > made.added > 0
        kept = made.passages - made.added
        assert kept >= 256
        assert len(set(far.asked[before:])) <= made.added + 1


async def test_a_name_that_leads_to_another_model_is_indexed_anew(tmp_path: Path) -> None:
    far = FarModel(26)
    room = Room(tmp_path, far.block())
    with contextlib.closing(room.database):
        await room("corpora.create", corpusId="c", embeddingModel="far/letters")
        await room("corpora.baseline", corpusId="c", baselineId="b", content=BOOK)
        assert len(await found(room, "rumble", "vector")) == 3
        far.dimensions = 40
        assert len(await found(room, "rumble", "vector")) == 3
        keys = room.segments.keys(DEFAULT_ORG, "c", f"far/letters@{CUT}")
        assert {key.dimensions for key in keys} == {40}


async def test_another_model_is_chosen_and_the_corpus_indexed_anew(tmp_path: Path) -> None:
    far = FarModel()
    room = Room(tmp_path, far.block())
    with contextlib.closing(room.database):
        await room("corpora.baseline", corpusId="c", baselineId="b", content=BOOK)
        assert (await room("corpora.index", corpusId="c")).embeddingModel == "offline/lexical"
        await room("corpora.update", corpusId="c", embeddingModel="far/letters")
        made = await room("corpora.index", corpusId="c")
        assert (made.embeddingModel, made.passages, made.added) == ("far/letters", 10, 10)
        assert (await room("corpora.index", corpusId="c")).added == 0
        assert (await room("corpora.index", corpusId="c", anew=True)).added == 10


async def test_what_would_not_fit_into_memory_is_refused(room: Room) -> None:
    await room("corpora.baseline", corpusId="c", baselineId="b", content=BOOK)
    small = Retrieval(
        room.corpora, room.segments, Embedder(room.gate, lexical.embed_all), most_bytes=10_000
    )
    with pytest.raises(TooLarge) as error:
        await small.search(DEFAULT_ORG, "c", "kick", 3, "hybrid")
    assert "several corpora" in error.value.hint


async def test_indexes_that_are_not_used_make_room(room: Room) -> None:
    held = Retrieval(
        room.corpora, room.segments, Embedder(room.gate, lexical.embed_all), most_bytes=60_000
    )
    for number in range(8):
        await room("corpora.baseline", corpusId=f"c{number}", baselineId="b", content=BOOK)
        answer = await held.search(DEFAULT_ORG, f"c{number}", "rumble", 1, "hybrid")
        assert "rumble" in answer.passages[0].text
    assert held._memory is not None
    assert 0 < held._memory.nbytes <= 60_000
    again = await held.search(DEFAULT_ORG, "c0", "rumble", 1, "hybrid")
    assert "rumble" in again.passages[0].text


_INDEXER = """
import asyncio, sys
from pathlib import Path
from tests.corpora.conftest import Room

async def main():
    room = Room(Path(sys.argv[1]))
    stored = room.segments.add
    def add(*given):
        stored(*given)
        print(given[-1].key.ordinal, flush=True)
    room.segments.add = add
    print("ready", flush=True)
    await room("corpora.index", corpusId="c")

asyncio.run(main())
"""


def _index_until_killed(folder: Path, steps: int) -> None:
    """A process that indexes, and is killed after it has stored so many segments."""
    child = subprocess.Popen(
        [sys.executable, "-c", _INDEXER, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout is not None
    for _ in range(1 + steps):
        assert child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    child.communicate()


@pytest.mark.parametrize("steps", [0, 1, 3])
async def test_a_process_killed_while_it_indexes_is_gone_on_from(
    room: Room, tmp_path: Path, steps: int
) -> None:
    text = "\n\n".join(f"# {n}\n\n{'some words of it ' * 30}zither{n}" for n in range(1000))
    room.corpora.put(DEFAULT_ORG, "c", "b", text)
    await asyncio.to_thread(_index_until_killed, tmp_path, steps)
    before = room.segments.keys(DEFAULT_ORG, "c", f"offline/lexical@{CUT}")
    assert len(before) >= steps
    made = await room("corpora.index", corpusId="c")
    assert made.added == made.passages - sum(key.passages for key in before)
    for number in (0, 500, 999):
        (best,) = await found(room, f"zither{number}", "lexical", 1)
        assert best.endswith(f"zither{number}")
    keys = room.segments.keys(DEFAULT_ORG, "c", f"offline/lexical@{CUT}")
    assert [key.ordinal for key in keys] == list(range(len(keys)))
    assert [key.last for key in keys] == [False] * (len(keys) - 1) + [True]
