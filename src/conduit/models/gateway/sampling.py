"""Which requests are asked several times, of whom, and who is stronger."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from conduit.contracts.errors import InvalidInput
from conduit.models.asked import Asked
from conduit.models.caching.rules import cacheable
from conduit.models.caching.settings import CacheSettings
from conduit.models.failover import Candidate
from conduit.models.routing.settings import Consistency, Group, Tier

_NOTHING_SAFE: Final = CacheSettings(request_bytes=sys.maxsize)
_STRENGTH: Final[dict[Tier | None, int]] = {None: 0, "local": 0, "search": 1, "strongest": 2}
_LISTED: Final = ("priority", "cost", "complexity")
"""Strategies whose targets are no equals: who is listed later is stronger."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """``first`` is asked several times; those that are ``stronger`` when its answers differ, and
    then ``others`` too when it has none."""

    rule: Consistency
    first: Candidate
    stronger: tuple[Candidate, ...]
    others: tuple[Candidate, ...]


def sampling_of(group: Group, candidates: Sequence[Candidate]) -> Sampling | None:
    """How a group with a rule asks candidates that are in their order. None when nobody is stronger
    than the first: then there is nothing to be won by doubting it."""
    rule = group.consistency
    if rule is None:
        return None
    first, *rest = candidates
    strength = _strength_in(group)
    least = strength(first)
    stronger = sorted((each for each in rest if strength(each) > least), key=strength)
    if rule.agree and not stronger:
        return None
    others = tuple(each for each in rest if each not in stronger)
    return Sampling(rule, first, tuple(stronger), others)


def _strength_in(group: Group) -> Callable[[Candidate], tuple[int, ...]]:
    """By tier, then priority, then place in the list where that means anything. The fallback, which
    is for when all else fails, is stronger than any target."""
    listed = group.strategy in _LISTED
    places = {target: at if listed else 0 for at, target in enumerate(group.targets)}

    def strength(candidate: Candidate) -> tuple[int, ...]:
        target = candidate.target
        if target not in places:
            return (1,)
        return 0, _STRENGTH[target.tier], target.priority, places[target]

    return strength


def answers_in_text(asked: Asked) -> bool:
    """Whether the answer to a request is one text and nothing else, so that several can be
    compared: no tools, no audio, one answer, nothing that is kept at the provider. What only its
    provider understands is not asked twice either."""
    if cacheable(asked, _NOTHING_SAFE):
        return False
    body = asked.body
    if body.get("audio") or body.get("modalities") not in (None, ["text"]):
        return False
    try:
        return not asked.chat.tools
    except InvalidInput:
        return False


def sample_of(asked: Asked, rule: Consistency) -> Asked:
    """The request as each sample asks it: whole, and free to come out differently. A model that
    is to think first keeps its temperature, because some take no other then."""
    chat = asked.chat
    if rule.temperature is not None and chat.reasoning is None:
        chat = replace(chat, temperature=rule.temperature)
    if chat.seed is not None:
        chat = replace(chat, seed=None)
    return Asked(
        asked.dialect,
        asked.body,
        lambda _: chat,
        stream=False,
        headers=asked.headers,
        size=asked.size,
    )
