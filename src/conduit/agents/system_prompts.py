"""System prompts: one Markdown file each, the operator's own before those of Conduit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from conduit.contracts.errors import ConfigError, NotFound

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_LARGEST = 64 * 1024
BUILT_IN = Path(__file__).parent / "prompts"


class SystemPrompts:
    """Looks prompts up in folders, in order, reading the file each time so edits take effect."""

    def __init__(self, folders: Sequence[Path] = (BUILT_IN,)) -> None:
        self._folders = tuple(folders)

    def names(self) -> list[str]:
        return sorted({path.stem for folder in self._folders for path in folder.glob("*.md")})

    def text(self, name: str) -> str:
        """The prompt of that name. Raises ``NotFound``, or ``ConfigError`` for an unusable file."""
        if _NAME.fullmatch(name):
            for folder in self._folders:
                path = folder / f"{name}.md"
                if path.is_file():
                    return _read(path)
        raise NotFound(
            f"there is no system prompt {name[:80]!r}",
            hint=f"there are {', '.join(self.names())}; put your own into CONDUIT_HOME/prompts",
        )


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise ConfigError(f"larger than {_LARGEST} bytes", where=path.name, hint="shorten it")
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the prompt cannot be read: {error}", where=path.name, hint="save it as UTF-8 text"
        ) from None
