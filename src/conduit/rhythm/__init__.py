"""The techno engine: decides *what* plays.

Pure and seeded: a config and a seed give the same notes on every machine, with no network, clock
or database. How notes are written down is ``conduit.midi``'s business.

::

    from conduit.rhythm import render

    session = render("configs/polymetric.yaml", bars=16, seed=7)
    print(session.text(bars=4))
    session.save("polymetric.mid")
"""

from conduit.rhythm.config import (
    EngineConfig,
    Feel,
    GhostConfig,
    LayerConfig,
    Role,
    TimingBin,
    TimingConfig,
)
from conduit.rhythm.engine import play, render
from conduit.rhythm.euclid import EuclidError, euclid
from conduit.rhythm.load import load_config
from conduit.rhythm.notation import Lane
from conduit.rhythm.session import Session
from conduit.rhythm.styles import STYLES, Style

__all__ = [
    "STYLES",
    "EngineConfig",
    "EuclidError",
    "Feel",
    "GhostConfig",
    "Lane",
    "LayerConfig",
    "Role",
    "Session",
    "Style",
    "TimingBin",
    "TimingConfig",
    "euclid",
    "load_config",
    "play",
    "render",
]
