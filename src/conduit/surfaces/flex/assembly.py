"""Bodies that arrive in parts, put together within bounds of number, size and time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from conduit.blocks import loads
from conduit.contracts.errors import Conflict, TooLarge
from conduit.surfaces.flex.envelope import MOST_BODY, Envelope

MOST_OPEN: Final = 4
"""Bodies that one device may have begun at a time."""
PATIENCE_S: Final = 10.0
"""How long the next part may take."""


@dataclass(slots=True)
class _Open:
    first: Envelope
    of: int
    until: float
    pieces: dict[int, str] = field(default_factory=dict)
    size: int = 0


class Assembly:
    """The parts of one device. ``clock`` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._open: dict[str, _Open] = {}

    def take(self, envelope: Envelope) -> Envelope | None:
        """The envelope with its whole body, or None as long as parts are missing.

        A part that came before is passed over. Raises ``Conflict`` for one that contradicts the
        others, ``TooLarge``, and ``MalformedJson`` for a body that is none.
        """
        part, piece = envelope.part, envelope.body
        if part is None or not isinstance(piece, str):
            return envelope
        self.expire()
        found = self._open.get(envelope.corr)
        if found is None:
            if len(self._open) >= MOST_OPEN:
                raise TooLarge(
                    f"{MOST_OPEN} bodies have begun to arrive already",
                    where=envelope.corr,
                    hint="end one before the next",
                )
            found = self._open[envelope.corr] = _Open(envelope, part.of, 0.0)
        if found.first.intent != envelope.intent or found.of != part.of:
            raise self._given_up(envelope, "a part that does not belong to the others")
        found.until = self._clock() + PATIENCE_S
        known = found.pieces.get(part.number)
        if known is not None:
            if known != piece:
                raise self._given_up(envelope, f"part {part.number} came twice, and differently")
            return None
        found.size += len(piece.encode())
        if found.size > MOST_BODY:
            del self._open[envelope.corr]
            raise TooLarge(
                f"a body above {MOST_BODY:,} bytes", where=envelope.corr, hint="send less"
            )
        found.pieces[part.number] = piece
        if len(found.pieces) < part.of:
            return None
        del self._open[envelope.corr]
        text = "".join(found.pieces[number] for number in range(1, part.of + 1))
        return replace(found.first, body=loads(text), part=None)

    def expire(self) -> list[str]:
        """Give up what has waited too long for its next part; their ``corr``."""
        now = self._clock()
        late = [corr for corr, each in self._open.items() if each.until and each.until < now]
        for corr in late:
            del self._open[corr]
        return late

    def _given_up(self, envelope: Envelope, said: str) -> Conflict:
        del self._open[envelope.corr]
        return Conflict(said, where=envelope.corr, hint="begin again, with another corr")
