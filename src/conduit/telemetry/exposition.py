"""Metrics as text: Prometheus 0.0.4 and OpenMetrics 1.0.

Formats: prometheus.io/docs/instrumenting/exposition_formats and the OpenMetrics specification.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, Literal

PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

Labels = tuple[tuple[str, str], ...]
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


@dataclass(slots=True)
class Histogram:
    """``counts`` of each bucket alone, the last one above every bound, and the ``total``."""

    bounds: Sequence[float]
    counts: Sequence[float]
    total: float


@dataclass(slots=True)
class Family:
    """One metric: samples by labels. ``name`` is a counter's with its ``_total``."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    samples: list[tuple[Labels, float | Histogram]] = field(default_factory=list)


def wants_openmetrics(accept: str) -> bool:
    """Whether an ``Accept`` header asks for OpenMetrics, as Prometheus does."""
    return "application/openmetrics-text" in accept


def render(families: Iterable[Family], *, openmetrics: bool = False) -> bytes:
    """The text of all metrics."""
    lines: list[str] = []
    for family in families:
        name = family.name
        if openmetrics and family.kind == "counter":
            name = name.removesuffix("_total")
        lines.append(f"# HELP {name} {family.help.translate(_ESCAPES)}")
        lines.append(f"# TYPE {name} {family.kind}")
        if openmetrics and name.endswith("_seconds"):
            lines.append(f"# UNIT {name} seconds")
        for labels, value in family.samples:
            if isinstance(value, Histogram):
                lines.extend(_histogram(family.name, labels, value))
            else:
                lines.append(f"{family.name}{_braces(labels)} {_number(value)}")
    if openmetrics:
        lines.append("# EOF")
    return ("\n".join(lines) + "\n").encode(errors="replace")


def _histogram(name: str, labels: Labels, value: Histogram) -> Iterable[str]:
    sums = list(accumulate(value.counts))
    for bound, count in zip((*map(repr, value.bounds), "+Inf"), sums, strict=True):
        yield f"{name}_bucket{_braces((*labels, ('le', bound)))} {_number(count)}"
    yield f"{name}_count{_braces(labels)} {_number(sums[-1])}"
    yield f"{name}_sum{_braces(labels)} {_number(value.total)}"


def _braces(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels) + "}"


def _number(value: float) -> str:
    return repr(value)
