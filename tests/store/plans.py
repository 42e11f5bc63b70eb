"""How SQLite goes about the statements of the store: none may read all of what grows.

Each statement that a test of the store makes it send is looked at once (``EXPLAIN QUERY PLAN``). It
fails that test where it reads a table, or all that an organisation has in one, and is not among
those that may, below.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from pathlib import Path
from types import FrameType
from typing import Any, Final

import sqlalchemy as sa

import conduit.store
from conduit.store.tables import metadata

MAY: Final[dict[str, str]] = {
    r"FROM registered_(apis|operations) WHERE": "20,000 operations of an organisation at most",
    r"FROM organisations$": "they are few",
    r"FROM live_contexts WHERE": "100 of an organisation at most",
    r"FROM tool_(rules|uses) WHERE": "a row for a tool and person, and none for a call",
    r"FROM corpora WHERE": "somebody lists all of them",
    r"FROM corpus_versions WHERE .* GROUP BY corpus_versions.corpus_id": "the same: what each has",
    r"FROM corpus_reflections WHERE .* GROUP BY": "the same",
    r"FROM conversation_ends WHERE .* ORDER BY conversation_ends\.newest DESC\s+LIMIT": (
        "in the order of the index, until there are enough"
    ),
    r"FROM messages WHERE .* LIKE ": "`conversations search` says that it looks at every message",
    r"FROM runs WHERE runs\.org_id = \?( AND runs\.kind = \?)? ORDER BY runs\.id DESC\s+LIMIT": (
        "in the order of the index, until there are enough"
    ),
    r"FROM runs WHERE .* runs\.subject != \? ORDER BY runs\.id DESC\s+LIMIT": (
        "the same; it reads on past one's own, which are not most where there are others"
    ),
    r"FROM usage_records WHERE usage_records\.org_id = \? ORDER BY usage_records\.at_ms DESC, "
    r"usage_records\.id DESC\s+LIMIT": "in the order of the index, until there are enough",
    r"FROM usage_records WHERE .*\(usage_records\.at_ms < \? OR .* LIMIT": "the same, page by page",
}
"""Statements, and why they may."""

_STORE: Final = Path(conduit.store.__file__).parent
_QUERY: Final = re.compile(r"\s*(SELECT|UPDATE|DELETE|WITH|INSERT)\b")
_SPACE: Final = re.compile(r"\s+")


class Plans:
    """What is found. Statements that a process has seen once are not looked at again."""

    _seen: Final[set[str]] = set()

    def __init__(self) -> None:
        self.found: list[str] = []

    def look(self, statement: str, parameters: Any, cursor: Any) -> None:
        """Look at a statement that is about to be sent."""
        if statement in self._seen or not _QUERY.match(statement) or not _ours(sys._getframe()):
            return
        self._seen.add(statement)
        plan = explained(cursor.connection, statement, parameters)
        short = _SPACE.sub(" ", statement)
        if any(map(_reads_all, plan)) and not any(re.search(each, short) for each in MAY):
            self.found.append(f"{short}\n    {plan}")


def explained(connection: sqlite3.Connection, statement: str, parameters: Any) -> list[str]:
    """What SQLite does for a statement, step by step."""
    given = parameters[0] if isinstance(parameters, list) else parameters
    rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", given).fetchall()
    return [str(row[3]) for row in rows]


def _reads_all(step: str) -> bool:
    words = step.split()
    if len(words) < 2 or words[1] not in metadata.tables:
        return False
    return words[0] == "SCAN" or step.endswith("(org_id=?)")


def _ours(frame: FrameType | None) -> bool:
    """Whether a module of the store sends it, and not a test or a migration."""
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.parent == _STORE:
            return True
        if ("tests" in path.parts and path.name != "plans.py") or "migrations" in path.parts:
            return False
        frame = frame.f_back
    return False


def watch(plans: Plans) -> Any:
    """A listener for ``before_cursor_execute``."""

    def look(
        connection: sa.Connection,
        cursor: Any,
        statement: str,
        parameters: Any,
        _context: object,
        _many: bool,
    ) -> None:
        if connection.dialect.name == "sqlite":
            plans.look(statement, parameters, cursor)

    return look
