"""What a tool of another server takes and gives, as this room says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from conduit.contracts.json import Json, JsonObject


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A tool as its server describes it."""

    name: str
    description: str
    input_schema: JsonObject
    output_schema: JsonObject | None = None
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a tool of another server gave. ``success`` is false when it says that it failed, and
    ``reason`` why."""

    success: bool
    text: Annotated[str, "all of its text"] = ""
    structured: Annotated[Json, "the same as data, where it gives any"] = None
    others: Annotated[list[Json], "pictures, sounds and links"] = field(default_factory=list)
    reason: str = ""
