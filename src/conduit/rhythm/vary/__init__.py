"""A batch of variations of a groove, ranked.

Read :mod:`~conduit.rhythm.vary.jitter` for what varies, :mod:`~conduit.rhythm.vary.rank` for what
is better, and :mod:`~conduit.rhythm.vary.batch` for how the two meet.
"""

from conduit.rhythm.vary.batch import Variation, vary
from conduit.rhythm.vary.jitter import Change, jittered
from conduit.rhythm.vary.rank import Rank, Ranked, fit_and_unlike
from conduit.rhythm.vary.take import Take, take_of

__all__ = [
    "Change",
    "Rank",
    "Ranked",
    "Take",
    "Variation",
    "fit_and_unlike",
    "jittered",
    "take_of",
    "vary",
]
