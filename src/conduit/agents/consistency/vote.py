"""Counting answers: who has the majority, how much they agree, and when it is decided."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """``winner`` is the most frequent answer, among equals the one that came first; ``agreement``
    its share; ``uncertainty`` is 1 − agreement, and ``entropy`` that of the shares (Shannon), from
    0 (all the same) to 1 (each another)."""

    winner: str
    agreement: float
    uncertainty: float
    entropy: float
    groups: tuple[tuple[str, int], ...]


def verdict(answers: Sequence[str]) -> Verdict:
    """The majority of normalised answers; there must be one."""
    counts = Counter(answers)  # keeps who came first
    groups = tuple(sorted(counts.items(), key=lambda each: -each[1]))
    total = len(answers)
    shares = [count / total for _, count in groups]
    entropy = -sum(share * math.log(share) for share in shares)
    most = math.log(total) if total > 1 else 1.0
    agreement = shares[0]
    return Verdict(groups[0][0], agreement, 1 - agreement, min(1.0, entropy / most), groups)


def decided(answers: Sequence[str], samples: int) -> bool:
    """Whether no answers that are still to come, of ``samples`` in all, can change the winner."""
    if not answers:
        return False
    counts = [count for _, count in Counter(answers).most_common(2)]
    second = counts[1] if len(counts) > 1 else 0
    return counts[0] - second > samples - len(answers)
