"""How a call ended: for interceptors and records, and as data on a wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from conduit.contracts.errors import ConduitError


@dataclass(slots=True)
class Outcome:
    """``error`` is set when ``status`` is ``failed``; a cancelled call has none."""

    status: Literal["ok", "failed", "cancelled"]
    elapsed_ms: float
    error: ConduitError | None = None


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """An error as data: what every surface sends, and what a model is told."""

    code: str
    message: str
    hint: str

    @classmethod
    def of(cls, error: ConduitError) -> ErrorInfo:
        message = f"{error.where}: {error.message}" if error.where else error.message
        return cls(error.code, message, error.hint)
