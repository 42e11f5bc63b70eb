"""Generation parameters: how a model is to choose its words.

A request may name some, a conversation keeps its own, and what neither names is the provider's
choice. They are stored with the run that they belong to, so that it is gone on with as it began.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Annotated, Final

from conduit.blocks import Length, Range, decode, dumps, loads
from conduit.contracts.chat import ChatRequest

_SEEDS: Final = 2**63


@dataclass(frozen=True, slots=True)
class Generation:
    """How a model is to write. What is not given is the provider's choice; what a provider has no
    means for it leaves out."""

    temperature: Annotated[
        float | None, Range(0, 2), "0: the likeliest word, always; higher: more of chance"
    ] = None
    top_p: Annotated[
        float | None, Range(0, 1), "only from the likeliest words, of this probability in all"
    ] = None
    max_tokens: Annotated[
        int | None, Range(1, 10_000_000), "no answer of a model is longer; whole runs have a budget"
    ] = None
    seed: Annotated[
        int | None, Range(-_SEEDS, _SEEDS - 1), "the same one gives similar answers"
    ] = None
    stop: Annotated[
        tuple[Annotated[str, Length(1, 1000)], ...],
        Length(0, 64),
        "texts that end an answer where they come; many providers take four at most",
    ] = ()

    def over(self, other: Generation) -> Generation:
        """These, and what they leave open from ``other``."""
        given = {name: value for name in _NAMES if (value := getattr(self, name)) not in (None, ())}
        return replace(other, **given)

    def asked(self, request: ChatRequest) -> ChatRequest:
        """The request with what is given."""
        given = {name: value for name in _NAMES if (value := getattr(self, name)) not in (None, ())}
        return replace(request, **given)

    def text(self) -> str:
        """As it is stored: JSON, empty where nothing is given."""
        return "" if self == AS_USUAL else dumps(self).decode()


AS_USUAL: Final = Generation()
_NAMES: Final = tuple(each.name for each in fields(Generation))


def generation_in(text: str) -> Generation:
    """As it was stored. Raises ``InvalidInput``."""
    return decode(Generation, loads(text), where="generation") if text else AS_USUAL
