"""In what a server departs from OpenAI's reference: the columns of a look-alike's row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from conduit.models.reading import EFFORTS


@dataclass(frozen=True, slots=True)
class Server:
    """One server; as most look-alikes are where nothing else is said."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    """OpenAI's older name of a parameter to the one it has here (``max_tokens``, ``seed``)."""
    stream_usage: bool = True
    """Takes ``stream_options``. Some refuse them, and send usage anyway."""
    thinking: Literal["effort", "object", "switch"] = "effort"
    """How thinking is asked for: ``reasoning_effort``, OpenRouter's ``reasoning`` object, or
    DeepSeek's ``thinking`` that is enabled or disabled, beside the effort where it takes any."""
    efforts: tuple[str, ...] = EFFORTS
    """Those that it takes; another becomes the nearest."""
    thinking_field: str = ""
    """Where it wants its earlier thinking back in an assistant turn; empty: nowhere."""
    schemas: bool = True
    """Takes ``response_format: json_schema``; else it is asked for a JSON object."""
    lacks: frozenset[str] = frozenset()
    """What it has no place for, by OpenAI's names, and ``top_k``."""
