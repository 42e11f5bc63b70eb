"""Asking until somebody answers: failover, retries, hedging, and what a stream does half-way.

A plan says whom to ask, in which order. An attempt asks one of them: it takes its turn at the
provider's limits, gets a permit from the circuit, and tells the circuit how it ended. A failure
before the first token or tool call passes to the next; one after it ends the stream, unless the
plan lets another provider finish the answer.
"""

from conduit.models.failover.asking import answer, embed, open_stream
from conduit.models.failover.attempt import Embedded, Whole
from conduit.models.failover.live import Live, Piece
from conduit.models.failover.opened import Opened
from conduit.models.failover.plan import Candidate, Notes, Plan

__all__ = [
    "Candidate",
    "Embedded",
    "Live",
    "Notes",
    "Opened",
    "Piece",
    "Plan",
    "Whole",
    "answer",
    "embed",
    "open_stream",
]
