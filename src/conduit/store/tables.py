"""Every table, as it is after the newest migration. Each row belongs to an organisation."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, ForeignKey, Index, MetaData, String, Table, Text

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)


def _org() -> Column[str]:
    return Column("org_id", String(36), ForeignKey("organisations.id"), nullable=False)


organisations = Table(
    "organisations",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("id", String(36), primary_key=True),  # UUIDv7: sorts by time
    _org(),
    Column("session", String(200), nullable=False),
    Column("turn", String(36), nullable=False),  # id of the turn's first message
    Column("role", String(16), nullable=False),
    Column("content", Text, nullable=False),
    Column("tool_calls", Text, nullable=False),  # JSON list of {id, name, arguments}
    Column("tool_call_id", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
Index(
    "ix_messages_window",
    messages.c.org_id,
    messages.c.session,
    messages.c.turn,
    messages.c.id,
)

grooves = Table(
    "grooves",
    metadata,
    Column("org_id", String(36), ForeignKey("organisations.id"), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("title", String(200), nullable=False),
    Column("request", Text, nullable=False),  # JSON of the request that makes it again
    Column("file_id", String(64), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
