"""``access.yaml``: what language models and callers over the network may do with the machine.

::

    models: [files.read, http.get]        # guarded blocks that language models may call
    remote: [http.get]                    # guarded blocks that callers over HTTP may call
    approve: [files.write, shell.*]       # blocks for which an agent asks a person first
    roots:                                # folders for files.*
      notes: {path: ~/notes, write: true}
    hosts:                                # for http.*; any public host when left out
      - example.com
      - "*.example.org"
      - {host: "api.internal:8080", private: true}
    databases:                            # for sql.query
      music: {uri: "sqlite:///~/music.db"}
      crm: {uri: "postgresql://me:${CRM_PASSWORD}@db.internal/crm", write: true}

Without the file, and for each part that it leaves out, the least is allowed: no guarded block for
anybody but the person at the machine, the folder that renders go to, public hosts, no database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from conduit.app.guarded import BY_HAND, GUARDED
from conduit.app.settings import Settings
from conduit.blocks.utility.allowed import SETTINGS, Allowed, NamedDatabase, NamedHosts, Root
from conduit.contracts.call import LOCAL_OWNER, Principal
from conduit.contracts.errors import ConfigError, Conflict, StoreError
from conduit.store.files import write_atomically
from conduit.store.settings_file import Section, closest, parse_settings, read_settings

_PARTS: Final = ("models", "remote", "approve", "roots", "hosts", "databases")
_MOST_ENTRIES: Final = 100
_BLOCKS: Final = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*(?:\.\*)?")
_OPERATIONS: Final = re.compile(r"api\.(\*|[a-z][a-z0-9]{0,19}\.(\*|[a-z][a-z0-9_]{0,58}))")
"""Operations of OpenAPI documents, which may be registered at any time."""
_MCP: Final = re.compile(r"mcp\.(?:\*|restart|[a-z][a-z0-9_]*\.(?:\*|[a-z][a-z0-9_]*))")
"""Tools of MCP servers, which are not known before their servers are asked."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]{0,199})\}")
_POSTGRESQL: Final = re.compile(
    r"postgres(?:ql)?://"
    r"(?:[^:@/?#\s]*(?::[^:@/?#\s]*)?@)?"  # user and password
    r"(?P<host>[^@/?#\s]*)/(?P<name>[^:@/?#\s]+)"  # without a host: a socket of this machine
    r"(?:\?[^@#\s]*)?"
)
_SQLITE: Final = re.compile(r"sqlite:///(?P<path>[^?#]+)")


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call which guarded block, and what those blocks may touch."""

    file: Path
    models: frozenset[str] = frozenset()
    """Permissions of language models, within those of the person who asks."""
    remote: frozenset[str] = frozenset()
    """Permissions of callers over the network, beside what is not guarded."""
    approve: frozenset[str] = frozenset()
    """Blocks for which an agent asks a person first, as names or ``files.*``."""
    allowed: Allowed = field(default_factory=Allowed)

    @property
    def caller(self) -> Principal:
        """Who calls over HTTP. On loopback that is the person at the machine, or a program that
        this person did not start: so what is guarded must be allowed."""
        return Principal(LOCAL_OWNER.subject, permissions=frozenset({"*"}) | self.remote)


def read_access(settings: Settings) -> Access:
    """Read the file in ``CONDUIT_HOME``; there need not be one.

    Raises ``ConfigError``, whose ``where`` is the file and the path in it; nothing is opened.
    """
    file = settings.home / SETTINGS
    return _access(read_settings(file), file, settings)


def parse_access(data: bytes, settings: Settings) -> Access:
    """``read_access`` without a file."""
    return _access(parse_settings(data, SETTINGS), settings.home / SETTINGS, settings)


def _access(document: Section, file: Path, settings: Settings) -> Access:
    document.refuse_unknown(_PARTS)
    return Access(
        file=file,
        models=_permissions(document, "models", (*GUARDED, *BY_HAND)),
        remote=_permissions(document, "remote", GUARDED),
        approve=_approvals(document),
        allowed=Allowed(
            roots=_roots(document, settings),
            hosts=_hosts(document),
            databases={
                name: _database(each, settings.environ)
                for name, each in _named(document, "databases")
            },
        ),
    )


def _permissions(document: Section, part: str, taken: tuple[str, ...]) -> frozenset[str]:
    known = tuple(sorted({*taken, *(f"{name.split('.')[0]}.*" for name in taken)}))
    names = document.texts(part)
    for name in names:
        if name in ("*", "**"):
            raise document.fault(part, f"{name!r} is not taken", "name each block, or files.*")
        later = _OPERATIONS.fullmatch(name) or _MCP.fullmatch(name)
        if name not in known and not later:
            raise document.fault(
                part, f"{name[:80]!r} is not a guarded block", closest(name, known)
            )
    return frozenset(names)


def _approvals(document: Section) -> frozenset[str]:
    """Any block may be named, also one that is not there yet."""
    names = document.texts("approve")
    for name in names:
        if not _BLOCKS.fullmatch(name) or len(name) > 64:
            raise document.fault(
                "approve",
                f"{name[:80]!r} is not the name of a block",
                "like shell.run, or files.* for a family",
            )
    return frozenset(names)


def _roots(document: Section, settings: Settings) -> dict[str, Root]:
    if "roots" not in document.values:
        out = Path(settings.out).expanduser().absolute()
        return {} if _holds(out, settings.home) else {"out": Root(out, write=True)}
    return {name: _root(each, settings.home) for name, each in _named(document, "roots")}


def _root(section: Section, home: Path) -> Root:
    section.refuse_unknown(("path", "write"))
    path = _path(section, "path", section.text("path"))
    if _holds(path, home):
        raise section.fault(
            "path", "Conduit's own settings and keys lie in it", "name a folder beside them"
        )
    return Root(path, section.flag("write"))


def _holds(root: Path, home: Path) -> bool:
    """Whether Conduit's own settings and keys could be read through a root, or written."""
    return home.resolve().is_relative_to(root.resolve())


