"""``system.access``: who may call what is guarded, and what it may touch, without any secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from conduit.agents.model_rights import ModelRights
from conduit.app.access import Access
from conduit.blocks import Block, Effects, Gate, NoOp, block
from conduit.contracts.call import LOCAL_OWNER


@dataclass(frozen=True, slots=True)
class GuardedBlock:
    """A block that is guarded, or for people, and who may call it beside the person at the
    terminal."""

    name: str
    summary: str
    models: Annotated[bool, "language models, for the person at the terminal"]
    remote: Annotated[bool, "callers over HTTP"]
    remote_models: Annotated[bool, "language models, for callers over HTTP"]


@dataclass(frozen=True, slots=True)
class AllowedFolder:
    """A folder for `files.list`, `files.read` and `files.write`."""

    name: str
    path: str
    write: bool


@dataclass(frozen=True, slots=True)
class AllowedHost:
    """A host, or `*.example.org` for all below it, or `*`, for `http.get` and `http.post`."""

    host: str
    private: Annotated[bool, "it may lie on this machine or in a private network"]


@dataclass(frozen=True, slots=True)
class AllowedDatabase:
    """A database for `sql.query`. The address has no user, password or option in it."""

    name: str
    address: str
    write: bool
    missing: Annotated[str, "a variable of the environment that it needs and that is not set"]


@dataclass(frozen=True, slots=True)
class AccessReport:
    """What `access.yaml` allows, or what holds without it."""

    file: Annotated[str, "where it is, or would be"]
    found: Annotated[bool, "whether there is such a file"]
    blocks: tuple[GuardedBlock, ...]
    roots: tuple[AllowedFolder, ...]
    hosts: tuple[AllowedHost, ...]
    databases: tuple[AllowedDatabase, ...]


def access_block(access: Access, gate: Gate, rights: ModelRights) -> Block[Any, Any]:
    """``system.access``."""

    @block(
        "system.access",
        summary="List who may call guarded blocks, and what they may touch",
        effects=Effects.READS,
    )
    def report(_: NoOp) -> AccessReport:
        return AccessReport(
            file=str(access.file),
            found=access.file.exists(),
            blocks=_blocks(access, gate, rights),
            roots=tuple(
                AllowedFolder(name, str(root.path), root.write)
                for name, root in access.allowed.roots.items()
            ),
            hosts=tuple(
                AllowedHost(host, host in access.allowed.hosts.private)
                for host in access.allowed.hosts.hosts
            ),
            databases=tuple(
                AllowedDatabase(name, each.shown, each.write, each.missing)
                for name, each in access.allowed.databases.items()
            ),
        )

    return report


def _blocks(access: Access, gate: Gate, rights: ModelRights) -> tuple[GuardedBlock, ...]:
    """As the gate decides, not as the file reads."""
    catalog = gate.catalog.of(LOCAL_OWNER.org_id)
    model, caller = rights.of(LOCAL_OWNER), access.caller
    remote_model = rights.of(caller)
    return tuple(
        GuardedBlock(
            each.name,
            each.summary,
            models=gate.may(model, each),
            remote=gate.may(caller, each),
            remote_models=gate.may(remote_model, each),
        )
        for each in catalog
        if catalog.reserved(each.name)
    )
