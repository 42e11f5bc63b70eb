"""Blocks about Conduit itself: is it well, and what works on this machine."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from conduit import __version__
from conduit.app.access import Access
from conduit.app.settings import Settings
from conduit.blocks import Block, Effects, NoOp, block
from conduit.contracts.errors import ConduitError
from conduit.models.registry import ProviderState
from conduit.models.setup.file import LeftOut
from conduit.models.startup import OpenedRegistry
from conduit.store.database import Database

if TYPE_CHECKING:
    from conduit.tools.code.choosing import Chosen


@dataclass(frozen=True, slots=True)
class Health:
    """How the server is doing. ``status`` is ``ok`` as long as somebody can answer."""

    status: str
    version: str
    uptime_s: float
    active: str
    providers: tuple[ProviderState, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that works, does not, or could."""

    name: str
    state: Literal["ok", "off", "broken"]
    detail: str
    enable: str = ""
    """What to do, when it does not work."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What works on this machine. ``well`` is false when something is broken."""

    well: bool
    findings: tuple[Finding, ...]


def system_blocks(
    settings: Settings,
    access: Access,
    opened: OpenedRegistry,
    database: Database,
    studio_built: Callable[[], bool],
    timer: Callable[[], float],
    sandbox: Callable[[], Chosen],
) -> tuple[Block[Any, Any], ...]:
    """``system.health`` and ``system.doctor``."""
    started = timer()
    registry = opened.registry

    @block("system.health", summary="Tell whether Conduit is well", inline=True)
    def health(_: NoOp) -> Health:
        states = registry.state()
        usable = any(state.circuit != "open" for state in states)
        return Health(
            status="ok" if usable else "degraded",
            version=__version__,
            uptime_s=round(timer() - started, 3),
            active=registry.active,
            providers=states,
        )

    @block("system.doctor", summary="Find out what works on this machine", effects=Effects.READS)
    def doctor(_: NoOp) -> Diagnosis:
        findings = (
            Finding("conduit", "ok", f"{__version__} on Python {platform.python_version()}"),
            _home(settings.home),
            _database(database, settings),
            _studio(studio_built()),
            _access(access),
            *_providers_file(opened),
            *_models(registry.state()),
            *_left_out(opened.left_out),
            _postgres(),
            _fluidsynth(),
            _link(),
            _sandbox(sandbox()),
        )
        return Diagnosis(all(f.state != "broken" for f in findings), findings)

    return health, doctor


def _home(home: Path) -> Finding:
    nearest = next(p for p in (home, *home.parents) if p.exists())
    if home.is_dir() and os.access(home, os.W_OK):
        return Finding("files", "ok", str(home))
    if nearest.is_dir() and os.access(nearest, os.W_OK):
        return Finding("files", "ok", f"{home} (made when needed)")
    return Finding(
        "files", "broken", f"{home} cannot be written", "set CONDUIT_HOME to a folder of yours"
    )


def _database(database: Database, settings: Settings) -> Finding:
    try:
        with database.snapshot():
            return Finding("database", "ok", _without_secrets(settings.db_uri))
    except ConduitError as error:
        return Finding("database", "broken", error.message, error.hint)


def _without_secrets(uri: str) -> str:
    """An address without user and password, nor the options, which may hold one too."""
    return uri.rpartition("@")[2].partition("?")[0]


def _studio(built: bool) -> Finding:
    if built:
        return Finding("studio", "ok", "the web page is built")
    return Finding("studio", "off", "the web page is not built", "run `make install`")


def _access(access: Access) -> Finding:
    """That nobody else may run commands is how it should be, not a fault."""
    parts = {"models": access.models, "HTTP": access.remote}
    granted = "; ".join(
        f"{who} may call {', '.join(sorted(names))}" for who, names in parts.items() if names
    )
    detail = granted or "commands, files, web and databases are for you alone"
    return Finding("access", "ok", detail, "`conduit access` shows it and how to change it")


def _providers_file(opened: OpenedRegistry) -> list[Finding]:
    """Nothing is said of one that is in force, or not there."""
    fault = opened.file.status().fault
    if fault is None:
        return []
    return [Finding("providers.yaml", "broken", fault.message, fault.hint)]


def _models(states: tuple[ProviderState, ...]) -> list[Finding]:
    found = [
        Finding(
            f"provider {state.name}",
            "off" if state.circuit == "open" else "ok",
            f"{state.model or state.type}{', active' if state.active else ''}",
            f"its circuit is open: conduit providers reset {state.name}"
            if state.circuit == "open"
            else "",
        )
        for state in states
    ]
    if all(state.type == "offline" for state in states):
        enable = "set ANTHROPIC_API_KEY or OPENAI_API_KEY, or start Ollama or LM Studio"
        found.append(Finding("language models", "off", "no key and no local server found", enable))
    return found


def _left_out(left_out: tuple[LeftOut, ...]) -> list[Finding]:
    return [
        Finding(f"provider {each.name}", "off", "not in the chain", each.reason)
        for each in left_out
    ]


def _postgres() -> Finding:
    if find_spec("psycopg"):
        return Finding("PostgreSQL", "ok", "the driver is installed")
    enable = f"{Path(sys.executable).name} -m pip install 'psycopg[binary]'"
    return Finding("PostgreSQL", "off", "the driver is not installed; SQLite needs none", enable)


def _fluidsynth() -> Finding:
    if shutil.which("fluidsynth"):
        return Finding("listening in the terminal", "ok", "fluidsynth FILE.mid plays a groove")
    enable = "`conduit listen FILE.mid` makes a WAV file; or press play in the Studio"
    return Finding("listening in the terminal", "off", "no fluidsynth on this machine", enable)


def _link() -> Finding:
    if find_spec("aalink"):
        return Finding("Ableton Link", "ok", "`conduit play --link`, `conduit up --link`")
    enable = f"{Path(sys.executable).name} -m pip install 'conduit-os[link]'"
    return Finding("Ableton Link", "off", "its library is not installed", enable)


def _sandbox(chosen: Chosen) -> Finding:
    """It is made, and tried, to find out."""
    from conduit.tools.code.choosing import HINT

    try:
        found = chosen.strength()
    except ConduitError as error:
        return Finding("sandbox for code", "off", error.message, HINT)
    detail = f"{found.name}: {', '.join(found.layers)}"
    weak = "a small Python only; for a whole one, install bubblewrap on Linux"
    return Finding("sandbox for code", "ok", detail, weak if found.strength == "small" else "")
