"""Configs by what a person types: the path of a file, or the name of a style."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from conduit.blocks import dumps, loads
from conduit.contracts.errors import InvalidInput
from conduit.rhythm.load import read_config
from conduit.rhythm.styles import STYLES, Style


def config_data(source: str) -> dict[str, Any]:
    """The plain data of a config file, not yet checked, or of the style ``source`` names.

    Raises what ``read_config`` raises, and ``InvalidInput`` for what is neither.
    """
    if source in STYLES:
        data: dict[str, Any] = loads(dumps(asdict(STYLES[Style(source)])))
        return data
    path = Path(source)
    if not path.suffix:
        raise InvalidInput(
            f"{source[:80]!r} is neither a style nor a config file",
            hint=f"styles: {', '.join(STYLES)}; a config file ends in .json or .yaml",
        )
    return read_config(path)
