"""``groove.explain``: a config as numbers and as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from conduit.blocks import Block, Effects, block, current_call
from conduit.contracts.errors import TooLarge
from conduit.contracts.files import FileRef, FileStore
from conduit.rhythm.blocks import MAX_BLOCK_CELLS, ConfigRequest
from conduit.rhythm.check import cells_of
from conduit.rhythm.engine import play
from conduit.rhythm.explain.panels import Counts, counts_of, picture_of
from conduit.rhythm.explain.svg import svg_of
from conduit.rhythm.groove import slug
from conduit.rhythm.load import load_config
from conduit.rhythm.scores import ScoreName
from conduit.rhythm.session import Session

SVG_TYPE = "image/svg+xml"
LISTED_BARS = 1024
"""Of how many bars the values go into the answer; the picture shows all."""


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """What a layer does. Velocities are 0 for a layer that is silent."""

    name: str
    hits: int
    density: Annotated[float, "part of its steps that sound"]
    softest: int
    loudest: int
    onsets: Annotated[tuple[int, ...], "in each bar, of the first 1024 bars at most"]


@dataclass(frozen=True, slots=True)
class ScoreFacts:
    """A score, normalised to 0 to 1."""

    name: ScoreName
    mean: float
    bars: Annotated[tuple[float, ...], "in each bar, of the first 1024 bars at most"]


@dataclass(frozen=True, slots=True)
class Explained:
    """A groove in numbers, and where its picture is."""

    title: str
    bpm: float
    bars: int
    seed: int
    mean_density: Annotated[float, "part of all steps of all layers that sound"]
    density: Annotated[tuple[float, ...], "in each bar, of the first 1024 bars at most"]
    scores: tuple[ScoreFacts, ...]
    layers: tuple[LayerFacts, ...]
    svg: FileRef


def explain_blocks(files: FileStore) -> tuple[Block[Any, Any], ...]:
    """``groove.explain``."""

    @block(
        "groove.explain",
        summary="Show what a groove config does over time, in numbers and as an SVG picture",
        effects=Effects.WRITES_FILES,
    )
    def explain_groove(request: ConfigRequest) -> Explained:
        config = load_config(request.config, {"bars": request.bars, "seed": request.seed})
        if cells_of(config) > MAX_BLOCK_CELLS:
            raise TooLarge(
                f"{cells_of(config)} cells (bars × steps × layers), at most {MAX_BLOCK_CELLS} are "
                "explained in one call",
                where="config.bars",
                hint="ask for fewer bars",
            )
        session = play(config)
        counts = counts_of(session)
        picture = svg_of(picture_of(session, counts)).encode()
        org, title = current_call().principal.org_id, config.title or "groove"
        return Explained(
            title=title,
            bpm=session.bpm,
            bars=session.bars,
            seed=config.seed,
            mean_density=round(float(counts.density.mean()), 4),
            density=tuple(round(each, 4) for each in counts.density[:LISTED_BARS].tolist()),
            scores=tuple(_score(session, name) for name in ScoreName),
            layers=_facts(session, counts),
            svg=files.put(org, f"{slug(title) or 'groove'}.svg", SVG_TYPE, picture),
        )

    return (explain_groove,)


def _score(session: Session, name: ScoreName) -> ScoreFacts:
    score = session.scores[name]
    bars = tuple(round(each, 4) for each in score.normal[:LISTED_BARS].tolist())
    return ScoreFacts(name, round(score.mean, 4), bars)


def _facts(session: Session, counts: Counts) -> tuple[LayerFacts, ...]:
    facts = []
    for index, name in enumerate(session.layers):
        loud = session.notes["velocity"][session.notes["layer"] == index]
        onsets = counts.onsets[index]
        facts.append(
            LayerFacts(
                name=name,
                hits=int(onsets.sum()),
                density=round(float(onsets.mean()) / session.config.steps_per_bar, 4),
                softest=int(loud.min(initial=127)) if len(loud) else 0,
                loudest=int(loud.max(initial=0)),
                onsets=tuple(onsets[:LISTED_BARS].tolist()),
            )
        )
    return tuple(facts)
