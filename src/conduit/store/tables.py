"""Every table, as it is after the newest migration. Each row belongs to an organisation."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    MetaData,
    String,
    Table,
    Text,
)

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

usage_records = Table(
    "usage_records",
    metadata,
    Column("id", String(64), primary_key=True),  # UUIDv7
    _org(),
    Column("at_ms", BigInteger, nullable=False),  # Unix time of the beginning
    Column("correlation_id", String(200), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("operation", String(16), nullable=False),
    Column("dialect", String(200), nullable=False),
    Column("requested", String(200), nullable=False),
    Column("provider", String(200), nullable=False),
    Column("provider_type", String(200), nullable=False),
    Column("model", String(200), nullable=False),
    Column("answered_by", String(200), nullable=False),
    Column("stream", Boolean, nullable=False),
    Column("ending", String(16), nullable=False),
    Column("error", String(200), nullable=False),
    Column("finish_reason", String(200), nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("cache_write_tokens", BigInteger, nullable=False),
    Column("reasoning_tokens", BigInteger, nullable=False),
    Column("estimated", Boolean, nullable=False),
    Column("cost_micro", BigInteger, nullable=True),  # micro-US-dollars
    Column("duration_ms", Double, nullable=False),
    Column("first_token_ms", Double, nullable=True),
    Column("failovers", BigInteger, nullable=False),
    Column("retries", BigInteger, nullable=False),
    Column("hedged", Boolean, nullable=False),
    Column("cache", String(200), nullable=False),
)
"""The fields of ``UsageRecord``, under their names."""
Index(
    "ix_usage_records_time",
    usage_records.c.org_id,
    usage_records.c.at_ms,
    usage_records.c.id,
)
Index(
    "ix_usage_records_model",
    usage_records.c.org_id,
    usage_records.c.model,
    usage_records.c.at_ms,
)
