"""Runs and what somebody spent by whose they are; how far votes agreed.

What is renamed or left out here is an index, so nothing that is stored is lost either way, but for
the figures of votes, which an older Conduit does not know.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.drop_index("ix_runs_status", "runs")
    op.create_index("ix_runs_status", "runs", ["status", "org_id", "id", "subject"])
    op.create_index("ix_runs_subject", "runs", ["org_id", "subject", "id", "kind", "status"])
    op.drop_index("ix_usage_records_model", "usage_records")
    op.create_index(
        "ix_usage_records_subject", "usage_records", ["org_id", "subject", "at_ms", "cost_micro"]
    )
    votes = sa.Column("samples", sa.BigInteger, nullable=False, server_default="0")
    op.add_column("usage_records", votes)
    op.add_column("usage_records", sa.Column("agreement", sa.Double, nullable=True))


def downgrade() -> None:
    op.drop_column("usage_records", "agreement")
    op.drop_column("usage_records", "samples")
    op.drop_index("ix_usage_records_subject", "usage_records")
    op.create_index("ix_usage_records_model", "usage_records", ["org_id", "model", "at_ms"])
    op.drop_index("ix_runs_subject", "runs")
    op.drop_index("ix_runs_status", "runs")
    op.create_index("ix_runs_status", "runs", ["status", "lease_until_ms"])
