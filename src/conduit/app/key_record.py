"""``keys.json``: what is kept of the keys, read as strictly as if somebody else had written it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from conduit.app.guarded import FOR_KEYS, GUARDED
from conduit.contracts.call import DEFAULT_ORG
from conduit.contracts.errors import ConfigError, InvalidInput, StoreError
from conduit.store.files import write_atomically

EVERYTHING: Final = frozenset({"*"})
_LARGEST_FILE: Final = 32 << 20
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@ -]{0,63}")
_PATTERN: Final = re.compile(r"[^\s\[\]?]{1,200}")
_MOST_PATTERNS: Final = 100
_PERMISSION: Final = re.compile(r"\*|[a-z][a-z0-9_]*(\.[a-z0-9_]+)*(\.\*)?")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_GUARDED_FAMILIES: Final = frozenset(
    {"keys", *(name.split(".")[0] for name in GUARDED if name not in FOR_KEYS)}
)
_ORGANISATIONS: Final = uuid.UUID("6f2d0a54-7a0e-5d0b-9c3e-0d5a3c1b7e42")
"""The name space in which the name of an organisation is a UUID (RFC 9562, version 5)."""
_MOST_MICRO: Final = 10**15


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as it is kept. ``models`` are names with ``*`` for any letters, none meaning all;
    ``created`` and ``expires`` are Unix seconds; ``budget_micro`` is micro-US-dollars for a
    calendar month."""

    id: str
    name: str
    digest: str
    """SHA-256 of the key, in hex."""
    org_id: str = DEFAULT_ORG
    permissions: frozenset[str] = EVERYTHING
    models: tuple[str, ...] = ()
    created: int = 0
    expires: int | None = None
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    budget_micro: int | None = None


def read_records(path: Path) -> tuple[KeyRecord, ...]:
    """The keys of a file, oldest first; none when there is none. Raises ``ConfigError`` and
    ``StoreError``."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise unusable_keys(path, "read", error) from None
    try:
        if len(data) > _LARGEST_FILE:
            raise ValueError(f"the file exceeds {_LARGEST_FILE} bytes")
        document = orjson.loads(data)
        if document["version"] != 1:
            raise ValueError("version is not 1")
        return tuple(_record(row) for row in document["keys"])
    except (ValueError, KeyError, TypeError, AttributeError, InvalidInput) as error:
        said = error.message if isinstance(error, InvalidInput) else type(error).__name__
        raise ConfigError(
            f"the file of keys is damaged ({said})",
            where=str(path),
            hint="restore it from a backup; without it nobody needs a key",
        ) from None


def _record(row: Mapping[str, Any]) -> KeyRecord:
    """Raises ``TypeError``, ``ValueError`` and ``InvalidInput`` for what nobody wrote here."""
    record = KeyRecord(
        **{
            **row,
            "permissions": frozenset(map(permission, row["permissions"])),
            "models": patterns_of(row["models"]),
            "org_id": str(uuid.UUID(row["org_id"])),
        }
    )
    for number in (record.created, record.expires, record.budget_micro):
        if number is not None and not (isinstance(number, int) and 0 <= number <= _MOST_MICRO):
            raise TypeError("a whole number is none")
    if not _DIGEST.fullmatch(record.digest) or not (isinstance(record.id, str) and record.id):
        raise ValueError("a digest is none")
    key_name(record.name)
    return replace(
        record,
        requests_per_minute=limit(record.requests_per_minute, "requests_per_minute"),
        tokens_per_minute=limit(record.tokens_per_minute, "tokens_per_minute"),
    )


def write_records(path: Path, records: tuple[KeyRecord, ...]) -> None:
    """Replace the file, mode 0600. Raises ``StoreError``."""
    document = {"version": 1, "keys": [_row(each) for each in records]}
    data = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    try:
        write_atomically(path, data, mode=0o600)
    except OSError as error:
        raise unusable_keys(path, "written", error) from None


def _row(record: KeyRecord) -> dict[str, Any]:
    row = {name: getattr(record, name) for name in KeyRecord.__slots__}
    return {**row, "permissions": sorted(record.permissions)}


def organisation(given: str) -> str:
    """The UUID of an organisation by UUID or name; empty: the default one. Raises
    ``InvalidInput``."""
    if not given:
        return DEFAULT_ORG
    try:
        return str(uuid.UUID(given))
    except ValueError:
        name = _checked(given, _NAME, "org", "a UUID, or a name of up to 64 letters and digits")
        return str(uuid.uuid5(_ORGANISATIONS, name.casefold()))


def key_name(name: str) -> str:
    """Raises ``InvalidInput``."""
    return _checked(name, _NAME, "name", "up to 64 letters, digits, spaces and . _ @ -")


def permission(name: str) -> str:
    """One that a key may have: nothing that is guarded. Raises ``InvalidInput``."""
    if not _PERMISSION.fullmatch(name):
        raise InvalidInput(
            f"{name[:80]!r} is not a permission that a key can have",
            where="permissions",
            hint="write models.complete, models.* or *",
        )
    if name.split(".")[0] in _GUARDED_FAMILIES:
        raise InvalidInput(
            f"{name!r} is guarded, and no key opens it",
            where="permissions",
            hint="`remote` in access.yaml says what callers over HTTP may do with the machine",
        )
    return name


def patterns_of(models: Iterable[str]) -> tuple[str, ...]:
    """Raises ``InvalidInput``."""
    patterns = tuple(models)
    if len(patterns) > _MOST_PATTERNS:
        raise InvalidInput(f"there are {len(patterns)} models", where="models", hint="use a *")
    hint = "a model, or a pattern like gpt-*"
    return tuple(_checked(each, _PATTERN, "models", hint) for each in patterns)


def _checked(value: str, pattern: re.Pattern[str], where: str, hint: str) -> str:
    if not pattern.fullmatch(value) or not value.isprintable():
        raise InvalidInput(f"{value[:80]!r} cannot be used", where=where, hint=hint)
    return value


def limit(value: float | None, where: str) -> float | None:
    """Raises ``InvalidInput``."""
    if value is not None and not 0 < value <= 1e12:
        raise InvalidInput("expected a number above 0", where=where, hint="leave it out for none")
    return value


def unusable_keys(path: Path, verb: str, error: OSError) -> StoreError:
    return StoreError(
        f"the file of keys could not be {verb}: {error.strerror}",
        where=str(path),
        hint="check space and permissions; CONDUIT_HOME chooses another folder",
    )
