"""What the utility blocks of a catalog may touch: named folders, hosts, named databases.

Who may call a block is the gate's business. This is the other half: whoever calls, the blocks go
nowhere that the operator did not write down in ``access.yaml``.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Literal

from conduit.blocks.utility.addresses import Reach
from conduit.contracts.errors import Forbidden, NotFound, Unavailable

SETTINGS = "access.yaml"


@dataclass(frozen=True, slots=True)
class Root:
    """A folder whose files may be read, and with ``write`` also written."""

    path: Path
    write: bool = False


@dataclass(frozen=True, slots=True)
class NamedDatabase:
    """A database that may be asked, and with ``write`` also changed."""

    kind: Literal["sqlite", "postgresql"]
    place: str = field(repr=False)
    """The path of the file, or libpq's address with user and password."""
    shown: str
    """The address without anything secret."""
    write: bool = False
    missing: str = ""
    """An environment variable that its address needs and that is not set."""


class NamedHosts(Reach):
    """A ``Reach`` whose refusals say how an operator opens what was refused."""

    def require_host(self, host: str) -> None:
        with _explained(host):
            super().require_host(host)

    def require_addresses(self, host: str, addresses: Iterable[IPv4Address | IPv6Address]) -> None:
        with _explained(host):
            super().require_addresses(host, addresses)


@dataclass(frozen=True, slots=True)
class Allowed:
    """The allow-lists. Empty ones allow nothing."""

    roots: Mapping[str, Root] = field(default_factory=dict)
    hosts: NamedHosts = field(default_factory=NamedHosts)
    databases: Mapping[str, NamedDatabase] = field(default_factory=dict)

    def folder(self, name: str, *, write: bool = False) -> Path:
        """The folder of a root. Raises ``NotFound``, and ``Forbidden`` when it is only read."""
        root = self.roots.get(name)
        if root is None:
            raise _unknown("root", name, self.roots)
        if write and not root.write:
            raise Forbidden(
                f"the root {name!r} may only be read",
                hint=f"add write: true to roots.{name} in {SETTINGS}",
            )
        return root.path

    def database(self, name: str) -> NamedDatabase:
        """Raises ``NotFound``, and ``Unavailable`` when its address is not complete."""
        database = self.databases.get(name)
        if database is None:
            raise _unknown("database", name, self.databases)
        if database.missing:
            raise Unavailable(
                f"the database {name!r} needs the environment variable {database.missing}",
                hint="set it and start Conduit again",
            )
        return database


def _unknown(kind: str, name: str, known: Mapping[str, object]) -> NotFound:
    close = difflib.get_close_matches(name[:80], known, 1)
    there = f"did you mean {close[0]}? There are" if close else "there are"
    names = ", ".join(known) or "none"
    return NotFound(
        f"there is no {kind} {name[:80]!r}",
        hint=f"{there}: {names}; others are added under {kind}s in {SETTINGS}",
    )


@contextlib.contextmanager
def _explained(host: str) -> Iterator[None]:
    """Say it in the words of the settings instead of Python's."""
    try:
        yield
    except Forbidden as error:
        if error.hint.startswith("Reach("):
            how = f"add {{host: {host}, private: true}} to hosts in {SETTINGS}"
        else:
            how = error.hint or f"add {host} to hosts in {SETTINGS}"
        raise Forbidden(error.message, hint=how) from None
