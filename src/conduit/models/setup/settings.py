"""Everything that ``providers.yaml`` decides, as one value that is swapped as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from conduit.models.caching.settings import CacheSettings
from conduit.models.routing.settings import Group, ModelFacts, RetryPolicy
from conduit.models.settings import ProviderSettings

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A configured provider that is not used here, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class TargetLeftOut:
    """A target that a group does without here, and why."""

    group: str
    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class ComplexityRule:
    """Questions that score below ``local_below`` (0 to 1) go to the tier ``local``, those below
    ``search_below`` to ``search``, the rest to ``strongest``."""

    local_below: float = 0.3
    search_below: float = 0.7


@dataclass(frozen=True, slots=True)
class RoutingDefaults:
    """What holds where a group says nothing. ``default`` is the name that is meant when a client
    names no model, or ``auto``; empty: the chain of all providers."""

    default: str = ""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    deadline_s: float = 600.0
    complexity: ComplexityRule = field(default_factory=ComplexityRule)


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """``providers`` in the order of the file; ``groups`` by name; ``aliases`` from a name to the
    name that it stands for; ``models`` by ``model`` or ``provider/model``, the longer one counts.

    Equality is that of the objects: keys are compared nowhere but in ``changes.difference``.
    """

    providers: tuple[ProviderSettings, ...] = ()
    groups: Mapping[str, Group] = field(default_factory=lambda: NOTHING)
    aliases: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    models: Mapping[str, ModelFacts] = field(default_factory=lambda: NOTHING)
    routing: RoutingDefaults = field(default_factory=RoutingDefaults)
    cache: CacheSettings = field(default_factory=CacheSettings)
    left_out: tuple[LeftOut, ...] = ()
    targets_left_out: tuple[TargetLeftOut, ...] = ()
