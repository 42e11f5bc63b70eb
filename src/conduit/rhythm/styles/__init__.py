"""The styles: ten grooves that a techno producer would tell apart in two bars.

Each is an ordinary :class:`~conduit.rhythm.config.EngineConfig`, so a style can be rendered as it
is, or be the starting point of something else.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from conduit.rhythm.config import EngineConfig
from conduit.rhythm.styles import broken, driving, floating


class Style(enum.StrEnum):
    """A named groove to start from."""

    INDUSTRIAL = "industrial"
    WAREHOUSE = "warehouse"
    HYPNOTIC = "hypnotic"
    MINIMAL = "minimal"
    DUB = "dub"
    ACID = "acid"
    BROKEN = "broken"
    ELECTRO = "electro"
    HARD = "hard"
    IDM = "idm"


STYLES: Final[Mapping[Style, EngineConfig]] = MappingProxyType(
    {
        Style.INDUSTRIAL: driving.INDUSTRIAL,
        Style.WAREHOUSE: driving.WAREHOUSE,
        Style.HYPNOTIC: floating.HYPNOTIC,
        Style.MINIMAL: floating.MINIMAL,
        Style.DUB: floating.DUB,
        Style.ACID: driving.ACID,
        Style.BROKEN: broken.BROKEN,
        Style.ELECTRO: broken.ELECTRO,
        Style.HARD: driving.HARD,
        Style.IDM: broken.IDM,
    }
)
"""The config of each style."""

__all__ = ["STYLES", "Style"]
