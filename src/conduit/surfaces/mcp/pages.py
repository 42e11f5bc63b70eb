"""Lists in pages. A cursor is the name of the last entry that was told, so that it still means the
same when the list has changed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

import mcp_types as types
from mcp.shared.exceptions import MCPError

T = TypeVar("T")

_LONGEST_CURSOR: Final = 400
_PREFIX: Final = "after:"


def cursor_after(name: str) -> str:
    """Opaque for clients."""
    return base64.urlsafe_b64encode(f"{_PREFIX}{name}".encode()).decode()


def name_before(cursor: str | None) -> str:
    """The last name that was told, or empty. Raises ``MCPError`` for a cursor that is not ours."""
    if not cursor:
        return ""
    try:
        if len(cursor) > _LONGEST_CURSOR:
            raise ValueError
        text = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        text = ""
    if not text.startswith(_PREFIX):
        raise MCPError(types.INVALID_PARAMS, "Unknown cursor: begin again without one")
    return text.removeprefix(_PREFIX)


def page_of(
    entries: Iterable[T], name_of: Callable[[T], str], cursor: str | None, most: int
) -> tuple[list[T], str | None]:
    """The entries after a cursor, by name, and the cursor of the next page if there is one."""
    last = name_before(cursor)
    rest = sorted((each for each in entries if name_of(each) > last), key=name_of)
    page = rest[:most]
    return page, cursor_after(name_of(page[-1])) if len(rest) > most else None
