"""What there was before a preset was applied, keys and all: ``presets/.before.json``, mode 0600.

It is never listed, shown or exported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from conduit.contracts.errors import ConduitError, ConfigError, NotFound
from conduit.models.exchange import NotTheProtocol
from conduit.models.memory import Remembered, decode, encode
from conduit.models.private_file import unusable, write_private

FILE_NAME: Final = ".before.json"
_LARGEST: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Conversation:
    """What belongs to a conversation beside what was said in it; its keys are whoever's who keeps
    it."""

    org_id: str
    session: str
    kept: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Before:
    """Everything that applying a preset replaces. ``file`` is ``providers.yaml``, None when there
    was none; a prompt is None that was not there."""

    file: str | None
    remembered: Remembered
    prompts: Mapping[str, str | None]
    conversation: Conversation | None = None


def save_before(folder: Path, before: Before) -> None:
    """Keep it in place of what was kept. Raises ``StoreError``."""
    document = {
        "version": 1,
        "file": before.file,
        "remembered": encode(before.remembered).decode(),
        "prompts": dict(before.prompts),
        "conversation": before.conversation,
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
            _conversation(document.get("conversation")),
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


def _conversation(found: dict[str, Any] | None) -> Conversation | None:
    if found is None:
        return None
    kept = {str(name): str(text) for name, text in found["kept"].items()}
    return Conversation(str(found["org_id"]), str(found["session"]), kept)
