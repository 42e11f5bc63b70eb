"""The bridge for MIDI 2.0, made from what lies in ``CONDUIT_HOME``.

It reaches what it asks for over HTTP, as any other client: beside ``conduit up`` at the address of
that, alone at whatever address it is given.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from conduit.contracts.errors import ConfigError, StoreError
from conduit.intents.service import Service
from conduit.store.files import write_atomically
from conduit.store.seen import Seen
from conduit.surfaces.flex import triggers
from conduit.surfaces.flex.bridge import Bridge, Metadata
from conduit.surfaces.flex.guard import Guard
from conduit.surfaces.flex.server import FlexServer
from conduit.surfaces.flex.settings import FILE_NAME, load_settings
from conduit.telemetry.ids import new_id

PORT = 5673
"""Of UDP. Network MIDI has none of its own: peers find it by its announcement, or are told."""
_KEPT = "metadata.jsonl"
_MOST_KEPT = 1 << 20

log = logging.getLogger("conduit.flex")


def flex_server(home: Path, environ: Mapping[str, str], service: str) -> FlexServer:
    """A bridge that does not listen yet. ``service`` answers what ``flex.yaml`` names nobody for.

    Raises ``ConfigError``, ``StoreError``, and ``Unavailable`` when another process is the bridge
    of this folder.
    """
    settings = load_settings(home / FILE_NAME, environ)
    settings = replace(settings, service=settings.service or service)
    folder = home / "flex"
    seen = Seen(folder, settings.window_ms + settings.skew_ms, _now_ms)
    guard = Guard(
        seen,
        _now_ms,
        time.monotonic,
        window_ms=settings.window_ms,
        skew_ms=settings.skew_ms,
    )
    bridge = Bridge(
        settings,
        Service(settings, time.monotonic),
        guard,
        _now_ms,
        time.monotonic,
        new_id,
        bindings=BindingsFile(home / triggers.FILE_NAME),
        keep=MetadataFile(folder / _KEPT),
    )
    return FlexServer(bridge, product_of(folder), ended=seen.close)


def product_of(folder: Path) -> str:
    """What tells this installation from others, the same after each start. Raises
    ``StoreError``."""
    path = folder / "product"
    try:
        known = path.read_text("ascii").strip() if path.exists() else ""
        if not known or len(known) > 42:
            known = f"conduit-{uuid4().hex[:12]}"
            write_atomically(path, known.encode())
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(
            f"the product instance id is not to be had: {error}",
            where=str(path),
            hint="delete the file, or check its permissions",
        ) from None
    return known


class BindingsFile:
    """What is bound, read anew when the file has changed. A file that is wrong is logged, and what
    it said before holds. Raises ``ConfigError`` when it is wrong from the start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._as_of = self._changed()
        self._known = triggers.load_bindings(path)

    def __call__(self) -> triggers.Bindings:
        changed = self._changed()
        if changed != self._as_of:
            self._as_of = changed
            try:
                self._known = triggers.load_bindings(self._path)
            except ConfigError as error:
                log.warning("bindings stay as they were: %s", error)
        return self._known

    def _changed(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return 0, 0
        return found.st_mtime_ns, found.st_ino


class MetadataFile:
    """Texts that asked for nothing, as lines of JSON; of two megabytes the newer one at least."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, kept: Metadata) -> None:
        """Add a line. A full disk stops no music: it is logged."""
        line = json.dumps(
            {"at_ms": _now_ms(), "device": kept.device, "intent": kept.intent, "text": kept.text},
            ensure_ascii=False,
        )
        try:
            if self._path.exists() and self._path.stat().st_size > _MOST_KEPT:
                self._path.replace(self._path.with_suffix(".old.jsonl"))
            with self._path.open("a", encoding="utf-8", errors="replace") as file:
                file.write(line + "\n")
        except OSError as error:
            log.warning("metadata could not be kept: %s", error)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
