"""The registry as it is at the start of a process: what is configured, added and found."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from conduit.models.breaker import Clock
from conduit.models.config import FILE_NAME, LeftOut, load_providers
from conduit.models.detect import detect_environment, detect_local, local_kinds
from conduit.models.memory import RegistryMemory
from conduit.models.registry import ProviderRegistry
from conduit.models.settings import ProviderSettings


@dataclass(frozen=True, slots=True)
class OpenedRegistry:
    """The registry, and the providers that were configured or remembered but are not in it."""

    registry: ProviderRegistry
    left_out: tuple[LeftOut, ...]


async def open_registry(
    home: Path,
    environ: Mapping[str, str],
    *,
    detect: bool = True,
    clock: Clock = time.monotonic,
) -> OpenedRegistry:
    """Everything from ``home`` (``providers.yaml`` and what was added before), then, unless
    ``detect`` is off, from the environment and from this machine.

    A name or an address that came earlier is not taken again. Takes at most 0.3 s for detection.
    Raises ``ConfigError`` and ``StoreError``.
    """
    memory = RegistryMemory(home)
    file, remembered = load_providers(home / FILE_NAME, environ), memory.load()
    found: tuple[ProviderSettings, ...] = ()
    if detect:
        found = detect_environment(environ) + await detect_local(local_kinds(environ))
    registry = ProviderRegistry(clock, memory=memory)
    registry.recall(remembered.active, remembered.model)
    left_out = list(file.left_out)
    names: set[str] = set()
    addresses: set[str] = set()
    for settings in (*file.providers, *remembered.added, *found):
        detected = settings.source in ("environment", "local")
        if settings.name in names or (detected and settings.base_url in addresses):
            if not detected:
                left_out.append(LeftOut(settings.name, f"{FILE_NAME} has one of this name"))
            continue
        names.add(settings.name)
        addresses.add(settings.base_url)
        registry.add_settings(settings)
    return OpenedRegistry(registry, tuple(left_out))
