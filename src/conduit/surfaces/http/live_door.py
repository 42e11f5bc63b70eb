"""In front of ``/live``: only a program that read the token of this installation gets in.

No web page has it, and a page is also turned away for what browsers say of themselves: an
``Origin`` or ``Sec-Fetch-Site`` header, which pages can neither forge nor leave out. That ``Host``
names this machine was looked at before (``guard``), against names that were made to lead here.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from typing import Final

from conduit.contracts.call import Principal
from conduit.contracts.errors import Forbidden, Unauthenticated
from conduit.surfaces.http.models.request import read_headers

PATH: Final = "/live"
PREFIX: Final = "cl-"
"""Of every token of a device."""
_OF_BROWSERS: Final = frozenset({b"origin", b"sec-fetch-site"})


class LiveDoor:
    """``token`` gives what is in ``CONDUIT_HOME/live.token``; ``caller`` is who shows it."""

    def __init__(self, token: Callable[[], str], caller: Principal) -> None:
        self._token = token
        self._caller = caller

    def knows(self, key: str) -> Principal | None:
        """Who shows this; None where it is not the token. Raises ``StoreError`` and ``ConfigError``
        when the token cannot be read."""
        if (
            not key.startswith(PREFIX)
            or not key.isascii()
            or not hmac.compare_digest(key, self._token())
        ):
            return None
        return self._caller

    def admit(self, headers: Iterable[tuple[bytes, bytes]]) -> Principal:
        """Who sends a request to an address of Live. Raises ``Forbidden`` for a page,
        ``Unauthenticated`` without the token, and as ``knows``."""
        given = list(headers)
        if any(name in _OF_BROWSERS for name, _ in given):
            raise Forbidden(
                "Live is not driven from web pages",
                where=PATH,
                hint="programs send no Origin and no Sec-Fetch-Site header",
            )
        key = read_headers(given).key
        caller = self.knows(key)
        if caller is None:
            said = "this is not the token of this installation" if key else "a token is needed"
            raise Unauthenticated(
                said,
                where=PATH,
                hint="send Authorization: Bearer with what CONDUIT_HOME/live.token holds",
            )
        return caller


def leads_to_live(path: str) -> bool:
    """Whether an address is one of Live's."""
    return path == PATH or path.startswith(PATH + "/")
