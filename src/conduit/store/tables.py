"""Every table, as it is after the newest migration. Each row belongs to an organisation."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
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
    Column("samples", BigInteger, nullable=False),
    Column("agreement", Double, nullable=True),  # from 0 to 1
)
"""The fields of ``UsageRecord``, under their names."""
Index(
    "ix_usage_records_time",
    usage_records.c.org_id,
    usage_records.c.at_ms,
    usage_records.c.id,
)
Index(
    "ix_usage_records_subject",  # what somebody's budget is compared with, from the index alone
    usage_records.c.org_id,
    usage_records.c.subject,
    usage_records.c.at_ms,
    usage_records.c.cost_micro,
)

# runs

runs = Table(
    "runs",
    metadata,
    Column("org_id", String(36), ForeignKey("organisations.id"), primary_key=True),
    Column("id", String(36), primary_key=True),  # UUIDv7
    Column("kind", String(16), nullable=False),  # agent, plan
    Column("subject", String(200), nullable=False),
    Column("thread", String(200), nullable=False),
    Column("status", String(16), nullable=False),
    Column("request", Text, nullable=False),  # JSON of what was asked
    Column("rights", Text, nullable=False),  # JSON of what whoever asked may do
    Column("parent", String(36), nullable=False),  # the run it was forked from, or empty
    Column("parent_step", BigInteger, nullable=False),
    Column("steps", BigInteger, nullable=False),  # how many there are: the number of the next
    Column("spent", Text, nullable=False),  # JSON of what it took so far
    Column("result", Text, nullable=False),  # JSON of the answer, or empty
    Column("owner", String(64), nullable=False),  # the process that works on it, or empty
    Column("lease_until_ms", BigInteger, nullable=False),  # Unix time until which it is the owner's
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
)
# The last columns of these two are looked at before a row is: who looks for few among many reads
# few rows.
Index("ix_runs_status", runs.c.status, runs.c.org_id, runs.c.id, runs.c.subject)
Index("ix_runs_subject", runs.c.org_id, runs.c.subject, runs.c.id, runs.c.kind, runs.c.status)
Index("ix_runs_thread", runs.c.org_id, runs.c.thread, runs.c.id)

run_steps = Table(
    "run_steps",
    metadata,
    Column("org_id", String(36), ForeignKey("organisations.id"), primary_key=True),
    Column("run_id", String(36), primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("body", Text, nullable=False),  # JSON of the step
    Column("at_ms", BigInteger, nullable=False),
)
"""What happened in a run, one row for each checkpoint; nothing in it is ever changed."""


# corpora


def _corpus_key(table: str) -> tuple[Column[str], Column[str], ForeignKeyConstraint]:
    """What belongs to a corpus goes when it goes."""
    here, there = ["org_id", "corpus_id"], ["corpora.org_id", "corpora.id"]
    return (
        Column("org_id", String(36), ForeignKey("organisations.id"), primary_key=True),
        Column("corpus_id", String(128), primary_key=True),
        ForeignKeyConstraint(here, there, name=f"fk_{table}_corpus", ondelete="CASCADE"),
    )


corpora = Table(
    "corpora",
    metadata,
    Column("org_id", String(36), ForeignKey("organisations.id"), primary_key=True),
    Column("id", String(128), primary_key=True),
    Column("model", String(200), nullable=False),  # for embeddings; empty: the built-in one
    Column("stamp", String(36), nullable=False),  # another one after each change
    Column("created_at", DateTime(timezone=True), nullable=False),
)
corpus_versions = Table(
    "corpus_versions",
    metadata,
    *_corpus_key("corpus_versions"),
    Column("baseline_id", String(128), primary_key=True),
    Column("version", BigInteger, primary_key=True),  # 1, 2, 3 …
    Column("digest", String(64), nullable=False),  # SHA-256 of the content, in hex
    Column("characters", BigInteger, nullable=False),
    Column("content", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
corpus_reflections = Table(
    "corpus_reflections",
    metadata,
    *_corpus_key("corpus_reflections"),
    Column("id", String(36), primary_key=True),  # UUIDv7: sorts by time
    Column("characters", BigInteger, nullable=False),
    Column("content", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
corpus_segments = Table(
    "corpus_segments",
    metadata,
    *_corpus_key("corpus_segments"),
    Column("model", String(220), primary_key=True),  # of the vectors, and how it was cut
    Column("kind", String(16), primary_key=True),  # baseline or reflection
    Column("source_id", String(128), primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("ordinal", BigInteger, primary_key=True),  # 0, 1, 2 … of the source
    Column("last", Boolean, nullable=False),
    Column("passages", BigInteger, nullable=False),
    Column("dimensions", BigInteger, nullable=False),
    Column("digest", String(32), nullable=False),  # of the text and the vectors
    Column("start", BigInteger, nullable=False),  # where the text begins in the source
    Column("text", Text, nullable=False),
    Column("bounds", LargeBinary, nullable=False),  # int64 start and end of each passage
    Column("terms", LargeBinary, nullable=False),  # uint32 passage, term, count
    Column("vectors", LargeBinary, nullable=False),  # float32, one row for each passage
)


# registered operations

registered_apis = Table(
    "registered_apis",
    metadata,
    Column("org_id", String(36), ForeignKey("organisations.id"), primary_key=True),
    Column("id", String(64), primary_key=True),  # tool-…, the published toolId
    Column("name", String(20), nullable=False),
    Column("title", String(200), nullable=False),
    Column("version", String(200), nullable=False),
    Column("corpus_id", String(128), nullable=False),  # or empty
    Column("digest", String(64), nullable=False),  # SHA-256 of the document, in hex
    Column("operations", BigInteger, nullable=False),
    Column("stamp", String(36), nullable=False),  # UUIDv7 of the registration
    Column("created_at", DateTime(timezone=True), nullable=False),
)
Index("ix_registered_apis_name", registered_apis.c.org_id, registered_apis.c.name, unique=True)

registered_operations = Table(
    "registered_operations",
    metadata,
    Column("org_id", String(36), ForeignKey("organisations.id"), primary_key=True),
    Column("name", String(64), primary_key=True),  # of the block
    Column("tool_id", String(64), nullable=False),
    Column("method", String(16), nullable=False),
    Column("summary", String(200), nullable=False),
    Column("body", Text, nullable=False),  # JSON of the operation
    ForeignKeyConstraint(
        ["org_id", "tool_id"],
        ["registered_apis.org_id", "registered_apis.id"],
        name="fk_registered_operations_api",
        ondelete="CASCADE",
    ),
)
Index(
    "ix_registered_operations_tool",
    registered_operations.c.org_id,
    registered_operations.c.tool_id,
)

# tool states

tool_rules = Table(
    "tool_rules",
    metadata,
    Column("org_id", String(36), ForeignKey("organisations.id"), primary_key=True),
    Column("block", String(64), primary_key=True),
    Column("subject", String(200), primary_key=True),  # empty: the whole organisation
    Column("enabled", Boolean, nullable=False),
    Column("per_day", BigInteger, nullable=True),  # calls in a day; NULL: no limit
    Column("changed_by", String(200), nullable=False),  # who switched it last
)

tool_uses = Table(
    "tool_uses",
    metadata,
    Column("org_id", String(36), ForeignKey("organisations.id"), primary_key=True),
    Column("block", String(64), primary_key=True),
    Column("subject", String(200), primary_key=True),  # empty: the whole organisation
    Column("day", String(10), nullable=False),  # 2026-01-31, UTC; a new day begins at 0
    Column("used", BigInteger, nullable=False),
)
"""Calls of tools that have a limit, and of no other."""

# conversations

conversation_titles = Table(
    "conversation_titles",
    metadata,
    Column("org_id", String(36), ForeignKey("organisations.id"), primary_key=True),
    Column("session", String(200), primary_key=True),
    Column("title", String(200), nullable=False),
)
"""Of those that somebody renamed."""

# conversation notes


def _conversation_key() -> tuple[Column[str], Column[str]]:
    return (
        Column("org_id", String(36), ForeignKey("organisations.id"), primary_key=True),
        Column("session", String(200), primary_key=True),
    )


conversation_ends = Table(
    "conversation_ends",
    metadata,
    *_conversation_key(),
    Column("oldest", String(36), nullable=False),  # turns
    Column("newest", String(36), nullable=False),
    Column("messages", BigInteger, nullable=False),  # how many there are
)
"""What a list of conversations needs to know of their messages, written together with them."""
Index("ix_conversation_ends_newest", conversation_ends.c.org_id, conversation_ends.c.newest)

conversation_summaries = Table(
    "conversation_summaries",
    metadata,
    *_conversation_key(),
    Column("text", Text, nullable=False),
    Column("made_by", String(200), nullable=False),  # provider/model; empty: no model
    Column("upto", String(36), nullable=False),  # the newest message that is in it
    Column("turn", String(36), nullable=False),  # the turn of that message
    Column("messages", BigInteger, nullable=False),  # how many are in it
    Column("updated_at", DateTime(timezone=True), nullable=False),
)

conversation_pins = Table(
    "conversation_pins",
    metadata,
    *_conversation_key(),
    Column("id", String(36), primary_key=True),  # UUIDv7: sorts by time
    Column("role", String(16), nullable=False),  # who said it
    Column("text", Text, nullable=False),
    Column("message", String(36), nullable=False),  # the message it was taken from, or empty
    Column("created_at", DateTime(timezone=True), nullable=False),
)

conversation_settings = Table(
    "conversation_settings",
    metadata,
    *_conversation_key(),
    Column("samples", BigInteger, nullable=False),  # answers to each prompt; 1: no vote
    Column("escalate_below", Double, nullable=False),  # agreement, from 0 to 1; 0: never
    Column("escalate_to", String(200), nullable=False),  # a model, group or alias, or empty
    Column("generation", Text, nullable=False),  # JSON of the parameters, or empty
    Column("system", String(64), nullable=False),  # name of the system prompt, or empty
    Column("provider", String(64), nullable=False),
    Column("model", String(200), nullable=False),
)

conversation_grooves = Table(
    "conversation_grooves",
    metadata,
    *_conversation_key(),
    Column("body", Text, nullable=False),  # JSON of what was rendered last
    Column("recalled", Boolean, nullable=False),  # from a preset: nothing was rendered since
)

# places and calendars


def _person() -> tuple[Column[str], Column[str]]:
    """What belongs to one person of an organisation."""
    return (
        Column("org_id", String(36), ForeignKey("organisations.id"), primary_key=True),
        Column("subject", String(200), primary_key=True),
    )


places = Table(
    "places",
    metadata,
    *_person(),
    Column("name", String(100), primary_key=True),
    Column("title", String(100), nullable=False),  # the name as the person writes it
    Column("aliases", Text, nullable=False),  # JSON list of names
    Column("address", String(400), nullable=False),
    Column("latitude", Double, nullable=True),  # degrees
    Column("longitude", Double, nullable=True),
    Column("located_by", String(32), nullable=False),  # who said the coordinates, or empty
    Column("updated_ms", BigInteger, nullable=False),
)
commute_minutes = Table(
    "commute_minutes",
    metadata,
    *_person(),
    Column("origin", String(100), primary_key=True),  # names of places
    Column("destination", String(100), primary_key=True),
    Column("mode", String(16), primary_key=True),
    Column("minutes", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
)
calendar_sources = Table(
    "calendar_sources",
    metadata,
    *_person(),
    Column("name", String(100), primary_key=True),
    Column("kind", String(16), nullable=False),  # text, url
    Column("body", Text, nullable=False),  # iCalendar text, or the address
    Column("timezone", String(64), nullable=False),  # or empty
    Column("updated_ms", BigInteger, nullable=False),
)

# Ableton Live

live_contexts = Table(
    "live_contexts",
    metadata,
    Column("org_id", String(36), ForeignKey("organisations.id"), primary_key=True),
    Column("session", String(200), primary_key=True),  # the conversation that the set belongs to
    Column("version", BigInteger, nullable=False),  # another one after each change
    Column("body", Text, nullable=False),  # JSON of the context
    Column("updated_ms", BigInteger, nullable=False),
)
Index("ix_live_contexts_age", live_contexts.c.org_id, live_contexts.c.updated_ms)

heard_sounds = Table(
    "heard_sounds",
    metadata,
    Column("org_id", String(36), ForeignKey("organisations.id"), primary_key=True),
    Column("session", String(200), primary_key=True),  # the conversation that heard it
    Column("id", String(64), primary_key=True),  # of a stored file, or of a capture
    Column("name", String(200), nullable=False),
    Column("stored", Boolean, nullable=False),  # whether there is a file of that id
    Column("said", Text, nullable=False),  # its figures in a line
    Column("templates", Text, nullable=False),  # JSON: how it sits, by what was listened to
    Column("heard_ms", BigInteger, nullable=False),
)
Index("ix_heard_sounds_id", heard_sounds.c.org_id, heard_sounds.c.id)
