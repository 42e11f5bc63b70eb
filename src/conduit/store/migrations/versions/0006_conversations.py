"""What is known of a conversation beside its messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "conversation_titles",
        sa.Column("org_id", sa.String(36), sa.ForeignKey("organisations.id"), primary_key=True),
        sa.Column("session", sa.String(200), primary_key=True),
        sa.Column("title", sa.String(200), nullable=False),
    )
