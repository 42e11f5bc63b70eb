"""The errors of a transport, in the same words whichever it is."""

from __future__ import annotations

from dataclasses import dataclass

from conduit.contracts.errors import (
    Conflict,
    ProviderBadReply,
    ProviderTimeout,
    ProviderUnreachable,
)
from conduit.models.reading import quote
from conduit.models.transport.transport import Limits


@dataclass(frozen=True, slots=True)
class Failures:
    """Makes the errors of one provider's transport."""

    provider: str
    limits: Limits

    def no_connection(self) -> ProviderTimeout:
        return ProviderTimeout(
            f"no connection within {self.limits.connect_s:g} s",
            provider=self.provider,
            hint="check base_url and the network",
        )

    def silent(self) -> ProviderTimeout:
        return ProviderTimeout(
            f"nothing came for {self.limits.silence_s:g} s",
            provider=self.provider,
            hint="raise timeout_s in providers.yaml if the model is only slow",
        )

    def too_long(self) -> ProviderTimeout:
        return ProviderTimeout(
            f"the reply was not complete within {self.limits.total_s:g} s",
            provider=self.provider,
            hint="ask for a shorter answer, or another provider",
        )

    def cannot_connect(self, error: OSError) -> ProviderUnreachable:
        return ProviderUnreachable(
            f"cannot connect: {quote(str(error.strerror or error))}",
            provider=self.provider,
            hint="is it running, and is base_url right?",
        )

    def no_address(self) -> ProviderUnreachable:
        return ProviderUnreachable(
            "its address is none that can be connected to",
            provider=self.provider,
            hint="check base_url",
        )

    def dropped(self, why: str) -> ProviderUnreachable:
        return ProviderUnreachable(
            f"the connection was dropped ({quote(why)})",
            provider=self.provider,
            hint="try again; if it persists, look at the provider's own log",
        )

    def not_http(self) -> ProviderBadReply:
        return ProviderBadReply(
            "the reply is not HTTP", provider=self.provider, hint="check base_url"
        )

    def compressed(self, encoding: str) -> ProviderBadReply:
        return ProviderBadReply(
            f"the reply is compressed ({quote(encoding)}) though asked not to be",
            provider=self.provider,
            hint="check for a proxy in between that compresses on its own",
        )

    def elsewhere(self) -> Conflict:
        return Conflict(
            f"provider {self.provider!r} is in use in another event loop",
            hint="await aclose() in that loop before using it in this one",
        )
