"""The metrics as a block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from conduit.app.metering import Metering
from conduit.blocks import Block, Effects, Length, block


@dataclass(frozen=True, slots=True)
class MetricsQuestion:
    """``accept`` is an HTTP ``Accept`` header: OpenMetrics is given to those who ask for it."""

    accept: Annotated[str, Length(0, 1000)] = ""


@dataclass(frozen=True, slots=True)
class MetricsText:
    """What was counted, by all workers, in the text format of Prometheus."""

    text: str
    media_type: str


def metrics_block(metering: Metering) -> Block[Any, Any]:
    """``system.metrics``."""

    @block("system.metrics", summary="Tell what was counted", effects=Effects.READS)
    def metrics(question: MetricsQuestion) -> MetricsText:
        body, media_type = metering.scrape(question.accept)
        return MetricsText(body.decode(), media_type)

    return metrics
