"""What a run asks about tools, and how a person is asked about a call of one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

from conduit.agents.events import ApprovalNeeded
from conduit.contracts.call import Principal
from conduit.contracts.chat import ToolCall, ToolSpec
from conduit.contracts.errors import ConduitError


class Toolbox(Protocol):
    """What the machine asks about tools."""

    def tools(self, model: Principal) -> tuple[ToolSpec, ...]:
        """Those that are offered to a model with this principal."""

    def read(self, call: ToolCall, model: Principal) -> tuple[str, Any, ConduitError | None]:
        """The block and the arguments that a call means, or what is wrong with it."""

    def among(self, name: str, tools: Collection[str]) -> bool:
        """Whether a name means one of the tools that are offered under these names."""

    def repeatable(self, block: str) -> bool:
        """Whether calling it twice does no more than calling it once."""

    def held(self, block: str) -> bool:
        """Whether a person has to agree first."""

    def difficulty(self, block: str) -> float:
        """How difficult it is to call rightly, from 0 to 1."""


def asking_for(call: ToolCall, toolbox: Toolbox, model: Principal) -> ApprovalNeeded:
    """A call as a person is asked about it: by its block, not by what the model calls that."""
    block, arguments, _ = toolbox.read(call, model)
    return ApprovalNeeded(call.id, block, arguments)
