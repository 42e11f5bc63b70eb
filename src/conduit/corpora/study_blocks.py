"""What comes back in a corpus, and what it says in short, as blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from conduit.blocks import Block, Effects, Length, Range, block, current_call
from conduit.corpora.answering import Model
from conduit.corpora.naming import CorpusId
from conduit.corpora.patterns import At, Recurring, recurring_passages
from conduit.corpora.reading import read_texts
from conduit.store.corpora import Corpora
from conduit.store.segments import BASELINE

if TYPE_CHECKING:
    from conduit.corpora.summary import Sentence

_MODEL_SENTENCES: Final = 60
_TASK: Final = (
    "Summarise what these passages say, in at most {0} sentences, the most important first."
)


@dataclass(frozen=True, slots=True)
class PatternsRequest:
    """What comes back across baselines and reflections?"""

    corpusId: CorpusId
    sources: Annotated[int, Range(1, 1000), "in how many texts a phrase must stand"] = 2
    most: Annotated[int, Range(1, 200), "of passages, and of phrases"] = 20


@dataclass(frozen=True, slots=True)
class Somewhere:
    """Characters ``start`` to ``end`` of a version of a baseline, or of a reflection."""

    baselineId: str
    reflectionId: str
    version: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """A passage or phrase, how often it stands, in how many texts, and the first 20 places. For a
    phrase these are the sentences around it."""

    text: str
    times: int
    sources: int
    score: float
    places: tuple[Somewhere, ...]


@dataclass(frozen=True, slots=True)
class PatternReport:
    """What comes back. ``whole`` is false when the corpus is larger than what is looked at."""

    corpusId: str
    passages: tuple[Pattern, ...]
    phrases: tuple[Pattern, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class SummaryRequest:
    """What to sum up. ``by`` ``auto`` asks a model where there is one."""

    corpusId: CorpusId
    sentences: Annotated[int, Range(1, 40)] = 5
    by: Literal["auto", "extractive"] = "auto"
    model: Annotated[str, Length(0, 200), "empty: whoever answers"] = ""


@dataclass(frozen=True, slots=True)
class Cited:
    """A sentence of the corpus, where it stands, and how the summary refers to it."""

    number: int
    text: str
    at: Somewhere


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary with what it rests on. ``by`` ``extractive``: sentences of the corpus, chosen by
    LexRank; ``note`` then says why no model wrote it. ``whole`` is false when the corpus is larger
    than what is looked at."""

    corpusId: str
    summary: str
    by: Literal["model", "extractive"]
    citations: tuple[Cited, ...]
    unknown: tuple[int, ...]
    whole: bool
    provider: str = ""
    model: str = ""
    note: str = ""


def study_blocks(corpora: Corpora, model: Model) -> tuple[Block[Any, Any], ...]:
    """``analytics.patterns`` and ``analytics.summarize``."""

    @block(
        "analytics.patterns",
        summary="Find passages and phrases that come back across a corpus",
        effects=Effects.READS,
    )
    def patterns(request: PatternsRequest) -> PatternReport:
        from conduit.corpora.phrases import recurring_phrases

        texts, whole = read_texts(corpora, current_call().principal.org_id, request.corpusId)
        phrases = recurring_phrases(texts, request.sources, request.most)
        return PatternReport(
            request.corpusId,
            tuple(map(_pattern, recurring_passages(texts, request.most))),
            tuple(map(_pattern, phrases)),
            whole,
        )

    @block(
        "analytics.summarize",
        summary="Sum up a corpus, with citations",
        effects=Effects.READS | Effects.NETWORK,
    )
    async def summarize(request: SummaryRequest) -> Summary:
        org, name = current_call().principal.org_id, request.corpusId
        most = request.sentences if request.by == "extractive" else _MODEL_SENTENCES
        found, whole = await asyncio.to_thread(_ranked, corpora, org, name, most)
        note = "" if found else "there is nothing to sum up"
        if found and request.by == "auto":
            task = _TASK.format(request.sentences)
            said = await model.about(task, [each.text for each in found], request.model)
            if said.text:
                cited = tuple(_cited(number, found[number - 1]) for number in said.cited)
                return Summary(
                    name,
                    said.text,
                    "model",
                    cited,
                    said.unknown,
                    whole,
                    said.provider,
                    said.model,
                )
            note = said.note
            found, whole = await asyncio.to_thread(_ranked, corpora, org, name, request.sentences)
        text = " ".join(f"{' '.join(each.text.split())} [{n}]" for n, each in enumerate(found, 1))
        cited = tuple(_cited(number, each) for number, each in enumerate(found, 1))
        return Summary(name, text, "extractive", cited, (), whole, note=note)

    return patterns, summarize


def _ranked(
    corpora: Corpora, org_id: str, corpus_id: str, most: int
) -> tuple[Sequence[Sentence], bool]:
    from conduit.corpora.summary import ranked

    texts, whole = read_texts(corpora, org_id, corpus_id)
    return ranked(texts, most), whole


def _pattern(found: Recurring) -> Pattern:
    return Pattern(
        found.text,
        found.times,
        found.sources,
        found.score,
        tuple(map(_somewhere, found.places)),
    )


def _somewhere(at: At) -> Somewhere:
    is_baseline = at.source.kind == BASELINE
    return Somewhere(
        at.source.id if is_baseline else "",
        "" if is_baseline else at.source.id,
        at.source.version,
        at.start,
        at.end,
    )


def _cited(number: int, sentence: Sentence) -> Cited:
    return Cited(number, sentence.text, _somewhere(sentence.at))
