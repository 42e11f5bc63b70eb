"""What each request to a language model took."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "usage_records",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("org_id", sa.String(36), sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("correlation_id", sa.String(200), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("operation", sa.String(16), nullable=False),
        sa.Column("dialect", sa.String(200), nullable=False),
        sa.Column("requested", sa.String(200), nullable=False),
        sa.Column("provider", sa.String(200), nullable=False),
        sa.Column("provider_type", sa.String(200), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("answered_by", sa.String(200), nullable=False),
        sa.Column("stream", sa.Boolean, nullable=False),
        sa.Column("ending", sa.String(16), nullable=False),
        sa.Column("error", sa.String(200), nullable=False),
        sa.Column("finish_reason", sa.String(200), nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_tokens", sa.BigInteger, nullable=False),
        sa.Column("cache_write_tokens", sa.BigInteger, nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger, nullable=False),
        sa.Column("estimated", sa.Boolean, nullable=False),
        sa.Column("cost_micro", sa.BigInteger, nullable=True),
        sa.Column("duration_ms", sa.Double, nullable=False),
        sa.Column("first_token_ms", sa.Double, nullable=True),
        sa.Column("failovers", sa.BigInteger, nullable=False),
        sa.Column("retries", sa.BigInteger, nullable=False),
        sa.Column("hedged", sa.Boolean, nullable=False),
        sa.Column("cache", sa.String(200), nullable=False),
    )
    op.create_index("ix_usage_records_time", "usage_records", ["org_id", "at_ms", "id"])
    op.create_index("ix_usage_records_model", "usage_records", ["org_id", "model", "at_ms"])
