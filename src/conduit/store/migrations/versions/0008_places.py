"""Places that people saved, how long the ways between them take, and calendars they added."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def _person() -> tuple[sa.Column[str], sa.Column[str]]:
    return (
        sa.Column("org_id", sa.String(36), sa.ForeignKey("organisations.id"), primary_key=True),
        sa.Column("subject", sa.String(200), primary_key=True),
    )


def upgrade() -> None:
    op.create_table(
        "places",
        *_person(),
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("title", sa.String(100), nullable=False),
        sa.Column("aliases", sa.Text, nullable=False),
        sa.Column("address", sa.String(400), nullable=False),
        sa.Column("latitude", sa.Double, nullable=True),
        sa.Column("longitude", sa.Double, nullable=True),
        sa.Column("located_by", sa.String(32), nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "commute_minutes",
        *_person(),
        sa.Column("origin", sa.String(100), primary_key=True),
        sa.Column("destination", sa.String(100), primary_key=True),
        sa.Column("mode", sa.String(16), primary_key=True),
        sa.Column("minutes", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "calendar_sources",
        *_person(),
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("timezone", sa.String(64), nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
    )
