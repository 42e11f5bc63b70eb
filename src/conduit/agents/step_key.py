"""What a service is told by which it can refuse to do the same step of a run twice."""

from __future__ import annotations

import uuid
from typing import Final

_STEPS: Final = uuid.UUID("2b8f6f0e-51c9-5a55-9c0c-6a4b7d1f3e90")
"""The name space in which a step is a UUID (RFC 9562, version 5)."""


def step_key(org_id: str, run_id: str, step: str | int) -> str:
    """The same for the same step, however often and by whichever process it is tried; another one
    for each step, run and organisation."""
    return str(uuid.uuid5(_STEPS, f"{org_id}/{run_id}/{step}"))
