"""Counting answers: who has the majority, how much they agree, and when it is decided."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

MOST_SAMPLES = 16
_SHORT = 500
_ROUNDING = 1e-9
"""0.7 of 10 samples are 7, though not in binary fractions."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``winner`` is the most frequent answer, among equals the one that came first; empty when none
    came. ``agreement`` is its share of the samples that ended; one that failed agrees with nobody.
    ``uncertainty`` is 1 − agreement, and ``entropy`` that of the answers' shares (Shannon), from 0
    (all the same) to 1 (each another)."""

    winner: str
    agreement: float
    uncertainty: float
    entropy: float
    groups: tuple[tuple[str, int], ...]

    @property
    def dissent(self) -> dict[str, int]:
        """The other answers, in short, and how often each was given."""
        counts: Counter[str] = Counter()
        for answer, count in self.groups[1:]:
            counts[answer[:_SHORT]] += count
        return dict(counts)


class Ballot:
    """At most so many ``samples``, of which the share ``agree`` is to say the same.

    >>> ballot = Ballot(3, agree=0.6)
    >>> ballot.wanted
    2
    >>> ballot.add("42"), ballot.add("41"), ballot.wanted
    (None, None, 1)
    >>> ballot.add("42"), ballot.wanted, ballot.agreed
    (None, 0, True)
    """

    __slots__ = ("_counts", "agree", "failed", "samples")

    def __init__(self, samples: int, *, agree: float = 0.0) -> None:
        self.samples = samples
        self.agree = agree
        self.failed = 0
        self._counts: Counter[str] = Counter()  # keeps who came first

    @property
    def answers(self) -> int:
        """How many came."""
        return self._counts.total()

    def add(self, answer: str) -> None:
        """One more, normalised."""
        self._counts[answer] += 1

    def fail(self) -> None:
        """One that will not come."""
        self.failed += 1

    @property
    def wanted(self) -> int:
        """How many more answers would decide it if they said what the first by now says: more need
        not be asked for at once. 0 when it is decided: nothing that could still come changes the
        winner, or gives it the share that it lacks."""
        top, second = self._first_two()
        left = self.samples - self.answers - self.failed
        needed = self._needed
        if top + left < needed:
            return 0
        for more in range(left):
            if top + more >= needed and top + more - second > left - more:
                return more
        return max(left, 0)

    @property
    def agreed(self) -> bool:
        """Whether enough say the same, once it is decided."""
        return self._first_two()[0] >= self._needed

    @property
    def verdict(self) -> Verdict:
        """As far as it is counted."""
        groups = tuple(sorted(self._counts.items(), key=lambda each: -each[1]))
        total = self.answers
        if not groups:
            return Verdict("", 0.0, 1.0, 1.0, ())
        shares = [count / total for _, count in groups]
        entropy = -sum(share * math.log(share) for share in shares)
        most = math.log(total) if total > 1 else 1.0
        winner, votes = groups[0]
        agreement = votes / (total + self.failed)
        return Verdict(winner, agreement, 1 - agreement, min(1.0, entropy / most), groups)

    @property
    def _needed(self) -> int:
        return max(1, math.ceil(self.agree * self.samples - _ROUNDING))

    def _first_two(self) -> tuple[int, int]:
        counts = [count for _, count in self._counts.most_common(2)]
        return (counts[0] if counts else 0), (counts[1] if len(counts) > 1 else 0)
