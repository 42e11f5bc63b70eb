"""Operations that were registered as tools, and which tools are switched off."""

from __future__ import annotations

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """No table yet."""
