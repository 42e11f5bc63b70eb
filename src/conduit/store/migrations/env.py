"""Runs the migrations on the connection that ``open_database`` hands over."""

from __future__ import annotations

from alembic import context

from conduit.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
