"""What must survive a restart: providers added while running, and which one is active.

One JSON file, ``providers.added.json`` in ``CONDUIT_HOME``. It holds keys, so only its owner may
read it (mode 0600); it is replaced as a whole or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson

from conduit.contracts.errors import ConduitError, ConfigError
from conduit.models.exchange import NotTheProtocol
from conduit.models.private_file import unusable, write_private
from conduit.models.reading import list_of, object_of, parse_object, text_of
from conduit.models.secret import Secret
from conduit.models.settings import ProviderSettings, configure

FILE_NAME = "providers.added.json"
_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Remembered:
    """``active`` and ``model`` (that of the active provider) are empty when nothing was chosen."""

    added: tuple[ProviderSettings, ...] = ()
    active: str = ""
    model: str = ""


class RegistryMemory:
    """Keeps ``Remembered`` in a folder."""

    def __init__(self, home: Path) -> None:
        self._path = home / FILE_NAME

    def load(self) -> Remembered:
        """What was saved last; nothing when nothing was. Raises ``ConfigError`` for a file that
        somebody has damaged, ``StoreError`` when it cannot be read."""
        try:
            with self._path.open("rb") as file:
                data = file.read(_MAX_BYTES + 1)
        except FileNotFoundError:
            return Remembered()
        except OSError as error:
            raise unusable(self._path, "read", error) from None
        try:
            return decode(data)
        except (NotTheProtocol, ConduitError) as error:
            raise ConfigError(
                str(error),
                where=str(self._path),
                hint="repair it, or delete it to forget the providers added by hand",
            ) from None

    def save(self, remembered: Remembered) -> None:
        """Replace what was saved. Raises ``StoreError``."""
        write_private(self._path, encode(remembered))


def encode(remembered: Remembered) -> bytes:
    """The file, keys and all."""
    document = {
        "version": 1,
        "active": remembered.active,
        "model": remembered.model,
        "added": [
            {
                "name": settings.name,
                "type": settings.type,
                "base_url": settings.base_url,
                "model": settings.model,
                "api_key": settings.key.reveal(),
            }
            for settings in remembered.added
        ],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def decode(data: bytes) -> Remembered:
    """What ``encode`` wrote. Raises ``NotTheProtocol`` and ``InvalidInput``."""
    if len(data) > _MAX_BYTES:
        raise NotTheProtocol(f"the file exceeds {_MAX_BYTES} bytes")
    document = parse_object(data, "the file")
    if document.get("version") != 1:
        raise NotTheProtocol("version is not 1")
    added = []
    for at, item in enumerate(list_of(document.get("added"), "added")):
        path = f"added[{at}]"
        row = object_of(item, path)
        fields = ("name", "type", "base_url", "model", "api_key")
        name, type_, url, model, key = (text_of(row.get(f), f"{path}.{f}") for f in fields)
        added.append(
            configure(name, type_, source="added", base_url=url, model=model, key=Secret(key))
        )
    active, model = (text_of(document.get(field), field) for field in ("active", "model"))
    return Remembered(tuple(added), active, model)
