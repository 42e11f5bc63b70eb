"""What can be said of a groove in numbers: published measures, one module each.

====================  =========================================================  ==============
score                 measure                                                    module
====================  =========================================================  ==============
E ``entrainment``     vector strength at the beat                                ``entrainment``
S ``syncopation``     Longuet-Higgins and Lee 1984                               ``syncopation``
D ``density``         hits over places                                           ``density``
H ``entropy``         Shannon entropy of the inter-onset intervals               ``entropy``
T ``tension``         surprisal under a running model of the last bars           ``tension``
``note_to_beat``      weighted note-to-beat distance, beside S                   ``note_to_beat``
``pulse``             pulse clarity, beside E                                    ``pulse``
====================  =========================================================  ==============

They describe; they do not judge. A window of them is a style, and their maximum is never a goal.
"""

from conduit.rhythm.scores.measure import Metre, Velocities, score_bars, velocity_grid
from conduit.rhythm.scores.result import Score, ScoreName, Scores

__all__ = [
    "Metre",
    "Score",
    "ScoreName",
    "Scores",
    "Velocities",
    "score_bars",
    "velocity_grid",
]
