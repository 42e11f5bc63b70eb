"""Operations that were registered as tools, and which tools are switched off."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "registered_apis",
        sa.Column("org_id", sa.String(36), sa.ForeignKey("organisations.id"), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(20), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("version", sa.String(200), nullable=False),
        sa.Column("corpus_id", sa.String(128), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("operations", sa.BigInteger, nullable=False),
        sa.Column("stamp", sa.String(36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_registered_apis_name", "registered_apis", ["org_id", "name"], unique=True)
    op.create_table(
        "registered_operations",
        sa.Column("org_id", sa.String(36), sa.ForeignKey("organisations.id"), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("tool_id", sa.String(64), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("summary", sa.String(200), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "tool_id"],
            ["registered_apis.org_id", "registered_apis.id"],
            name="fk_registered_operations_api",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_registered_operations_tool", "registered_operations", ["org_id", "tool_id"])
    op.create_table(
        "tool_rules",
        sa.Column("org_id", sa.String(36), sa.ForeignKey("organisations.id"), primary_key=True),
        sa.Column("block", sa.String(64), primary_key=True),
        sa.Column("subject", sa.String(200), primary_key=True),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("per_day", sa.BigInteger, nullable=True),
        sa.Column("changed_by", sa.String(200), nullable=False),
    )
    op.create_table(
        "tool_uses",
        sa.Column("org_id", sa.String(36), sa.ForeignKey("organisations.id"), primary_key=True),
        sa.Column("block", sa.String(64), primary_key=True),
        sa.Column("subject", sa.String(200), primary_key=True),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("used", sa.BigInteger, nullable=False),
    )
