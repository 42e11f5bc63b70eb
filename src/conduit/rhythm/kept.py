"""What a groove is remembered by: the wish that it came of, or its whole config, as JSON text."""

from __future__ import annotations

import hashlib
from typing import Any

from conduit.blocks import decode, dumps, loads
from conduit.contracts.errors import InvalidInput
from conduit.contracts.groove import StoredGroove
from conduit.rhythm.config import EngineConfig
from conduit.rhythm.groove import GrooveRequest, complete, config_of
from conduit.rhythm.load import load_config
from conduit.rhythm.written import written


def kept_config(config: EngineConfig, file_id: str) -> StoredGroove:
    """A groove that no wish says: its config is remembered. Its name depends only on that."""
    request = dumps({"config": written(config)}).decode()
    name = hashlib.sha256(request.encode()).hexdigest()[:24]
    return StoredGroove(name, config.title, request, file_id)


def kept_wish(text: str, where: str = "groove") -> GrooveRequest | None:
    """The whole wish that a groove is remembered by; None where it is a config. Raises
    ``InvalidInput`` for what is neither."""
    found = _object(text, where)
    if "config" in found:
        return None
    return complete(decode(GrooveRequest, found, where=where))


def config_kept(text: str, where: str = "groove") -> EngineConfig:
    """The config that a groove is remembered by, or that its wish means. Raises ``InvalidInput``
    and ``TooLarge``."""
    wish = kept_wish(text, where)
    if wish is not None:
        return config_of(wish)
    config = _object(text, where)["config"]
    if not isinstance(config, dict):
        raise InvalidInput("the config must be an object", where=f"{where}.config")
    return load_config(config)


def _object(text: str, where: str) -> dict[str, Any]:
    found = loads(text)
    if not isinstance(found, dict):
        raise InvalidInput("a groove is remembered as an object", where=where)
    return found
