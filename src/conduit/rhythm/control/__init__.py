"""Control (M4): a groove that is steered while it plays, and says what it did.

``modulators`` move slowly over many bars, ``markov`` decides the free steps, ``judge`` reads the
scores of candidates, and ``controller`` holds them inside windows and keeps the ``log``.
"""

from conduit.rhythm.control.controller import Steered, steer
from conduit.rhythm.control.log import BarLog, Knobs, Reading, Touch
from conduit.rhythm.control.modulators import modulation

__all__ = ["BarLog", "Knobs", "Reading", "Steered", "Touch", "modulation", "steer"]
