"""The operator's own system prompts as texts, for presets: the files of one folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from conduit.contracts.errors import StoreError
from conduit.store.files import write_atomically

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_LARGEST: Final = 64 * 1024
_MOST: Final = 200


class PromptFolder:
    """``CONDUIT_HOME/prompts``; what no prompt can be called or be is passed over."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def texts(self) -> dict[str, str]:
        """By name. Raises ``StoreError``."""
        try:
            paths = sorted(self._folder.glob("*.md"))[:_MOST]
            return {path.stem: _text(path) for path in paths if _is_prompt(path)}
        except (OSError, UnicodeDecodeError) as error:
            raise self._unusable("read", error) from None

    def put(self, texts: Mapping[str, str | None]) -> None:
        """Write these, and take away those that are None: all or, raising ``StoreError``, none."""
        names = [name for name in texts if _NAME.fullmatch(name)]
        before = {name: self._bytes(name) for name in names}
        after = {name: _encoded(texts[name]) for name in names}
        try:
            self._write(after)
        except OSError as error:
            try:
                self._write(before)
            except OSError as again:
                raise self._unusable("put back", again) from None
            raise self._unusable("written", error) from None

    def _write(self, files: Mapping[str, bytes | None]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, data in files.items():
            path = self._folder / f"{name}.md"
            if data is None:
                path.unlink(missing_ok=True)
            else:
                write_atomically(path, data)

    def _bytes(self, name: str) -> bytes | None:
        try:
            return (self._folder / f"{name}.md").read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable("read", error) from None

    def _unusable(self, verb: str, error: OSError | UnicodeDecodeError) -> StoreError:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        return StoreError(
            f"a system prompt could not be {verb}: {reason}",
            where=str(self._folder),
            hint="check space and permissions",
        )


def _is_prompt(path: Path) -> bool:
    return bool(_NAME.fullmatch(path.stem)) and path.is_file() and path.stat().st_size <= _LARGEST


def _text(path: Path) -> str:
    return path.read_bytes().decode()


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode()
