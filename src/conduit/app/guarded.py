"""The blocks that only who was given them by name may call, of all rooms, and those that language
models may call only where they were given them.

As they are named and not as their rooms say it: a gateway, which asks for the names, would load all
of them. A test compares both.
"""

from __future__ import annotations

from typing import Final

FOR_KEYS: Final = ("runs.others",)
"""Guarded ones that a key may hold too, by name: they reach into the organisation, and not into
the machine."""
GUARDED: Final = (
    "calendar.add",
    "code.execute",
    "files.list",
    "files.read",
    "files.write",
    "http.get",
    "http.post",
    *FOR_KEYS,
    "shell.run",
    "sql.query",
    "tools.disable",
    "tools.enable",
    "tools.limit",
    "tools.register",
    "tools.reset",
    "tools.unregister",
    "web.page",
)
"""Their names, which are also the permissions that they need. Those of keys and of MCP servers are
never given away in ``access.yaml``."""
BY_HAND: Final = (
    "agent.reset",
    "calendar.remove",
    "conversations.delete",
    "conversations.import",
    "conversations.pin",
    "conversations.set",
    "conversations.unpin",
    "corpora.delete",
    "ears.keep",
    "live.context",
    "live.forget",
    "places.delete",
    "runs.cancel",
    "runs.decide",
)
"""Those that people may call, and language models only where ``access.yaml`` says so: they take
away what nobody can bring back, or decide on what models do, or what they keep in view or are told
of a set of Live."""
