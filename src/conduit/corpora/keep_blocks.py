"""Keeping corpora, baselines and reflections, as blocks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from conduit.blocks import Block, Effects, Length, NoOp, Range, block, current_call
from conduit.contracts.errors import InvalidInput
from conduit.contracts.files import FileStore
from conduit.corpora.catching_up import CatchingUp
from conduit.corpora.embedding import require_model_name
from conduit.corpora.naming import (
    MOST_BYTES,
    MOST_REFLECTION,
    BaselineId,
    CorpusId,
    ModelName,
    require_name,
    require_size,
)
from conduit.corpora.retrieval import Retrieval
from conduit.store.corpora import Corpora, StoredCorpus, StoredVersion
from conduit.store.segments import BASELINE, REFLECTION, Source

Version = Annotated[int, Range(0, 2**53), "0: the newest"]


@dataclass(frozen=True, slots=True)
class NewCorpus:
    """A corpus to make."""

    corpusId: CorpusId
    embeddingModel: ModelName = ""


@dataclass(frozen=True, slots=True)
class ChangedCorpus:
    """Another embedding model for a corpus; it is indexed anew when it is next searched."""

    corpusId: CorpusId
    embeddingModel: ModelName


@dataclass(frozen=True, slots=True)
class CorpusName:
    """Which corpus."""

    corpusId: CorpusId


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus. ``characters`` are those that can be searched: of newest versions and reflections.
    ``createdAt`` is UTC in ISO 8601."""

    corpusId: str
    embeddingModel: str
    baselines: int
    versions: int
    reflections: int
    characters: int
    createdAt: str


@dataclass(frozen=True, slots=True)
class CorpusList:
    """Every corpus of the organisation, by name."""

    corpora: tuple[Corpus, ...]


@dataclass(frozen=True, slots=True)
class Deleted:
    """It is gone, with all that was in it."""

    status: Literal["deleted"]
    corpusId: str


@dataclass(frozen=True, slots=True)
class NewBaseline:
    """A text to keep: its ``content``, or the ``fileId`` of a stored file of UTF-8."""

    corpusId: CorpusId
    baselineId: BaselineId
    content: Annotated[str | None, Length(0, MOST_BYTES), "the text; 8 MB at most"] = None
    fileId: Annotated[str, Length(0, 64), "instead of content"] = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """It is stored. ``unchanged`` says that the newest version was the same already."""

    status: Literal["stored"]
    baselineId: str
    version: int
    unchanged: bool


@dataclass(frozen=True, slots=True)
class BaselineVersion:
    """A version of a baseline. ``digest`` is the SHA-256 of the content, in hex."""

    baselineId: str
    version: int
    characters: int
    digest: str
    createdAt: str


@dataclass(frozen=True, slots=True)
class BaselineList:
    """The newest version of each baseline, by name."""

    corpusId: str
    baselines: tuple[BaselineVersion, ...]


@dataclass(frozen=True, slots=True)
class BaselineName:
    """Which baseline."""

    corpusId: CorpusId
    baselineId: BaselineId


@dataclass(frozen=True, slots=True)
class BaselineAt:
    """Which version of which baseline."""

    corpusId: CorpusId
    baselineId: BaselineId
    version: Version = 0


@dataclass(frozen=True, slots=True)
class Baseline:
    """A version of a baseline with its content."""

    corpusId: str
    baselineId: str
    version: int
    characters: int
    digest: str
    createdAt: str
    content: str


@dataclass(frozen=True, slots=True)
class VersionList:
    """Every version of a baseline, oldest first."""

    corpusId: str
    baselineId: str
    versions: tuple[BaselineVersion, ...]


@dataclass(frozen=True, slots=True)
class NewReflection:
    """A summary or an insight to record."""

    corpusId: CorpusId
    reflection: Annotated[str, Length(1, MOST_REFLECTION)]


@dataclass(frozen=True, slots=True)
class Recorded:
    """It is recorded."""

    status: Literal["recorded"]
    reflectionId: str


@dataclass(frozen=True, slots=True)
class ReflectionPage:
    """Which reflections: the newest, or those ``before`` the last one of a page."""

    corpusId: CorpusId
    before: Annotated[str, Length(0, 36), "a reflectionId"] = ""
    limit: Annotated[int, Range(1, 100)] = 50


@dataclass(frozen=True, slots=True)
class Reflection:
    """A reflection on a corpus."""

    reflectionId: str
    reflection: str
    createdAt: str


@dataclass(frozen=True, slots=True)
class ReflectionList:
    """Reflections, newest first."""

    corpusId: str
    reflections: tuple[Reflection, ...]


