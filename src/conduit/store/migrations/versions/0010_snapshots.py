"""How a conversation is answered, in more than votes; and the groove it goes on from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    for name, type in (
        ("generation", sa.Text()),
        ("system", sa.String(64)),
        ("provider", sa.String(64)),
        ("model", sa.String(200)),
    ):
        column = sa.Column(name, type, nullable=False, server_default="")
        op.add_column("conversation_settings", column)
    op.create_table(
        "conversation_grooves",
        sa.Column("org_id", sa.String(36), sa.ForeignKey("organisations.id"), primary_key=True),
        sa.Column("session", sa.String(200), primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("recalled", sa.Boolean, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("conversation_grooves")
    for name in ("model", "provider", "system", "generation"):
        op.drop_column("conversation_settings", name)
