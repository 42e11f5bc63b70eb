"""A provider as the registry holds it: with its circuits, its health and its limits."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from conduit.contracts.errors import (
    CircuitOpen,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnfit,
)
from conduit.models.breaker import CircuitBreaker, CircuitState, Clock, Permit
from conduit.models.health import Health
from conduit.models.http_provider import HttpProvider
from conduit.models.provider import Provider
from conduit.models.routing.latency import Latency
from conduit.models.routing.settings import ProviderLimits
from conduit.models.settings import BreakerSettings, ProviderSettings
from conduit.models.turnstile import Turnstile

_MOST_MODELS = 256
"""Of one provider. A client may ask for any model name, so the least used one makes room."""
_NO_LIMITS = ProviderLimits()
_PROVIDERS_FAULT = frozenset({401, 403, 408, 429})


@dataclass(frozen=True, slots=True)
class OpenCircuit:
    """A model of a provider that is not asked at present, or only tried."""

    model: str
    circuit: CircuitState
    retry_in_s: float


@dataclass(frozen=True, slots=True)
class ProviderState:
    """One provider as it stands. ``average_ms`` is None before the first answer; ``last_error`` is
    empty after a success. ``circuit``, ``consecutive_failures`` and ``retry_in_s`` are those of
    ``model``; each model has a circuit of its own, and ``circuits`` are those that are not
    closed."""

    name: str
    type: str
    model: str
    base_url: str
    active: bool
    local: bool
    circuit: CircuitState
    health: int
    average_ms: float | None
    consecutive_failures: int
    retry_in_s: float
    last_error: str
    in_flight: int = 0
    waiting: int = 0
    """Requests that wait for their turn at its limits."""
    circuits: tuple[OpenCircuit, ...] = ()


class Served:
    """One model of a provider, as it has been doing."""

    __slots__ = ("circuit", "in_flight", "latency")

    def __init__(self, circuit: CircuitBreaker, latency: Latency) -> None:
        self.circuit = circuit
        self.latency = latency
        self.in_flight = 0


@dataclass(slots=True)
class Entry:
    """``settings`` are there where the registry built the provider itself; ``model`` was chosen by
    a switch in place of the provider's own."""

    provider: Provider
    priority: int
    clock: Clock
    models: tuple[str, ...] = ()
    settings: ProviderSettings | None = None
    model: str = ""
    health: Health = field(default_factory=Health)
    last_error: str = ""
    workers: int = 1
    """Processes that share its limits."""
    turnstile: Turnstile | None = None
    closed: bool = False
    """Taken out of the registry: no new request may begin."""
    relays: frozenset[str] = frozenset()
    """Dialects that it speaks itself, so that a client's own request can be passed on to it."""
    _served: OrderedDict[str, Served] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        if isinstance(self.provider, HttpProvider):
            self.relays = self.provider.relays
        limits = self.settings.limits if self.settings else _NO_LIMITS
        if limits != _NO_LIMITS:
            self.turnstile = Turnstile(self.name, limits, self.clock, workers=self.workers)

    @property
    def name(self) -> str:
        return self.provider.name

    @property
    def current_model(self) -> str:
        return self.model or self.provider.model

    @property
    def offered(self) -> tuple[str, ...]:
        """The models that it is configured with; the first is asked unless another is named."""
        return tuple(dict.fromkeys((self.current_model, self.provider.model, *self.models)))

    @property
    def in_flight(self) -> int:
        """Requests that it has not answered yet."""
        return sum(each.in_flight for each in self._served.values())

    def served(self, model: str) -> Served:
        """What is known of one model."""
        found = self._served.get(model)
        if found is None:
            breaker = self.settings.breaker if self.settings else BreakerSettings()
            circuit = CircuitBreaker(
                self.clock, threshold=breaker.threshold, cooldown_s=breaker.cooldown_s
            )
            found = self._served[model] = Served(circuit, Latency(self.clock))
            if len(self._served) > _MOST_MODELS:
                self._served.popitem(last=False)
        elif len(self._served) > 1:
            self._served.move_to_end(model)
        return found

    def admit(self, served: Served) -> Permit:
        """A permit to ask for a model. Raises ``CircuitOpen``."""
        permit = served.circuit.acquire()
        if permit is None:
            wait = served.circuit.retry_in_s
            raise CircuitOpen(
                f"not asked, it failed too often; next try in {wait:.0f} s"
                if wait
                else "not asked, somebody else is just trying whether it is back",
                provider=self.name,
                hint=f"`conduit providers reset {self.name}` lets it be tried now",
                retry_after_s=wait or 1.0,
            )
        return permit

    def reset(self) -> None:
        """Close every circuit by hand."""
        for each in self._served.values():
            each.circuit.reset()
        self.last_error = ""

    def succeeded(self, served: Served, permit: Permit, elapsed_ms: float) -> None:
        """It answered. The time is that of the whole answer, or of the first token of a stream."""
        permit.succeed()
        self.health.succeeded(elapsed_ms)
        served.latency.answered(elapsed_ms)
        self.last_error = ""

    def failed(
        self, served: Served, permit: Permit, error: ProviderError, elapsed_ms: float
    ) -> None:
        """It did not; whose fault that was, the error says."""
        self.last_error = f"{error.code}: {error.message}"
        if counts_against_provider(error):
            permit.fail()
            self.health.failed()
            served.latency.failed(elapsed_ms)

    def outlasted(self, served: Served, error: ProviderTimeout) -> None:
        """It was still silent when all the time for an answer was over."""
        permit = served.circuit.acquire()
        if permit is not None:
            self.last_error = f"{error.code}: {error.message}"
            permit.fail()
            self.health.failed()

    def state(self, active: bool) -> ProviderState:
        """How it stands."""
        circuit = self.served(self.current_model).circuit
        return ProviderState(
            name=self.name,
            type=self.provider.type,
            model=self.current_model,
            base_url=self.provider.base_url,
            active=active,
            local=self.provider.local,
            circuit=circuit.state,
            health=self.health.score,
            average_ms=self.health.average_ms,
            consecutive_failures=circuit.consecutive_failures,
            retry_in_s=circuit.retry_in_s,
            last_error=self.last_error,
            in_flight=self.in_flight,
            waiting=self.turnstile.waiting if self.turnstile is not None else 0,
            circuits=tuple(
                OpenCircuit(model, each.circuit.state, each.circuit.retry_in_s)
                for model, each in self._served.items()
                if each.circuit.state != "closed"
            ),
        )


def counts_against_provider(error: ProviderError) -> bool:
    """What an error means for the circuit: no connection, silence, a reply that is not the
    protocol, an error in a reply of 200, and the statuses 3xx, 401, 403, 408, 429 and 5xx count
    against the provider. Other 4xx are the request's own fault, and the circuit learns nothing."""
    if isinstance(error, ProviderUnfit):
        return False
    if not isinstance(error, ProviderRefused):
        return True
    return not 400 <= error.status < 500 or error.status in _PROVIDERS_FAULT