def corpus_blocks(corpora: Corpora, retrieval: Retrieval) -> tuple[Block[Any, Any], ...]:
    """``corpora.create``, ``list``, ``get``, ``update`` and ``delete``."""

    @block("corpora.create", summary="Make a corpus", effects=Effects.WRITES_STATE)
    def create(request: NewCorpus) -> Corpus:
        require_name("corpusId", request.corpusId)
        model = require_model_name(request.embeddingModel)
        return _corpus(corpora.create(_org(), request.corpusId, model))

    @block("corpora.list", summary="List the corpora", effects=Effects.READS)
    def list_all(_: NoOp) -> CorpusList:
        return CorpusList(tuple(map(_corpus, corpora.list(_org()))))

    @block("corpora.get", summary="Show what a corpus holds", effects=Effects.READS)
    def get(request: CorpusName) -> Corpus:
        return _corpus(corpora.get(_org(), request.corpusId))

    @block(
        "corpora.update",
        summary="Choose the embedding model of a corpus",
        effects=Effects.WRITES_STATE,
    )
    def update(request: ChangedCorpus) -> Corpus:
        model = require_model_name(request.embeddingModel)
        corpora.set_model(_org(), request.corpusId, model)
        return _corpus(corpora.get(_org(), request.corpusId))

    @block(
        "corpora.delete",
        summary="Delete a corpus with all its baselines and reflections",
        by_hand=True,
        effects=Effects.WRITES_STATE,
    )
    def delete(request: CorpusName) -> Deleted:
        corpora.delete(_org(), request.corpusId)
        retrieval.forget(_org(), request.corpusId)
        return Deleted("deleted", request.corpusId)

    return create, list_all, get, update, delete


def baseline_blocks(
    corpora: Corpora, files: FileStore, catching_up: CatchingUp
) -> tuple[Block[Any, Any], ...]:
    """``corpora.baseline``, ``baselines``, ``get_baseline`` and ``versions``."""

    @block(
        "corpora.baseline",
        summary="Keep a text in a corpus, as a new version if it is there already",
        effects=Effects.WRITES_STATE | Effects.NETWORK,
    )
    async def store(request: NewBaseline) -> Stored:
        require_name("corpusId", request.corpusId)
        require_name("baselineId", request.baselineId)
        kept, new = await asyncio.to_thread(_put, corpora, files, request)
        if new:
            source = Source(BASELINE, kept.baseline_id, kept.version)
            await catching_up.after(_org(), request.corpusId, source)
        return Stored("stored", kept.baseline_id, kept.version, not new)

    @block("corpora.baselines", summary="List the baselines of a corpus", effects=Effects.READS)
    def list_all(request: CorpusName) -> BaselineList:
        found = corpora.baselines(_org(), request.corpusId)
        return BaselineList(request.corpusId, tuple(map(_version, found)))

    @block("corpora.get_baseline", summary="Read a baseline", effects=Effects.READS)
    def get(request: BaselineAt) -> Baseline:
        found = corpora.read(_org(), request.corpusId, request.baselineId, request.version)
        said = _version(found)
        return Baseline(
            request.corpusId,
            said.baselineId,
            said.version,
            said.characters,
            said.digest,
            said.createdAt,
            found.content,
        )

    @block(
        "corpora.versions",
        summary="List the versions of a baseline",
        effects=Effects.READS,
    )
    def versions(request: BaselineName) -> VersionList:
        found = corpora.versions(_org(), request.corpusId, request.baselineId)
        return VersionList(request.corpusId, request.baselineId, tuple(map(_version, found)))

    return store, list_all, get, versions


def reflection_blocks(corpora: Corpora, catching_up: CatchingUp) -> tuple[Block[Any, Any], ...]:
    """``corpora.reflect`` and ``corpora.reflections``."""

    @block(
        "corpora.reflect",
        summary="Record a reflection on a corpus",
        effects=Effects.WRITES_STATE | Effects.NETWORK,
    )
    async def reflect(request: NewReflection) -> Recorded:
        require_name("corpusId", request.corpusId)
        made = await asyncio.to_thread(
            corpora.reflect, _org(), request.corpusId, request.reflection
        )
        await catching_up.after(_org(), request.corpusId, Source(REFLECTION, made.id, 1))
        return Recorded("recorded", made.id)

    @block(
        "corpora.reflections",
        summary="List the reflections on a corpus, newest first",
        effects=Effects.READS,
    )
    def reflections(request: ReflectionPage) -> ReflectionList:
        found = corpora.reflections(
            _org(), request.corpusId, before=request.before, most=request.limit
        )
        return ReflectionList(
            request.corpusId,
            tuple(Reflection(r.id, r.content, r.created_at.isoformat()) for r in found),
        )

    return reflect, reflections


def _org() -> str:
    return current_call().principal.org_id


def _put(corpora: Corpora, files: FileStore, request: NewBaseline) -> tuple[StoredVersion, bool]:
    content = _content(request, files)
    require_size(content)
    return corpora.put(_org(), request.corpusId, request.baselineId, content)


def _content(request: NewBaseline, files: FileStore) -> str:
    if (request.content is None) == (not request.fileId):
        raise InvalidInput(
            "a baseline is its content, or a file" if request.fileId else "there is no content",
            where="content",
            hint="give content or fileId, one of them",
        )
    if request.content is not None:
        return request.content
    ref, data = files.get(_org(), request.fileId)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"{ref.name[:80]} is not UTF-8: byte {error.start} cannot be read",
            where="fileId",
            hint="store a text file",
        ) from None


def _corpus(stored: StoredCorpus) -> Corpus:
    return Corpus(
        stored.id,
        stored.model,
        stored.baselines,
        stored.versions,
        stored.reflections,
        stored.characters,
        stored.created_at.isoformat(),
    )


def _version(stored: StoredVersion) -> BaselineVersion:
    return BaselineVersion(
        stored.baseline_id,
        stored.version,
        stored.characters,
        stored.digest,
        stored.created_at.isoformat(),
    )
