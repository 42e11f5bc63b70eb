"""Every error Conduit raises, on one screen.

::

    ConduitError                    internal
    ├── InvalidInput                invalid_input         what was sent cannot be used
    │   ├── MalformedJson           malformed_json        it was not JSON, or too deep
    │   ├── TypeMismatch            type_mismatch         a value breaks its declared type
    │   ├── TooLarge                too_large             more than is allowed
    │   └── UnparsableOutput        unparsable_output     a model's answer has not the asked shape
    ├── NotFound                    not_found             no such block, provider, file …
    ├── Conflict                    conflict              it exists already, or changed meanwhile
    ├── Unauthenticated             unauthenticated       no key was shown, or none that is known
    ├── Forbidden                   forbidden             this principal may not do that
    ├── ConfigError                 bad_config            a setting of the operator is wrong
    │   └── WiringError             bad_wiring            two blocks do not fit together
    ├── Unavailable                 unavailable           not possible on this machine right now
    │   ├── MissingDependency       missing_dependency    a package is not installed
    │   └── Overloaded              overloaded            too much is being done already
    ├── RateLimited                 rate_limited          asked more often than is allowed
    ├── TimedOut                    timed_out             it took longer than it was given
    ├── StoreError                  store_failed          database or file could not be used
    └── ProviderError               provider_failed       a language model did not answer
        ├── ProviderUnreachable     provider_unreachable  no connection, or it was dropped
        ├── ProviderTimeout         provider_timeout      silent for too long
        ├── ProviderRefused         provider_refused      it answered with an error
        ├── ProviderBusy            provider_busy         its limit here is reached: not asked
        ├── ProviderUnfit           provider_unfit        its protocol has no place for the request
        ├── ProviderBadReply        provider_bad_reply    what it sent is not its protocol
        ├── StreamInterrupted       stream_interrupted    its answer broke off after it had begun
        ├── CircuitOpen             circuit_open          its circuit breaker is open
        └── AllProvidersFailed      all_providers_failed  the whole chain was tried

``message`` says what happened, ``where`` names the block, field or file, ``hint`` says what to do.
``code`` is stable and is what other programs should look at. No foreign exception leaves a room.
"""

from __future__ import annotations

from typing import ClassVar


class ConduitError(Exception):
    """Base of the tree. ``str(error)`` is the message, then the hint on its own line."""

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, hint: str = "", where: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}\nhint: {self.hint}" if self.hint else text


class InvalidInput(ConduitError):
    code = "invalid_input"


class MalformedJson(InvalidInput):
    code = "malformed_json"


class TypeMismatch(InvalidInput):
    """A value breaks its declared type.

    ``block`` is the block's name, ``side`` is ``"input"`` or ``"output"``, ``path`` the field
    (``request.layers[2].pitch``), ``expected`` and ``got`` are human-readable types or values.
    ``step`` says which step of which pipeline it was, and what that one takes and makes.
    """

    code = "type_mismatch"

    def __init__(
        self,
        *,
        block: str,
        side: str,
        path: str,
        expected: str,
        got: str,
        hint: str = "",
        step: str = "",
    ) -> None:
        super().__init__(
            f"{side} field {path!r}: expected {expected}, got {got}",
            where=f"{block} ({step})" if step else block,
            hint=hint,
        )
        self.block = block
        self.side = side
        self.path = path
        self.expected = expected
        self.got = got


class TooLarge(InvalidInput):
    code = "too_large"


class UnparsableOutput(InvalidInput):
    """What a model answered cannot be read as the structure it was asked for.

    ``faults`` says why, path by path: enough to ask again with.
    """

    code = "unparsable_output"

    def __init__(self, faults: tuple[str, ...], *, where: str = "", hint: str = "") -> None:
        super().__init__("; ".join(faults), where=where, hint=hint)
        self.faults = faults


class NotFound(ConduitError):
    code = "not_found"


