"""Finding passages in a corpus, and answers with citations, as blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from conduit.blocks import Block, Effects, Length, Range, block, current_call
from conduit.corpora.answering import Model
from conduit.corpora.naming import CorpusId
from conduit.corpora.retrieval import Finding, Passage, Retrieval
from conduit.store.segments import BASELINE

Mode = Literal["hybrid", "vector", "lexical"]
"""By vectors and words, by vectors (exact cosine), by words (BM25)."""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What to look for. ``mode``: by vectors and words together, by vectors, or by words."""

    corpusId: CorpusId
    query: Annotated[str, Length(1, 10_000), "in plain words"]
    k: Annotated[int, Range(1, 100), "how many passages"] = 5
    mode: Mode = "hybrid"


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A passage: characters ``start`` to ``end`` of a version of a baseline, or of a reflection
    (then ``baselineId`` is empty). ``score`` is a cosine, a BM25 score, or a sum of both ranks."""

    score: float
    baselineId: str
    reflectionId: str
    version: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class SearchReply:
    """The best passages, best first. ``note`` says why another embedding model than the corpus's
    was used."""

    corpusId: str
    mode: Mode
    embeddingModel: str
    passages: tuple[FoundPassage, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class CorpusQuestion:
    """A question to a corpus."""

    corpusId: CorpusId
    question: Annotated[str, Length(1, 10_000), "in plain words"]
    k: Annotated[int, Range(1, 50), "how many passages a model is given"] = 8
    mode: Mode = "hybrid"
    model: Annotated[str, Length(0, 200), "empty: whoever answers"] = ""


@dataclass(frozen=True, slots=True)
class Citation:
    """``number`` is how the answer refers to a passage."""

    number: int
    passage: FoundPassage


@dataclass(frozen=True, slots=True)
class CorpusAnswer:
    """An answer and what it rests on. ``by`` is ``model``, or ``passages``: then ``text`` is the
    best passages themselves, and ``note`` says why. ``unknown`` are citations that a model made up;
    they are no longer in the text. Not ``grounded``: it cites nothing it was given."""

    text: str
    by: Literal["model", "passages"]
    grounded: bool
    citations: tuple[Citation, ...]
    unknown: tuple[int, ...]
    provider: str = ""
    model: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class IndexRequest:
    """Which corpus to make ready for searches; ``anew`` forgets what was indexed before."""

    corpusId: CorpusId
    anew: bool = False


@dataclass(frozen=True, slots=True)
class IndexReply:
    """All of it can be found: ``passages`` in all, ``added`` of them just now."""

    corpusId: str
    embeddingModel: str
    passages: int
    added: int


def find_blocks(retrieval: Retrieval, model: Model) -> tuple[Block[Any, Any], ...]:
    """``corpora.index``, ``corpora.search`` and ``corpora.ask``."""

    @block(
        "corpora.index",
        summary="Index what a corpus holds; storing and searching do it too",
        effects=Effects.WRITES_STATE | Effects.NETWORK,
    )
    async def index(request: IndexRequest) -> IndexReply:
        made = await retrieval.index(_org(), request.corpusId, anew=request.anew)
        return IndexReply(request.corpusId, made.model, made.passages, made.added)

    @block(
        "corpora.search",
        summary="Find the passages of a corpus that say something about a question",
        effects=Effects.READS | Effects.NETWORK,
    )
    async def search(request: SearchRequest) -> SearchReply:
        found = await retrieval.search(
            _org(), request.corpusId, request.query, request.k, request.mode
        )
        passages = tuple(map(_found, found.passages))
        return SearchReply(request.corpusId, request.mode, found.model, passages, found.note)

    @block(
        "corpora.ask",
        summary="Answer a question from a corpus, with citations",
        effects=Effects.READS | Effects.NETWORK,
    )
    async def ask(request: CorpusQuestion) -> CorpusAnswer:
        found = await retrieval.search(
            _org(), request.corpusId, request.question, request.k, request.mode
        )
        if not found.passages:
            return CorpusAnswer("", "passages", False, (), (), note="nothing was found")
        texts = [each.text for each in found.passages]
        said = await model.about(request.question, texts, request.model)
        if not said.text:
            return _quoted(found, said.note)
        return CorpusAnswer(
            said.text,
            "model",
            bool(said.cited),
            tuple(Citation(n, _found(found.passages[n - 1])) for n in said.cited),
            said.unknown,
            said.provider,
            said.model,
            found.note,
        )

    return index, search, ask


def _quoted(found: Finding, why: str) -> CorpusAnswer:
    """The best passages in place of an answer."""
    best = found.passages[:3]
    text = "\n\n".join(f"{each.text} [{n}]" for n, each in enumerate(best, 1))
    cited = tuple(Citation(n, _found(each)) for n, each in enumerate(best, 1))
    note = "; ".join(filter(None, (why, found.note)))
    return CorpusAnswer(text, "passages", True, cited, (), note=note)


def _found(passage: Passage) -> FoundPassage:
    source = passage.source
    is_baseline = source.kind == BASELINE
    return FoundPassage(
        round(passage.score, 6),
        source.id if is_baseline else "",
        "" if is_baseline else source.id,
        source.version,
        passage.start,
        passage.end,
        passage.text,
    )


def _org() -> str:
    return current_call().principal.org_id
