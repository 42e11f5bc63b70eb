"""Files that a person names, read no further than they may be large."""

from __future__ import annotations

from pathlib import Path

from conduit.contracts.errors import NotFound, StoreError, TooLarge


def read_bytes(path: Path, most: int, *, what: str, missing: str) -> bytes:
    """The bytes of a file, or of what is read like one: a pipe or a device says of itself that it
    has no bytes, and may never end. ``what`` it should be, and what helps when it is ``missing``.

    Raises ``NotFound``, ``TooLarge`` and ``StoreError``.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except FileNotFoundError:
        raise NotFound(f"there is no file {str(path)!r:.200}", hint=missing) from None
    except IsADirectoryError:
        raise StoreError(
            f"{str(path)!r:.200} is a folder", hint=f"give the path of {what}"
        ) from None
    except (OSError, ValueError) as error:  # a null byte in the name is the second
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise StoreError(
            f"cannot read {str(path)!r:.200}: {why}", hint=f"give the path of {what}"
        ) from None
    if len(data) > most:
        raise TooLarge(
            f"{path.name} is too large for {what}", hint=f"at most {most} bytes are read"
        )
    return data
