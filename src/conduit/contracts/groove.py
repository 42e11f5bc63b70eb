"""A groove as it is remembered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoredGroove:
    """``request`` is the JSON text of what was asked for; ``file_id`` names the MIDI file in the
    file store."""

    groove_id: str
    title: str
    request: str
    file_id: str
