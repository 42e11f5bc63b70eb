"""The techno engine: decides *what* plays.

Pure and seeded: a config and a seed give the same notes on every machine, with no network, clock
or database. How notes are written down is ``conduit.midi``'s business.

::

    from conduit.rhythm import render

    session = render("configs/polymetric.yaml", bars=16, seed=7)
    print(session.text(bars=4))
    session.save("polymetric.mid")
"""

from conduit.rhythm.clip import ClipColumns, ClipNote, notes_from_clip
from conduit.rhythm.config import (
    EngineConfig,
    Feel,
    GhostConfig,
    LayerConfig,
    Role,
    TimingBin,
    TimingConfig,
)
from conduit.rhythm.control import BarLog
from conduit.rhythm.engine import play, render
from conduit.rhythm.euclid import EuclidError, euclid
from conduit.rhythm.load import load_config
from conduit.rhythm.notation import Lane
from conduit.rhythm.parameters import (
    ConditionConfig,
    KeyConfig,
    KickLock,
    MarkerConfig,
    MelodyConfig,
    MeterChange,
    Mode,
    RatchetConfig,
    TempoChange,
    VariationConfig,
)
from conduit.rhythm.scale import Root, Scale
from conduit.rhythm.scores import Score, ScoreName, Scores
from conduit.rhythm.session import Session
from conduit.rhythm.steering import (
    Aim,
    GuardConfig,
    MarkovConfig,
    ModulatorConfig,
    Shape,
    Targets,
    Window,
)
from conduit.rhythm.styles import STYLES, Style

__all__ = [
    "STYLES",
    "Aim",
    "BarLog",
    "ClipColumns",
    "ClipNote",
    "ConditionConfig",
    "EngineConfig",
    "EuclidError",
    "Feel",
    "GhostConfig",
    "GuardConfig",
    "KeyConfig",
    "KickLock",
    "Lane",
    "LayerConfig",
    "MarkerConfig",
    "MarkovConfig",
    "MelodyConfig",
    "MeterChange",
    "Mode",
    "ModulatorConfig",
    "RatchetConfig",
    "Role",
    "Root",
    "Scale",
    "Score",
    "ScoreName",
    "Scores",
    "Session",
    "Shape",
    "Style",
    "Targets",
    "TempoChange",
    "TimingBin",
    "TimingConfig",
    "VariationConfig",
    "Window",
    "euclid",
    "load_config",
    "notes_from_clip",
    "play",
    "render",
]
