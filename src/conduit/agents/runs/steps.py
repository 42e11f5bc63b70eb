"""The checkpoints of a run, as dataclasses and as the JSON they are stored as."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from conduit.agents.generation import AS_USUAL, Generation
from conduit.agents.runs.budget import Budget
from conduit.blocks import decode, dumps, loads
from conduit.contracts.chat import Message, ProviderFailure, Usage
from conduit.contracts.errors import ConduitError, StoreError
from conduit.contracts.json import Json
from conduit.contracts.outcome import ErrorInfo
from conduit.store.runs import RECOVERED

Decision = Literal["approve", "edit", "reject", "answer"]


@dataclass(frozen=True, slots=True)
class Begun:
    """What was asked: everything the first model is sent. ``only`` is the one provider to ask,
    ``model`` the one model; empty leaves it to the chain. ``generation`` is how every model of the
    run is to write."""

    messages: tuple[Message, ...]
    budget: Budget
    only: str = ""
    model: str = ""
    generation: Generation = AS_USUAL


@dataclass(frozen=True, slots=True)
class Answered:
    """A model answered, perhaps with calls of tools. ``final`` names the limit of the budget for
    which it was offered none; ``dropped`` the parameters that its provider has no means for."""

    message: Message
    provider: str
    model: str
    usage: Usage
    cost_micro: int | None = None
    failures: tuple[ProviderFailure, ...] = ()
    ms: float = 0.0
    final: str = ""
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Calling:
    """A tool is about to be called that may not be called twice."""

    id: str


@dataclass(frozen=True, slots=True)
class Called:
    """A tool was called, or refused. ``said`` is what the model is told; ``result`` is left out
    where it is too large to keep."""

    id: str
    block: str
    arguments: Json
    ok: bool
    said: str
    result: Json = None
    error: ErrorInfo | None = None
    ms: float = 0.0
    refused: bool = False
    """It was not called at all."""


@dataclass(frozen=True, slots=True)
class Held:
    """Calls wait for a person."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """A person decided on a call: to let it be, with other ``arguments``, to forbid it, or to
    answer in its place; ``text`` is the answer or the reason."""

    id: str
    decision: Decision
    by: str
    arguments: Json = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Early:
    """The answer came before these blocks were called, without which there is none: it does not
    count, and the model is asked once more."""

    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The run is over. ``why`` names the limit of the budget that was used up."""

    status: Literal["done", "stopped"]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Sampled:
    """One more answer to what was asked, for a vote on it; ``error`` is the code of why there is
    none. ``number`` tells the samples of a run apart; ``stronger`` is whether it is that of the
    model that is asked where the others agree too little."""

    number: int
    text: str = ""
    provider: str = ""
    model: str = ""
    usage: Usage | None = None
    cost_micro: int | None = None
    error: str = ""
    stronger: bool = False


@dataclass(frozen=True, slots=True)
class Recovered:
    """A process begins to go on with what another one left, or leaves it for the next one."""

    handed_on: bool = False


RunStep = Begun | Answered | Calling | Called | Held | Decided | Early | Ended | Sampled | Recovered

_KINDS: Final[dict[str, type[RunStep]]] = {
    "begun": Begun,
    "answered": Answered,
    "calling": Calling,
    "called": Called,
    "held": Held,
    "decided": Decided,
    "early": Early,
    RECOVERED: Recovered,
    "ended": Ended,
    "sampled": Sampled,
}
_NUL: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
"""A NUL as JSON writes it, and not the letters u0000 behind a backslash of their own."""
_NAMES: Final = {cls: name for name, cls in _KINDS.items()}


def kind_of(step: type[RunStep]) -> str:
    """What steps of a class are stored as."""
    return _NAMES[step]


def written(step: RunStep) -> tuple[str, str]:
    """The kind of a step and its body, as JSON without NUL, which no database takes."""
    body = dumps(step).decode()
    if "\\u0000" in body:
        body = _NUL.sub(r"\1\\ufffd", body)
    return _NAMES[type(step)], body


def read(kind: str, body: str) -> RunStep:
    """A step as it was stored. Raises ``StoreError`` for one that this Conduit cannot read."""
    if kind not in _KINDS:
        raise StoreError(
            f"a step of kind {kind[:32]!r} is not known", hint="a newer Conduit may have stored it"
        )
    try:
        step: RunStep = decode(_KINDS[kind], loads(body))
    except ConduitError as error:
        raise StoreError(
            f"a step of kind {kind!r} cannot be read: {error.message}",
            hint="a newer Conduit may have stored it",
        ) from None
    return step
