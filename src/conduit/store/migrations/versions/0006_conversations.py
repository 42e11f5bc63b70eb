"""What is known of a conversation beside its messages."""

from __future__ import annotations

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """No table yet."""
