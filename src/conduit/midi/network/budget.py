"""How much of something may be done in a second."""

from __future__ import annotations


class Budget:
    """So many in a second: nobody should have us send as fast as they do."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._since = 0.0

    def allows(self, now: float, count: int = 1) -> bool:
        """Whether so many more are fair. They count."""
        if not 0 <= now - self._since < 1:
            self._since, self._count = now, 0
        self._count += count
        return self._count <= self._most
