"""Who calls what: the nouns every surface turns its wire format into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DEFAULT_ORG = "00000000-0000-7000-8000-000000000000"
"""The one organisation of a single-user installation. Every stored row carries an organisation."""


@dataclass(frozen=True, slots=True)
class Principal:
    """On whose behalf a call is made.

    ``permissions`` are names like ``groove.render``; ``groove.*`` grants a family, ``*`` all but
    what is guarded (shell, files, databases), ``**`` all.
    The principal that started a chain of calls stays the principal of all of them. ``key_id`` is
    the key that was shown, where one was; ``models`` are names of language models that may be asked
    for, with ``*`` for any letters; none means all.
    """

    subject: str
    org_id: str = DEFAULT_ORG
    permissions: frozenset[str] = frozenset()
    key_id: str = ""
    models: tuple[str, ...] = ()


LOCAL_OWNER = Principal("local", permissions=frozenset({"**"}))
"""The person at the machine: may do everything in the default organisation."""


@dataclass(slots=True)
class Call:
    """One call on its way through the gate."""

    block: str
    input: Any
    principal: Principal
    correlation_id: str
    idempotency_key: str = ""
    """The same for the same step of the same run, however often it is tried; empty where nobody
    keeps count."""

    def key_for(self, block: str) -> str:
        """The key, for that block alone: which of several requests inside another block it would be
        for, nobody knows, and two different ones with one key would be taken for the same."""
        return self.idempotency_key if block == self.block else ""
