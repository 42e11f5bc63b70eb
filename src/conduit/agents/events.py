"""What an agent says while it works, and its answer at the end."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal

from conduit.agents.live.typed import LiveBlock
from conduit.blocks import decode
from conduit.contracts.chat import ProviderFailure, Usage
from conduit.contracts.errors import InvalidInput
from conduit.contracts.files import FileRef
from conduit.contracts.json import Json
from conduit.contracts.outcome import ErrorInfo


@dataclass(frozen=True, slots=True)
class Started:
    """The request was accepted."""

    session: str
    correlation_id: str
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class Answering:
    """A provider began to answer; those before it failed."""

    provider: str
    model: str
    failures: tuple[ProviderFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Retracted:
    """What the model said since it began to answer does not count: it came before the blocks in
    ``missing`` were called, and the model is asked once more. ``text`` is what counts so far."""

    text: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """The model asked for a block."""

    id: str
    block: str
    arguments: Json


@dataclass(frozen=True, slots=True)
class ToolReturned:
    """The block answered, or why it did not."""

    id: str
    block: str
    ok: bool
    result: Json = None
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class ApprovalNeeded:
    """The model wants to call a block that a person has to agree to first."""

    id: str
    block: str
    arguments: Json


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool call with its result, in the final answer."""

    id: str
    block: str
    arguments: Json
    ok: bool
    result: Json = None
    error: ErrorInfo | None = None

    @property
    def saved(self) -> tuple[str, ...]:
        """Paths of files that it says it saved. A tool of somebody else may say anything."""
        said = self.result.get("saved") if self.ok and isinstance(self.result, dict) else None
        return (
            tuple(each for each in said if isinstance(each, str)) if isinstance(said, list) else ()
        )

    @property
    def files(self) -> tuple[FileRef, ...]:
        """Files that it says it stored."""
        if not self.ok or not isinstance(self.result, dict):
            return ()
        found = []
        for each in self.result.values():
            with suppress(InvalidInput):
                found.append(decode(FileRef, each))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far several answers to one prompt said the same. ``agreement`` is the majority's share,
    of those that failed too; ``uncertainty`` is 1 minus that, ``entropy`` goes from 0 (all the
    same) to 1 (each another). ``dissent`` are the other answers, normalised, with how often they
    were given; ``escalated``: a stronger model answered in their place."""

    agreement: float
    uncertainty: float
    entropy: float
    answers: int
    failed: int
    dissent: dict[str, int]
    escalated: bool


@dataclass(frozen=True, slots=True)
class AskReply:
    """The whole answer: what was said and done, who said it, who failed before.

    ``status`` is ``done``; ``stopped`` when a limit of the budget was reached, which ``why`` names;
    or ``waiting`` for a person's decision on the calls in ``waiting_for``. ``cost_micro`` is in
    millionths of a US dollar, of what has a known price. ``agreement`` is there where the answer
    was put to the vote. ``blocks`` are for Ableton Live, whole and checked; ``refused_blocks`` says
    what else the model wrote for it, and why nothing of that is applied. ``dropped`` names the
    generation parameters that were given and the provider has no means for.
    """

    text: str
    provider: str
    model: str
    session: str
    correlation_id: str
    elapsed_ms: float
    json_blocks: list[Json] = field(default_factory=list)
    tool_calls: tuple[ToolUse, ...] = ()
    failures: tuple[ProviderFailure, ...] = ()
    usage: Usage | None = None
    run_id: str = ""
    status: Literal["done", "stopped", "waiting"] = "done"
    why: str = ""
    waiting_for: tuple[ApprovalNeeded, ...] = ()
    cost_micro: int = 0
    agreement: Agreement | None = None
    blocks: tuple[LiveBlock, ...] = ()
    refused_blocks: tuple[ErrorInfo, ...] = ()
    dropped: tuple[str, ...] = ()


EVENT_NAMES: Final[Mapping[type[object], str]] = {
    Started: "start",
    Answering: "provider",
    TextDelta: "text",
    Retracted: "retracted",
    ApprovalNeeded: "approval",
    ToolCalled: "tool_call",
    ToolReturned: "tool_result",
    AskReply: "done",
}
"""By which clients know them, over events of HTTP and over WebSocket."""

AgentEvent = (
    Started | Answering | TextDelta | Retracted | ToolCalled | ToolReturned | ApprovalNeeded
)