class Conflict(ConduitError):
    code = "conflict"


class Unauthenticated(ConduitError):
    code = "unauthenticated"


class Forbidden(ConduitError):
    code = "forbidden"


class ConfigError(ConduitError):
    code = "bad_config"


class WiringError(ConfigError):
    """Two blocks were joined that do not fit: what one makes is not what the other takes.

    ``step`` is the second one, ``made`` and ``wanted`` are the two types as a person writes them.
    """

    code = "bad_wiring"

    def __init__(self, message: str, *, step: str, made: str, wanted: str, hint: str = "") -> None:
        super().__init__(message, where=step, hint=hint)
        self.step = step
        self.made = made
        self.wanted = wanted


class Unavailable(ConduitError):
    code = "unavailable"


class MissingDependency(Unavailable):
    code = "missing_dependency"


class Overloaded(Unavailable):
    """Too much is being done already, and too much waits. Try again in ``retry_after_s`` seconds,
    an estimate. ``waited_s`` is 0 when there was no place even to wait."""

    code = "overloaded"

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float,
        waited_s: float = 0.0,
        where: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.retry_after_s = retry_after_s
        self.waited_s = waited_s


class RateLimited(ConduitError):
    """More was asked in a time than is allowed. In ``retry_after_s`` seconds it would be
    admitted."""

    code = "rate_limited"

    def __init__(
        self, message: str, *, retry_after_s: float, where: str = "", hint: str = ""
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.retry_after_s = retry_after_s


class TimedOut(ConduitError):
    code = "timed_out"


class StoreError(ConduitError):
    code = "store_failed"


class ProviderError(ConduitError):
    """A provider failed. ``provider`` is its configured name; ``retry_after_s`` is when it may be
    asked again, where that is known."""

    code = "provider_failed"

    def __init__(
        self, message: str, *, provider: str, hint: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, where=provider, hint=hint)
        self.provider = provider
        self.retry_after_s = retry_after_s


class ProviderUnreachable(ProviderError):
    code = "provider_unreachable"


class ProviderTimeout(ProviderError):
    code = "provider_timeout"


class ProviderRefused(ProviderError):
    """The provider answered with an error status. ``status`` is its HTTP status, or 200 when the
    error came inside a successful reply."""

    code = "provider_refused"

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        status: int,
        hint: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, provider=provider, hint=hint, retry_after_s=retry_after_s)
        self.status = status


class ProviderBusy(ProviderError):
    """Its limit here is reached, so it was not asked. ``queue_full`` tells a full queue from a rate
    that is used up."""

    code = "provider_busy"

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        retry_after_s: float | None = 1.0,
        queue_full: bool = False,
        hint: str = "",
    ) -> None:
        super().__init__(message, provider=provider, hint=hint, retry_after_s=retry_after_s)
        self.queue_full = queue_full


class ProviderUnfit(ProviderError):
    """The request has something that this provider cannot be sent; another may take it."""

    code = "provider_unfit"


class ProviderBadReply(ProviderError):
    code = "provider_bad_reply"


class StreamInterrupted(ProviderError):
    """A streamed answer broke off after its first token, too late to ask anybody else."""

    code = "stream_interrupted"


class CircuitOpen(ProviderError):
    code = "circuit_open"


class AllProvidersFailed(ProviderError):
    """Nobody in the chain answered. ``failures`` are the errors in the order they happened."""

    code = "all_providers_failed"

    def __init__(self, failures: tuple[ProviderError, ...]) -> None:
        said = "; ".join(f"{f.provider}: {f.message}" for f in failures) or "the chain is empty"
        super().__init__(
            f"no provider answered ({said})",
            provider=failures[-1].provider if failures else "chain",
            hint="see `conduit providers` for their state, or `conduit doctor`",
            retry_after_s=min(
                (f.retry_after_s for f in failures if f.retry_after_s is not None), default=None
            ),
        )
        self.failures = failures
