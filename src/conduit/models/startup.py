"""The registry as it is at the start of a process: what is configured, added and found."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from conduit.models.breaker import Clock
from conduit.models.detect import detect_environment, detect_local, local_kinds
from conduit.models.memory import RegistryMemory
from conduit.models.registry import ProviderRegistry
from conduit.models.settings import ProviderSettings
from conduit.models.setup.file import FILE_NAME
from conduit.models.setup.reload import ProvidersFile
from conduit.models.setup.settings import LeftOut


@dataclass(frozen=True, slots=True)
class OpenedRegistry:
    """The registry, the file that it was configured from, and the providers that were remembered
    but are not in it."""

    registry: ProviderRegistry
    file: ProvidersFile
    passed_over: tuple[LeftOut, ...]

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The providers that are configured or remembered and not used here."""
        return (*self.file.settings.left_out, *self.passed_over)


async def open_registry(
    home: Path,
    environ: Mapping[str, str],
    *,
    detect: bool = True,
    tolerant: bool = False,
    clock: Clock = time.monotonic,
    workers: int = 1,
) -> OpenedRegistry:
    """Everything from ``home`` (``providers.yaml`` and what was added before), then, unless
    ``detect`` is off, from the environment and from this machine.

    ``tolerant`` goes on without a ``providers.yaml`` that is wrong, for commands that ask no model.
    A name or an address that came earlier is not taken again. Takes at most 0.3 s for detection.
    Raises ``ConfigError`` and ``StoreError``.
    """
    memory = RegistryMemory(home)
    remembered = memory.load()
    found: tuple[ProviderSettings, ...] = ()
    if detect:
        found = detect_environment(environ) + await detect_local(local_kinds(environ))
    registry = ProviderRegistry(clock, memory=memory, workers=workers)
    others = tuple(settings.name for settings in (*remembered.added, *found))
    file = ProvidersFile(home / FILE_NAME, environ, elsewhere=lambda: (*others, *registry.chain))
    from_file = file.load(tolerant=tolerant).providers
    registry.recall(remembered.active, remembered.model)
    passed_over: list[LeftOut] = []
    names: set[str] = set()
    addresses: set[str] = set()
    for settings in (*from_file, *remembered.added, *found):
        detected = settings.source in ("environment", "local")
        if settings.name in names or (detected and settings.base_url in addresses):
            if not detected:
                passed_over.append(LeftOut(settings.name, f"{FILE_NAME} has one of this name"))
            continue
        names.add(settings.name)
        addresses.add(settings.base_url)
        registry.add_settings(settings)
    return OpenedRegistry(registry, file, tuple(passed_over))
