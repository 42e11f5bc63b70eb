"""Where each conversation begins and ends, so that the newest are listed without counting all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "conversation_ends",
        sa.Column("org_id", sa.String(36), sa.ForeignKey("organisations.id"), primary_key=True),
        sa.Column("session", sa.String(200), primary_key=True),
        sa.Column("oldest", sa.String(36), nullable=False),
        sa.Column("newest", sa.String(36), nullable=False),
        sa.Column("messages", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_conversation_ends_newest", "conversation_ends", ["org_id", "newest"])
    op.execute(
        "INSERT INTO conversation_ends (org_id, session, oldest, newest, messages) "
        "SELECT org_id, session, min(turn), max(turn), count(*) FROM messages "
        "GROUP BY org_id, session"
    )


def downgrade() -> None:
    op.drop_table("conversation_ends")
