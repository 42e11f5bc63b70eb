"""JSON whose shape somebody else owns: a schema, a tool's arguments, a provider's extra fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any


@dataclass(frozen=True, slots=True)
class JsonMark:
    """Marks a type hint as "any JSON value"; ``Any`` itself is refused in blocks."""


Json = Annotated[Any, JsonMark()]
JsonObject = dict[str, Json]
