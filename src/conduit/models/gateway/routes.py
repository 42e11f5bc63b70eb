"""From a model name to a plan: aliases, groups, the chain; and why it came out so."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random

from conduit.contracts.errors import Forbidden, NotFound
from conduit.models.asked import Asked
from conduit.models.breaker import Clock
from conduit.models.dialects.counting import estimate
from conduit.models.entry import Entry
from conduit.models.facts import facts_of
from conduit.models.failover import Candidate, Plan
from conduit.models.gateway.options import USUAL, CallOptions
from conduit.models.gateway.sampling import Sampling, sampling_of
from conduit.models.registry import ProviderRegistry, Route
from conduit.models.routing.complexity import Complexity, explain
from conduit.models.routing.settings import Group, ModelFacts, Price
from conduit.models.routing.sticky import StickyKey, StickyTargets, conversation_of
from conduit.models.routing.strategies import order
from conduit.models.routing.window import fits, fitting_first
from conduit.models.setup.settings import GatewaySettings

_TRANSPORTS_OWN_S = 600.0
"""How long any exchange with a provider may take: a deadline beyond that needs no clock."""
_DEEPEST = 8
"""Names that lead to names."""
_UNKNOWN = ModelFacts()
_MOST_PLANNED = 4096
_BYTES_PER_TOKEN = 2
"""Less than any text has: what fits by this measure fits."""


@dataclass(frozen=True, slots=True)
class Routed:
    """A plan, the name that it was made for after aliases, and the group if it is one. With
    ``sampling`` its first candidate is asked several times."""

    plan: Plan
    name: str
    group: Group | None = None
    sticky: StickyKey | None = None
    complexity: Complexity | None = None
    sampling: Sampling | None = None


class Routes:
    """The names that clients may ask for. ``settings`` may be swapped at any time: a plan that was
    made keeps what it was made of."""

    def __init__(
        self, registry: ProviderRegistry, settings: GatewaySettings, clock: Clock, rng: Random
    ) -> None:
        self._registry = registry
        self._rng = rng
        self._sticky: StickyTargets[tuple[str, str]] = StickyTargets(clock)
        self.settings = settings
        self._planned: dict[str, Routed] = {}
        """Plans of names that are no groups: they change only with what they are made of."""
        self._planned_for: tuple[int, GatewaySettings] | None = None

    def listed(self) -> Iterator[tuple[str, str, ModelFacts]]:
        """Every name that leads somewhere, groups and aliases first: the name, who it belongs to,
        and what is known of it where it is one model."""
        settings = self.settings
        seen: set[str] = set()
        for name in settings.groups:
            seen.add(name)
            yield name, "group", _UNKNOWN
        for name, meant in settings.aliases.items():
            if name not in seen:
                seen.add(name)
                yield name, f"alias of {meant}", _UNKNOWN
        for name in self._registry.model_names():
            if name not in seen:
                provider, _, model = name.partition("/")
                entry = self._registry.find(provider)
                known = self.facts(entry, model or entry.current_model) if entry else _UNKNOWN
                yield name, provider, known

    def facts(self, entry: Entry, model: str) -> ModelFacts:
        """What is known of a model of a provider."""
        return facts_of(entry.provider.type, model, self.settings.models, entry.name)

    def price(self, provider: str, model: str) -> Price | None:
        """What a model of a provider takes, where that is known."""
        entry = self._registry.find(provider)
        return self.facts(entry, model).price if entry else None

    def plan(self, requested: str, asked: Asked, options: CallOptions, org_id: str = "") -> Routed:
        """Whom to ask for a name, in which order. Raises ``NotFound``."""
        settings = self.settings
        name = self._unaliased(settings.routing.default if requested in ("", "auto") else requested)
        group = settings.groups.get(name)
        if group is not None:
            return self._grouped(group, asked, options, org_id)
        if options is not USUAL:
            return self._plain(name, options)
        state = (self._registry.version, settings)
        if (
            self._planned_for is None
            or state[0] != self._planned_for[0]
            or (settings is not self._planned_for[1])
        ):
            self._planned, self._planned_for = {}, state
        routed = self._planned.get(name)
        if routed is None:
            routed = self._plain(name, options)
            if len(self._planned) < _MOST_PLANNED:
                self._planned[name] = routed
        return routed

    def keep(self, routed: Routed, candidate: Candidate) -> None:
        """This candidate answered."""
        if routed.sticky is not None:
            self._sticky.keep(routed.sticky, (candidate.entry.name, candidate.asked_model))

    def _plain(self, name: str, options: CallOptions) -> Routed:
        """One provider, or the chain."""
        return self.along(self._registry.resolve(name), name, options)

    def along(self, route: Route, name: str, options: CallOptions) -> Routed:
        """The plan of a route: one provider, or one and then the chain. Raises ``NotFound``."""
        candidates = self._candidates(route.model, route.only, route.first)
        routing = self.settings.routing
        retry = routing.retry
        if options.retries is not None:
            retry = replace(retry, attempts=options.retries)
        plan = Plan(
            candidates,
            retry,
            _bounded(options.deadline_s or routing.deadline_s),
            options.deadline_s is None,
            options.hedge_after_s,
            bool(options.continue_streams),
            strict=route.only is not None,
            rng=self._rng,
        )
        return Routed(plan, name)

    def _unaliased(self, name: str) -> str:
        """What a name stands for in the end."""
        for _ in range(_DEEPEST):
            alias = self.settings.aliases.get(name)
            if alias is None:
                break
            name = alias
        return name

    def _candidates(self, model: str, only: str | None, first: str | None) -> tuple[Candidate, ...]:
        """Those of the registry, with what is known of them."""
        return tuple(
            replace(each, facts=self.facts(each.entry, each.asked_model))
            for each in self._registry.candidates(model, only, first)
        )

    def _grouped(self, group: Group, asked: Asked, options: CallOptions, org_id: str) -> Routed:
        strategy = options.strategy or group.strategy
        candidates: Sequence[Candidate] = self._targets(group)
        judged: Complexity | None = None
        tokens, longest = 0, None
        if strategy in ("complexity", "cost"):
            chat = asked.chat
            tokens, longest = asked.tokens(estimate), chat.max_tokens
            if strategy == "complexity":
                rule = self.settings.routing.complexity
                judged = explain(chat, local=rule.local_below, search=rule.search_below)
        candidates = order(
            candidates,
            strategy,
            self._rng,
            input_tokens=tokens,
            max_tokens=longest,
            tier=judged.tier if judged else "local",
        )
        if len(candidates) > 1 and self._may_overflow(candidates, asked):
            tokens = asked.tokens(estimate)
            candidates = fitting_first(
                candidates, tokens, asked.chat.max_tokens, lambda each: each.facts
            )
        sticky: StickyKey | None = None
        if group.sticky:
            conversation = options.conversation or conversation_of(asked.chat)
            sticky = StickyKey(org_id, group.name, conversation)
            candidates = self._known_first(candidates, sticky, tokens)
        retry = group.retry
        if options.retries is not None:
            retry = replace(retry, attempts=options.retries)
        hedge = group.hedge_after_s if options.hedge_after_s is None else options.hedge_after_s
        goes_on = group.continue_streams
        if options.continue_streams is not None:
            goes_on = options.continue_streams
        everybody = self._with_fallback(group, tuple(candidates))
        plan = Plan(
            everybody,
            retry,
            _bounded(options.deadline_s or group.deadline_s),
            options.deadline_s is None,
            hedge,
            goes_on,
            rng=self._rng,
        )
        sampling = sampling_of(group, everybody) if group.consistency is not None else None
        return Routed(plan, group.name, group, sticky, judged, sampling)

    def _known_first(
        self, candidates: Sequence[Candidate], sticky: StickyKey, tokens: int
    ) -> Sequence[Candidate]:
        """The one that the conversation is with comes first, unless it could not answer."""
        known = self._sticky.find(sticky)

        def last(each: Candidate) -> bool:
            is_known = (each.entry.name, each.asked_model) == known
            return not is_known or each.open or not fits(tokens, None, each.facts)

        return sorted(candidates, key=last)

    def _targets(self, group: Group) -> tuple[Candidate, ...]:
        found = []
        for target in group.targets:
            entry = self._registry.find(target.provider)
            if entry is not None:
                model = target.model or entry.current_model
                found.append(Candidate(entry, target.model, target, self.facts(entry, model)))
        return tuple(found)

    def _with_fallback(
        self, group: Group, candidates: tuple[Candidate, ...]
    ) -> tuple[Candidate, ...]:
        """The candidates, then those that the fallback's names lead to, each once. A name that
        leads nowhere on this machine is passed over, as a target is."""
        found = {(each.entry.name, each.asked_model): each for each in candidates}
        for each in self._fallback(group, _DEEPEST):
            found.setdefault((each.entry.name, each.asked_model), each)
        if not found:
            raise NotFound(
                f"no target of the group {group.name!r} is there",
                hint="`conduit gateway show` says which providers were left out, and why",
            )
        return tuple(found.values())

    def _fallback(self, group: Group, depth: int) -> Iterator[Candidate]:
        for each in group.fallback:
            name = self._unaliased(each)
            other = self.settings.groups.get(name)
            if other is not None:
                yield from self._targets(other)
                if depth:
                    yield from self._fallback(other, depth - 1)
                continue
            with suppress(NotFound):
                route = self._registry.resolve(name)
                yield from self._candidates(route.model, route.only or route.first, None)

    def _may_overflow(self, candidates: Sequence[Candidate], asked: Asked) -> bool:
        """Whether it is worth counting: a request that is short by any measure fits everywhere."""
        contexts = [each.facts.context for each in candidates if each.facts.context]
        return bool(contexts) and asked.size > min(contexts) * _BYTES_PER_TOKEN


def require_model(name: str, allowed: tuple[str, ...]) -> None:
    """Raise ``Forbidden`` unless a name is among those that a key may ask for."""
    if not may_ask_for(name, allowed):
        raise Forbidden(
            f"this key may not ask for the model {name[:100]!r}",
            where="model",
            hint=f"it may ask for: {', '.join(allowed)}",
        )


def may_ask_for(name: str, allowed: tuple[str, ...]) -> bool:
    """Whether a name is among those that a key may ask for."""
    return not allowed or _matches(name or "auto", allowed)


@lru_cache(maxsize=4096)
def _matches(name: str, allowed: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in allowed)


def _bounded(deadline_s: float) -> float | None:
    return deadline_s if deadline_s < _TRANSPORTS_OWN_S else None
