"""``groups``, ``aliases`` and ``routing`` of ``providers.yaml``: who is asked for which name.

::

    groups:
      fast:
        strategy: weighted          # priority, least_latency, least_busy, cost, complexity, random
        targets:                    # a provider, provider/model, or with more to say
          - groq/llama-3.3-70b-versatile
          - {provider: claude, model: claude-haiku-4-5, weight: 2, priority: 1, tier: strongest}
        retry: {attempts: 2, base_s: 0.5, cap_s: 8, longest_wait_s: 20}
        deadline_s: 60
        hedge_after_s: 2            # left out: never
        fallback: [claude]          # groups, aliases, providers, provider/model or models
        sticky: true
        continue_streams: false
        consistency: {samples: 3, agree: 0.6, temperature: 0.7}     # left out: asked once
    aliases: {gpt-4: fast}
    routing:
      default: fast                 # for `auto`
      retry: {attempts: 1}          # for groups that do not say
      deadline_s: 120
      complexity: {local_below: 0.3, search_below: 0.7}

Names are checked when the file is read, loops too. A target whose provider is left out on this
machine is reported; a group with nobody left, not even a fallback, is an error.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import Any, Final, get_args

from conduit.contracts.errors import ConfigError
from conduit.models.catalogue import CATALOGUE
from conduit.models.consistency.ballot import MOST_SAMPLES
from conduit.models.routing.settings import (
    Consistency,
    Group,
    RetryPolicy,
    Strategy,
    Target,
    Tier,
)
from conduit.models.settings import RESERVED, ProviderSettings
from conduit.models.setup.facts import is_model_name
from conduit.models.setup.fields import one_of, optional_number, whole_number
from conduit.models.setup.settings import (
    ComplexityRule,
    LeftOut,
    RoutingDefaults,
    TargetLeftOut,
)
from conduit.store.settings_file import Section, closest

MOST_GROUPS: Final = 500
MOST_ALIASES: Final = 2000
MOST_TARGETS: Final = 100
STRATEGIES: Final[tuple[Strategy, ...]] = get_args(Strategy)
TIERS: Final[tuple[Tier, ...]] = get_args(Tier)
_GROUP_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")


class Names:
    """Every name that a route can lead to, but groups and aliases."""

    def __init__(
        self,
        providers: Iterable[ProviderSettings],
        left_out: Iterable[LeftOut],
        models: Collection[str],
        elsewhere: Collection[str],
    ) -> None:
        configured = list(providers)
        self.missing = {each.name: each.reason for each in left_out}
        self.in_file = {*(each.name for each in configured), *self.missing}
        self.providers = {*self.in_file, *elsewhere, *CATALOGUE, "offline"}
        """Those that the environment or this machine may have, too."""
        self.models = {*models}
        for each in configured:
            self.models |= {each.model, *each.models}

    def leads_somewhere(self, name: str) -> bool:
        provider, slash, model = name.partition("/")
        return (
            name == "auto"
            or name in self.models
            or (provider in self.providers and (bool(model) or not slash))
        )


@dataclass(frozen=True, slots=True)
class Routes:
    """The three parts together."""

    groups: Mapping[str, Group]
    aliases: Mapping[str, str]
    defaults: RoutingDefaults
    left_out: tuple[TargetLeftOut, ...]


def routing_parts(document: Section, names: Names) -> Routes:
    """Raises ``ConfigError``."""
    sections = dict(document.sections("groups"))
    aliases = _aliases(document.section("aliases"), sections, names)
    _require_few(document, "groups", len(sections), MOST_GROUPS)
    known = {*sections, *aliases}
    routing = document.section("routing")
    defaults = _defaults(routing, names, known)
    groups: dict[str, Group] = {}
    left_out: list[TargetLeftOut] = []
    for name, section in sections.items():
        if not _GROUP_NAME.fullmatch(name) or name in RESERVED or name in names.in_file:
            raise document.fault(
                f"groups.{name[:80]}",
                "this cannot be the name of a group",
                "up to 64 letters, digits and . _ : -, not auto, conduit, offline or a provider's",
            )
        groups[name] = _group(name, section, names, known, defaults, left_out)
    for alias, target in aliases.items():
        _require_known(document.section("aliases"), alias, target, names, known)
    _refuse_loops(document, groups, aliases)
    return Routes(MappingProxyType(groups), MappingProxyType(aliases), defaults, tuple(left_out))


def _require_few(document: Section, part: str, count: int, most: int) -> None:
    if count > most:
        raise document.fault(part, f"there are {count}", f"{most} at most")


def _aliases(section: Section, groups: Collection[str], names: Names) -> dict[str, str]:
    if len(section.values) > MOST_ALIASES:
        raise section.fault(
            next(iter(section.values))[:80],
            f"it is one of {len(section.values)} aliases",
            f"{MOST_ALIASES} at most",
        )
    for name in section.values:
        if not is_model_name(name) or name in RESERVED:
            raise section.fault(
                name[:80], "this cannot be an alias", "choose a name that a client may ask for"
            )
        if name in groups or name in names.in_file:
            what = "a group" if name in groups else "a provider"
            raise section.fault(name, f"there is {what} of this name", "choose another name")
    return {name: section.text(name) for name in section.values}


def _defaults(section: Section, names: Names, known: Collection[str]) -> RoutingDefaults:
    section.refuse_unknown(("default", "retry", "deadline_s", "complexity"))
    usual, rule = RoutingDefaults(), section.section("complexity")
    rule.refuse_unknown(("local_below", "search_below"))
    low = rule.number("local_below", usual.complexity.local_below, 0.0, 1.0)
    high = rule.number("search_below", max(low, usual.complexity.search_below), 0.0, 1.0)
    if low > high:
        raise rule.fault("local_below", "it is above search_below", "exchange the two")
    default = section.text("default")
    if default and default != "auto":
        _require_known(section, "default", default, names, known)
    return RoutingDefaults(
        default="" if default == "auto" else default,
        retry=_retry(section.section("retry"), usual.retry),
        deadline_s=section.number("deadline_s", usual.deadline_s, 0.1, 86_400),
        complexity=ComplexityRule(low, high),
    )


def _retry(section: Section, usual: RetryPolicy) -> RetryPolicy:
    section.refuse_unknown(("attempts", "base_s", "cap_s", "longest_wait_s"))
    return RetryPolicy(
        attempts=whole_number(section, "attempts", usual.attempts, 0, 20),
        base_s=section.number("base_s", usual.base_s, 0.001, 600),
        cap_s=section.number("cap_s", usual.cap_s, 0.001, 3600),
        longest_wait_s=section.number("longest_wait_s", usual.longest_wait_s, 0, 3600),
    )


def _group(
    name: str,
    section: Section,
    names: Names,
    known: Collection[str],
    defaults: RoutingDefaults,
    left_out: list[TargetLeftOut],
) -> Group:
    section.refuse_unknown(
        (
            "strategy",
            "targets",
            "retry",
            "deadline_s",
            "hedge_after_s",
            "fallback",
            "sticky",
            "continue_streams",
            "consistency",
        )
    )
    fallback = section.texts("fallback")
    for at, each in enumerate(fallback):
        _require_known(section, f"fallback[{at}]", each, names, known)
    missing: list[TargetLeftOut] = []
    targets: list[Target] = []
    for target in _targets(section, names):
        if target.provider in names.missing:
            shown = f"{target.provider}/{target.model}".rstrip("/")
            missing.append(TargetLeftOut(name, shown, names.missing[target.provider]))
        else:
            targets.append(target)
    left_out += missing
    if not targets and not fallback:
        reasons = "; ".join(f"{each.target}: {each.reason}" for each in missing[:3])
        raise section.fault(
            "targets",
            f"nobody is left to ask here ({reasons})" if missing else "it names nobody to ask",
            "set the variable, or name another target or a fallback"
            if missing
            else "write it as [provider, provider/model]",
        )
    hedge = optional_number(section, "hedge_after_s", 0.001, 3600)
    return Group(
        name=name,
        targets=tuple(targets),
        strategy=one_of(section, "strategy", STRATEGIES, "priority"),
        retry=_retry(section.section("retry"), defaults.retry),
        deadline_s=section.number("deadline_s", defaults.deadline_s, 0.1, 86_400),
        hedge_after_s=hedge,
        fallback=fallback,
        sticky=section.flag("sticky"),
        continue_streams=section.flag("continue_streams"),
        consistency=_consistency(section),
    )


def _consistency(group: Section) -> Consistency | None:
    if group.values.get("consistency") is None:
        return None
    section, usual = group.section("consistency"), Consistency()
    section.refuse_unknown(("samples", "agree", "temperature"))
    temperature: float | None = None
    if section.values.get("temperature", usual) is not None:
        temperature = section.number("temperature", usual.temperature or 0.0, 0.0, 2.0)
    return Consistency(
        samples=whole_number(section, "samples", usual.samples, 2, MOST_SAMPLES),
        agree=section.number("agree", usual.agree, 0.0, 1.0),
        temperature=temperature,
    )


def _targets(section: Section, names: Names) -> Iterator[Target]:
    items = section.items("targets")
    _require_few(section, "targets", len(items), MOST_TARGETS)
    for at, item in enumerate(items):
        place = f"targets[{at}]"
        target = _target(section, place, item)
        if target.provider not in names.providers:
            raise section.fault(
                place if isinstance(item, str) else f"{place}.provider",
                f"there is no provider {target.provider[:80]!r}",
                closest(target.provider, tuple(sorted(names.in_file or names.providers))),
            )
        if target.model and not is_model_name(target.model):
            raise section.fault(
                place, "its model cannot be asked for", "name it as its provider does"
            )
        yield target


def _target(section: Section, place: str, item: Any) -> Target:
    if isinstance(item, str):
        provider, _, model = item.partition("/")
        return Target(provider, model)
    inner = section.inside(place, item)
    inner.refuse_unknown(("provider", "model", "weight", "priority", "tier"))
    return Target(
        provider=inner.text("provider"),
        model=inner.text("model"),
        weight=inner.number("weight", 1.0, 0.0, 1e6),
        priority=whole_number(inner, "priority", 0, 0, 100_000),
        tier=one_of(inner, "tier", TIERS, "local") if inner.text("tier") else None,
    )


def _require_known(
    section: Section, field: str, name: str, names: Names, known: Collection[str]
) -> None:
    if name in known or names.leads_somewhere(name):
        return
    near = tuple(sorted({*known, *names.in_file, *names.models} - {""}))
    hint = closest(name, near) if near else "name a provider or a group"
    raise section.fault(
        field, f"{name[:80]!r} leads nowhere", f"{hint[:600]}; or write it as provider/model"
    )


def _refuse_loops(
    document: Section, groups: Mapping[str, Group], aliases: Mapping[str, str]
) -> None:
    after: dict[str, Iterable[str]] = {name: each.fallback for name, each in groups.items()}
    after |= {name: (target,) for name, target in aliases.items()}
    try:
        TopologicalSorter(after).prepare()
    except CycleError as error:
        loop: list[str] = error.args[1][::-1]  # it is found from the end
        part = "groups" if loop[0] in groups else "aliases"
        raise _loop(document, f"{part}.{loop[0]}", loop) from None


def _loop(document: Section, place: str, loop: list[str]) -> ConfigError:
    return document.fault(
        place, f"it comes back to itself: {' → '.join(loop[:10])}", "end it at a target"
    )
