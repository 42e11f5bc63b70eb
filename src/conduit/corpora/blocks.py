"""The corpora room as blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conduit.blocks import Block, Gate
from conduit.contracts.files import FileStore
from conduit.corpora.answering import Model
from conduit.corpora.catching_up import CatchingUp
from conduit.corpora.drift_blocks import drift_blocks
from conduit.corpora.embedding import Embed, Embedder
from conduit.corpora.find_blocks import find_blocks
from conduit.corpora.keep_blocks import baseline_blocks, corpus_blocks, reflection_blocks
from conduit.corpora.retrieval import Retrieval
from conduit.corpora.study_blocks import study_blocks
from conduit.store.corpora import Corpora
from conduit.store.segments import Segments


def corpora_blocks(
    corpora: Corpora,
    segments: Segments,
    files: FileStore,
    gate: Gate,
    built_in: Embed,
    is_model: Callable[[str], bool],
) -> tuple[Block[Any, Any], ...]:
    """``corpora.*`` and ``analytics.*``.

    Models are asked through the gate, ``models.embed`` and ``models.complete``, as whoever calls.
    ``built_in`` embeds where a corpus names no model; ``is_model`` tells a provider that is a model
    from the offline agent.
    """
    embedder = Embedder(gate, built_in)
    retrieval = Retrieval(corpora, segments, embedder)
    catching_up = CatchingUp(retrieval)
    model = Model(gate, is_model)
    return (
        *corpus_blocks(corpora, retrieval),
        *baseline_blocks(corpora, files, catching_up),
        *reflection_blocks(corpora, catching_up),
        *find_blocks(retrieval, model),
        *drift_blocks(corpora, embedder),
        *study_blocks(corpora, model),
    )
