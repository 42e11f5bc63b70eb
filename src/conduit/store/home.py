"""The folder of what Conduit keeps outside the database."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

DEFAULT_HOME = "~/.conduit"


def home_folder(environ: Mapping[str, str]) -> Path:
    """``CONDUIT_HOME``, absolute; it need not exist yet."""
    return Path(environ.get("CONDUIT_HOME") or DEFAULT_HOME).expanduser().absolute()
