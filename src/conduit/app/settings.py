"""What the operator decides, from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from conduit.contracts.errors import ConfigError
from conduit.store.home import home_folder

DEFAULT_DB_URI = "sqlite:///conduit.db"
DEFAULT_CONFIGS_DIR = "configs"
DEFAULT_OUT_DIR = "out"
_FLAGS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_MONTH = 31
"""Days: budgets are compared with what a month cost."""
_MOST_DAYS = 36_500
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Settings:
    """One instance for a process; ``environ`` is where keys of providers are looked up."""

    home: Path
    db_uri: str
    log_level: str
    environ: Mapping[str, str]
    configs: str = DEFAULT_CONFIGS_DIR
    out: str = DEFAULT_OUT_DIR
    """The two folders that tools may write to; relative ones count from the working folder."""
    durable_usage: bool = False
    """Each answer waits until its usage would survive a power cut."""
    usage_database: bool = True
    """Usage is brought from the journal into the database here; else another process does it."""
    workers: int = 1
    """Processes that share the limits of providers and keys."""
    keep_runs_days: int = 0
    """How long runs are kept that are over; 0: for ever."""
    keep_usage_days: int = 0
    """The same of records of usage."""
    link: bool = False
    """``conduit up`` joins the Ableton Link session of its networks."""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """Read ``CONDUIT_HOME``, ``CONDUIT_DB_URI``, ``CONDUIT_LOG``, ``CONDUIT_CONFIGS_DIR``,
        ``CONDUIT_OUT_DIR``, ``CONDUIT_USAGE_DURABLE``, ``CONDUIT_USAGE_DATABASE``,
        ``CONDUIT_KEEP_RUNS_DAYS``, ``CONDUIT_KEEP_USAGE_DAYS`` and ``CONDUIT_LINK``.

        Raises ``ConfigError`` for a value that cannot be used.
        """
        level = (environ.get("CONDUIT_LOG") or "warning").casefold()
        if level not in LOG_LEVELS:
            raise ConfigError(
                f"{level!r} is not a log level",
                where="CONDUIT_LOG",
                hint=f"use one of {', '.join(LOG_LEVELS)}",
            )
        return cls(
            home=home_folder(environ),
            db_uri=environ.get("CONDUIT_DB_URI") or DEFAULT_DB_URI,
            log_level=level,
            environ=environ,
            configs=environ.get("CONDUIT_CONFIGS_DIR") or DEFAULT_CONFIGS_DIR,
            out=environ.get("CONDUIT_OUT_DIR") or DEFAULT_OUT_DIR,
            durable_usage=_flag(environ, "CONDUIT_USAGE_DURABLE", "no"),
            usage_database=_flag(environ, "CONDUIT_USAGE_DATABASE", "yes"),
            keep_runs_days=_days(environ, "CONDUIT_KEEP_RUNS_DAYS", 1),
            keep_usage_days=_days(environ, "CONDUIT_KEEP_USAGE_DAYS", _MONTH),
            link=_flag(environ, "CONDUIT_LINK", "no"),
        )


def _days(environ: Mapping[str, str], name: str, least: int) -> int:
    value = (environ.get(name) or "0").strip()
    days = int(value) if value.isascii() and value.isdigit() and len(value) < 9 else -1
    if days == 0 or least <= days <= _MOST_DAYS:
        return days
    raise ConfigError(
        f"{value[:40]!r} is no number of days from {least} to {_MOST_DAYS}",
        where=name,
        hint="leave it out, or use 0, to keep everything",
    )


def _flag(environ: Mapping[str, str], name: str, usual: str) -> bool:
    value = (environ.get(name) or usual).casefold()
    if value not in _FLAGS:
        raise ConfigError(f"{value[:40]!r} is neither yes nor no", where=name, hint="use yes or no")
    return _FLAGS[value]