def _path(section: Section, field: str, text: str) -> Path:
    """A path that says the same from every folder."""
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # the home folder of nobody
        path = Path()
    if not path.is_absolute() or "\0" in text or ".." in path.parts or path == Path(path.anchor):
        raise section.fault(
            field,
            "expected the whole path of a file or folder",
            "begin it with ~/ or /, no ..",
        )
    return path


def _hosts(document: Section) -> NamedHosts:
    if "hosts" not in document.values:
        return NamedHosts()
    hosts: list[str] = []
    private: list[str] = []
    for at, item in enumerate(document.items("hosts")):
        host, is_private = _host(document, f"hosts[{at}]", item)
        try:
            NamedHosts(hosts=(host,))
        except ConfigError as error:
            raise document.fault(f"hosts[{at}]", error.message, error.hint) from None
        hosts.append(host)
        if is_private:
            private.append(host)
    _require_few(document, "hosts", len(hosts))
    return NamedHosts(tuple(hosts), tuple(private))


def _host(document: Section, place: str, item: Any) -> tuple[str, bool]:
    """A pattern, and whether it may lie in a private network."""
    if isinstance(item, str):
        return item, False
    section = document.inside(place, item)
    section.refuse_unknown(("host", "private"))
    return section.text("host"), section.flag("private")


def _database(section: Section, environ: Mapping[str, str]) -> NamedDatabase:
    """Nothing in an error quotes the address: it may hold a password."""
    section.refuse_unknown(("uri", "write"))
    uri, write = section.text("uri"), section.flag("write")
    if found := _SQLITE.fullmatch(uri):
        path = _path(section, "uri", found["path"])
        return NamedDatabase("sqlite", str(path), f"sqlite:///{path}", write)
    filled = _VARIABLE.sub("x", uri)
    if "${" in filled or not (found := _POSTGRESQL.fullmatch(filled)):
        raise section.fault(
            "uri",
            "this is not the address of a database",
            "sqlite:///~/music.db, or postgresql://user:${VARIABLE}@host/name; in a password that "
            "is written out, use %-escapes",
        )
    missing = next((name for name in _VARIABLE.findall(uri) if not environ.get(name)), "")
    place = _VARIABLE.sub(lambda each: quote(environ.get(each[1], ""), safe=""), uri)
    shown = f"postgresql://{found['host']}/{found['name']}"
    return NamedDatabase("postgresql", place, shown, write, missing)


def _named(document: Section, part: str) -> list[tuple[str, Section]]:
    found = list(document.sections(part))
    _require_few(document, part, len(found))
    for name, _ in found:
        if not _NAME.fullmatch(name):
            raise document.fault(
                part,
                f"{name[:80]!r} cannot be a name here",
                "lower-case letters, digits, - and _, a letter first, 64 at most",
            )
    return found


def _require_few(document: Section, part: str, count: int) -> None:
    if count > _MOST_ENTRIES:
        raise document.fault(part, f"there are {count} entries", f"{_MOST_ENTRIES} at most")


EXAMPLE: Final = """\
# Who may run commands, read and write files, reach hosts and databases. You always may, at the
# terminal. `conduit access` shows what this file says.

# Guarded blocks that language models may call for you: files.read, files.*, http.get, sql.query …
models: []

# Guarded blocks that callers over HTTP may call, the web page included.
remote: []

# Blocks for which an agent asks a person first, whoever allowed them: files.write, shell.* …
approve: []

# Folders for files.list, files.read and files.write. Without this, the folder `out`.
# roots:
#   notes: {path: ~/notes, write: true}

# Hosts for http.get and http.post. Without this, any public host.
# hosts:
#   - example.com
#   - "*.example.org"
#   - {host: "api.internal:8080", private: true}

# Databases for sql.query, read only unless `write: true`.
# databases:
#   music: {uri: "sqlite:///~/music.db"}
#   crm: {uri: "postgresql://me:${CRM_PASSWORD}@db.internal/crm"}
"""


def write_example(file: Path) -> None:
    """Write a file that allows what holds without it. Raises ``Conflict`` when there is one, and
    ``StoreError``."""
    if file.exists():
        raise Conflict(f"there is a {file} already", hint="open it in an editor")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, EXAMPLE.encode(), mode=0o600)  # it may come to hold passwords
    except OSError as error:
        raise StoreError(
            f"{file} could not be written: {error.strerror}", hint="check space and permissions"
        ) from None
