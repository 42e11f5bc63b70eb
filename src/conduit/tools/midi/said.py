"""What was said, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from conduit.contracts.json import JsonObject


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that was said: a message, or what several of them were parts of."""

    type: Annotated[str, "the message, such as Midi2NoteOn; text, name, long message or fault"]
    words: Annotated[tuple[str, ...], "the words of a message"] = ()
    fields: JsonObject = field(default_factory=dict)
