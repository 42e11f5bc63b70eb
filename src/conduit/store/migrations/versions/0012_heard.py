"""Which sounds conversations heard."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "heard_sounds",
        sa.Column("org_id", sa.String(36), sa.ForeignKey("organisations.id"), primary_key=True),
        sa.Column("session", sa.String(200), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("stored", sa.Boolean, nullable=False),
        sa.Column("said", sa.Text, nullable=False),
        sa.Column("templates", sa.Text, nullable=False),
        sa.Column("heard_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_heard_sounds_id", "heard_sounds", ["org_id", "id"])


def downgrade() -> None:
    op.drop_table("heard_sounds")
