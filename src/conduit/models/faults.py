"""What a provider over HTTP did wrong, in the words of the error tree."""

from __future__ import annotations

import time
from typing import NoReturn

from conduit.contracts.errors import ProviderBadReply, ProviderRefused
from conduit.models.reading import error_body, quote
from conduit.models.routing.retry import retry_after
from conduit.models.settings import ProviderSettings
from conduit.models.transport import Reply

_ERROR_BYTES = 1 << 16
_PAGES = ("text/html", "application/xhtml+xml", "text/xml", "application/xml")


class Faults:
    """Raises for one provider. Nothing that it quotes holds the provider's key."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings

    async def check_status(self, reply: Reply, model: str) -> None:
        """Raise ``ProviderRefused`` unless the status is 200."""
        if reply.status == 200:
            return
        if 300 <= reply.status < 400:
            self.refused(reply.status, "a redirect, which is not followed")
        said = error_body(await _beginning(reply))
        wait = retry_after(reply.header, time.time(), said)
        self.refused(reply.status, said, model, retry_after_s=wait)

    async def refuse_page(self, reply: Reply) -> None:
        """Raise ``ProviderBadReply`` for a web page where a stream was due."""
        if reply.media_type in _PAGES:
            said = error_body(await _beginning(reply)) or "nothing"
            self.bad_reply(f"{reply.media_type} instead of a stream: {said}")

    def refused(
        self, status: int, said: str, model: str = "", *, retry_after_s: float | None = None
    ) -> NoReturn:
        """It answered with an error; 200 is one inside a reply."""
        words = self._quotable(said) or "nothing said"
        raise ProviderRefused(
            f"answered {status}: {words}" if status != 200 else f"answered with an error: {words}",
            provider=self._settings.name,
            status=status,
            hint=_hint(status, model, self._settings),
            retry_after_s=retry_after_s,
        )

    def bad_reply(self, what: str) -> NoReturn:
        """What it sent is not its protocol."""
        raise ProviderBadReply(
            self._quotable(what),
            provider=self._settings.name,
            hint=f"does base_url lead to an API of type {self._settings.type!r}?",
        )

    def _quotable(self, words: str) -> str:
        """Without the key first: cut short, half of it would not be recognised."""
        return quote(self._settings.key.scrub(words))


async def _beginning(reply: Reply) -> bytes:
    """Enough of an error to quote from."""
    body = bytearray()
    while len(body) < _ERROR_BYTES and (data := await reply.read()):
        body += data
    return bytes(body[:_ERROR_BYTES])


def _hint(status: int, model: str, settings: ProviderSettings) -> str:
    if status in (401, 403):
        return f"check the key in {settings.key_env}" if settings.key_env else "check its api_key"
    if status == 404:
        ending = "" if settings.type == "ollama" else " (most end in /v1)"
        offer = f", and that it offers the model {model!r}" if model else ""
        return f"check base_url{ending}{offer}"
    if status == 429:
        return "its rate limit or credit is used up; wait, or switch provider"
    if 300 <= status < 400:
        return "put the address it redirects to into base_url"
    if status >= 500:
        return "the fault is on its side; try again later"
    return "its words above say what it did not like"
