"""What there was before a preset was applied, keys and all: ``presets/.before.json``, mode 0600.

It is never listed, shown or exported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from conduit.contracts.errors import ConduitError, ConfigError, NotFound, StoreError
from conduit.models.exchange import NotTheProtocol
from conduit.models.memory import Remembered, decode, encode
from conduit.store.files import write_atomically

FILE_NAME: Final = ".before.json"
_LARGEST: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Before:
    """Everything that applying a preset replaces. ``file`` is ``providers.yaml``, None when there
    was none; a prompt is None that was not there."""

    file: str | None
    remembered: Remembered
    prompts: Mapping[str, str | None]


def save_before(folder: Path, before: Before) -> None:
    """Keep it in place of what was kept. Raises ``StoreError``."""
    document = {
        "version": 1,
        "file": before.file,
        "remembered": encode(before.remembered).decode(),
        "prompts": dict(before.prompts),
    }
    write_private(folder / FILE_NAME, orjson.dumps(document))


def load_before(folder: Path) -> Before:
    """Raises ``NotFound`` when nothing was kept, ``ConfigError`` and ``StoreError``."""
    path = folder / FILE_NAME
    try:
        with path.open("rb") as file:
            document = orjson.loads(file.read(_LARGEST))
        return Before(
            document["file"],
            decode(document["remembered"].encode()),
            {str(name): text for name, text in document["prompts"].items()},
        )
    except FileNotFoundError:
        raise NotFound(
            "there is nothing to undo", hint="it is kept when a preset is applied"
        ) from None
    except OSError as error:
        raise unusable(path, "read", error) from None
    except (ValueError, KeyError, TypeError, AttributeError, NotTheProtocol, ConduitError):
        raise ConfigError(
            "it is damaged", where=str(path), hint="delete it; there is no way back by it"
        ) from None


def write_private(path: Path, data: bytes) -> None:
    """For the owner's eyes only. Raises ``StoreError``."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(path, data, mode=0o600)
    except OSError as error:
        raise unusable(path, "written", error) from None


def unusable(path: Path, verb: str, error: OSError) -> StoreError:
    """For raising."""
    return StoreError(
        f"it could not be {verb}: {error.strerror}",
        where=str(path),
        hint="check space and permissions; CONDUIT_HOME chooses another folder",
    )
