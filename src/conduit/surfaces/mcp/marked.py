"""Bytes in the place of a mark, on their way out: see ``listing``."""

from __future__ import annotations

import secrets
from typing import Any, Final

from starlette.types import Message, Send

MARK: Final = f"tools-{secrets.token_hex(16)}"
"""Nobody outside ever sees it, so nobody can put it into anything."""
SLOT: Final = "mcp_tools"
_QUOTED: Final = f'"{MARK}"'.encode()


def with_tools(state: dict[str, Any], send: Send) -> Send:
    """A way to answer that puts what is in the slot of a request's ``state`` where the mark is."""
    held: Message | None = None

    async def filled(message: Message) -> None:
        nonlocal held
        if message["type"] == "http.response.start" and _is_measured(message):
            held = message  # its length depends on what follows
            return
        whole: bytes | None = state.get(SLOT)
        if whole is not None and _QUOTED in message.get("body", b""):
            del state[SLOT]  # a session keeps its last request, and there may be many
            message = {**message, "body": message["body"].replace(_QUOTED, whole, 1)}
            if held is not None:
                held = {**held, "headers": _measured(held["headers"], len(message["body"]))}
        if held is not None:
            first, held = held, None
            await send(first)
        await send(message)

    return filled


def _is_measured(message: Message) -> bool:
    return any(name == b"content-length" for name, _ in message.get("headers", ()))


def _measured(headers: Any, size: int) -> list[tuple[bytes, bytes]]:
    return [
        (name, str(size).encode() if name == b"content-length" else value)
        for name, value in headers
    ]
