"""What is kept beside the messages of a conversation: a summary, pinned facts, settings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def _key() -> tuple[sa.Column[str], sa.Column[str]]:
    return (
        sa.Column("org_id", sa.String(36), sa.ForeignKey("organisations.id"), primary_key=True),
        sa.Column("session", sa.String(200), primary_key=True),
    )


def upgrade() -> None:
    op.create_table(
        "conversation_summaries",
        *_key(),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("made_by", sa.String(200), nullable=False),
        sa.Column("upto", sa.String(36), nullable=False),
        sa.Column("turn", sa.String(36), nullable=False),
        sa.Column("messages", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "conversation_pins",
        *_key(),
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("message", sa.String(36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "conversation_settings",
        *_key(),
        sa.Column("samples", sa.BigInteger, nullable=False),
        sa.Column("escalate_below", sa.Double, nullable=False),
        sa.Column("escalate_to", sa.String(200), nullable=False),
    )
