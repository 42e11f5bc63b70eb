"""Which passages of one text stand in another, and which were added, removed, moved or changed.

Passages are compared whole, by their words between blanks, with accents composed, and each
occurrence counts for itself. Those in both texts that keep their order are the longest increasing
subsequence of their places (Fredman, 1975: n log n); the others have moved. What is left on both
sides is paired by the words it shares, where a few rare words lead to the candidates: no step
compares all with all.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from conduit.corpora.texts import Span, composed, pieces, words

LARGEST: Final = 400
"""Characters of a passage that is compared; longer paragraphs are compared by sentences."""
ALIKE: Final = 0.5
"""From here on two passages are one that was changed."""

Kind = Literal["added", "removed", "moved", "changed"]

_RARE_WORDS: Final = 16
_CANDIDATES: Final = 16
_KINDS: Final = ("added", "removed", "moved", "changed")


@dataclass(frozen=True, slots=True)
class Change:
    """``kind`` is added, removed, moved or changed; ``similarity`` is the share of common words."""

    kind: Kind
    before: Span | None
    after: Span | None
    similarity: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Every change, by place; ``passages`` counts those of both texts, ``same`` those in both."""

    changes: tuple[Change, ...]
    passages: tuple[int, int]
    same: int

    def count(self, kind: str) -> int:
        return sum(change.kind == kind for change in self.changes)


def difference(before: str, after: str) -> Difference:
    """Compare two texts, in time n log n."""
    old, new = list(pieces(before, LARGEST)), list(pieces(after, LARGEST))
    old_at, new_at = _numbered(before, old), _numbered(after, new)
    common = [key for key in old_at if key in new_at]
    stay = _increasing([new_at[key] for key in common])
    moved = [key for at, key in enumerate(common) if at not in stay]
    gone = [at for key, at in old_at.items() if key not in new_at]
    came = [at for key, at in new_at.items() if key not in old_at]
    pairs = _paired([_bag(before, old[at]) for at in gone], [_bag(after, new[at]) for at in came])
    paired = {after for after, _ in pairs.values()}
    changes = [Change("moved", old[old_at[key]], new[new_at[key]], 1.0) for key in moved]
    for number, at in enumerate(gone):
        if number in pairs:
            partner, likeness = pairs[number]
            changes.append(Change("changed", old[at], new[came[partner]], likeness))
        else:
            changes.append(Change("removed", old[at], None, 0.0))
    changes += [Change("added", None, new[at], 0.0) for n, at in enumerate(came) if n not in paired]
    return Difference(tuple(sorted(changes, key=_place)), (len(old), len(new)), len(common))


def likeness(one: Counter[str], other: Counter[str]) -> float:
    """Twice the common words through all words, each as often as it stands there (Dice, 1945)."""
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 1.0


def _numbered(text: str, spans: Sequence[Span]) -> dict[tuple[str, int], int]:
    """Each passage with the how-manieth of its kind it is, and where it stands in the row."""
    seen: Counter[str] = Counter()
    numbered = {}
    for at, span in enumerate(spans):
        said = " ".join(composed(text[span.start : span.end]).split())
        numbered[said, seen[said]] = at
        seen[said] += 1
    return numbered


def _increasing(places: Sequence[int]) -> frozenset[int]:
    """Which elements form a longest increasing subsequence."""
    tails: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for at, place in enumerate(places):
        length = bisect_left(tails, place)
        before.append(last[length - 1] if length else -1)
        if length == len(tails):
            tails.append(place)
            last.append(at)
        else:
            tails[length], last[length] = place, at
    chosen = set()
    at = last[-1] if last else -1
    while at >= 0:
        chosen.add(at)
        at = before[at]
    return frozenset(chosen)


def _bag(text: str, span: Span) -> Counter[str]:
    return Counter(words(text[span.start : span.end]))


def _paired(
    gone: Sequence[Counter[str]], came: Sequence[Counter[str]]
) -> dict[int, tuple[int, float]]:
    """For a passage that is gone the most similar that came, each only once."""
    holding: dict[str, list[int]] = {}
    for number, bag in enumerate(came):
        for word in bag:
            holding.setdefault(word, []).append(number)
    taken: set[int] = set()
    pairs = {}
    for number, bag in enumerate(gone):
        rare = sorted((word for word in bag if word in holding), key=lambda w: (len(holding[w]), w))
        votes: Counter[int] = Counter()
        for word in rare[:_RARE_WORDS]:
            votes.update(n for n in holding[word][:_CANDIDATES] if n not in taken)
        scored = [(likeness(bag, came[n]), -n) for n, _ in votes.most_common(_CANDIDATES)]
        best, negative = max(scored, default=(0.0, 0))
        if best >= ALIKE:
            pairs[number] = (-negative, best)
            taken.add(-negative)
    return pairs


def _place(change: Change) -> tuple[int, int, int]:
    shown = change.after or change.before
    other = change.before or change.after
    assert shown is not None
    assert other is not None
    return shown.start, other.start, _KINDS.index(change.kind)
