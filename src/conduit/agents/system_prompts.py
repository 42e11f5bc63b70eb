"""System prompts: one Markdown file each, the operator's own before those of Conduit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from conduit.contracts.errors import ConfigError, InvalidInput, NotFound, StoreError
from conduit.store.files import write_atomically

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_LARGEST = 64 * 1024
BUILT_IN = Path(__file__).parent / "prompts"


class SystemPrompts:
    """Looks prompts up in folders, in order, reading the file each time so edits take effect."""

    def __init__(self, folders: Sequence[Path] = (BUILT_IN,)) -> None:
        self._folders = tuple(folders)

    def names(self) -> list[str]:
        return sorted({path.stem for folder in self._folders for path in folder.glob("*.md")})

    def texts(self) -> dict[str, str]:
        """The operator's own prompts, by name. One that cannot be read is left out."""
        found = {}
        for path in sorted(self._own.glob("*.md")):
            if _NAME.fullmatch(path.stem):
                with suppress(ConfigError):
                    found[path.stem] = _read(path)
        return found

    def require_name(self, name: str) -> None:
        """Raises ``InvalidInput`` for what no prompt can be called."""
        _checked(name)

    def put(self, texts: Mapping[str, str | None]) -> None:
        """Write these among the operator's own, and take away those that are None. Raises
        ``StoreError``, and then what was there is there again."""
        before = self.texts()
        done: list[str] = []
        try:
            for name, text in texts.items():
                done.append(name)
                self._write(name, text)
        except OSError as error:
            with suppress(OSError):
                for name in done:
                    self._write(name, before.get(name))
            raise StoreError(
                f"the system prompt {done[-1]!r} could not be written: {error.strerror}",
                where=str(self._own),
                hint="check space and permissions",
            ) from None

    def _write(self, name: str, text: str | None) -> None:
        path = self._own / f"{_checked(name)}.md"
        if text is None:
            path.unlink(missing_ok=True)
        else:
            self._own.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text.encode() + b"\n")

    @property
    def _own(self) -> Path:
        """The folder that comes first."""
        return self._folders[0]

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


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name[:80]!r} cannot be the name of a system prompt",
            hint="use up to 64 letters, digits, dashes and underscores",
        )
    return name


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise ConfigError(f"larger than {_LARGEST} bytes", where=path.name, hint="shorten it")
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the prompt cannot be read: {error}", where=path.name, hint="save it as UTF-8 text"
        ) from None
