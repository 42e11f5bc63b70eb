"""Which target a conversation is with, so that its next turn finds the provider's prompt cache and
the same manner of speaking.

A bounded memory: the least recently used is forgotten first, and each after ``ttl_s`` without use.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import Generic, NamedTuple, TypeVar

from conduit.contracts.chat import ChatRequest, Image, Message
from conduit.models.breaker import Clock

T = TypeVar("T")

_HASHED = 4096
"""Characters of a text that tell conversations apart; its length does as well."""


class StickyKey(NamedTuple):
    """Whose conversation with which group: a conversation is never found by another tenant."""

    tenant: str
    group: str
    conversation: str


class StickyTargets(Generic[T]):
    """Remembers a target for each conversation. Not for use from several threads.

    >>> sticky = StickyTargets[str](lambda: 0.0, size=1000, ttl_s=600)
    >>> key = StickyKey("acme", "fast", "conversation-1")
    >>> sticky.keep(key, "openai/gpt")
    >>> sticky.find(key)
    'openai/gpt'
    """

    __slots__ = ("_clock", "_kept", "_size", "_ttl_s")

    def __init__(self, clock: Clock, *, size: int = 10_000, ttl_s: float = 3600.0) -> None:
        self._clock = clock
        self._size = size
        self._ttl_s = ttl_s
        self._kept: OrderedDict[StickyKey, tuple[T, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: StickyKey) -> T | None:
        """The target of a conversation, which counts as a use of it; None for a new one."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        target, until = kept
        if self._clock() >= until:
            del self._kept[key]
            return None
        self.keep(key, target)
        return target

    def keep(self, key: StickyKey, target: T) -> None:
        """This target answered."""
        self._kept[key] = (target, self._clock() + self._ttl_s)
        self._kept.move_to_end(key)
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)


def conversation_of(request: ChatRequest) -> str:
    """A name for the conversation where the client gives none: a hash of the leading system prompt
    and the first message of the user, which stay the same from turn to turn. Two conversations that
    begin with the same words share a target, which does no harm. Of long texts and pictures the
    first 4096 characters and the length count, so that it costs a few microseconds at most."""
    digest = blake2b(digest_size=16)
    for message in request.messages:
        if message.role == "system" or message.role == "user":
            for text in _texts(message):
                head = text[:_HASHED].encode(errors="surrogatepass")
                digest.update(b"%s %d %d " % (message.role.encode(), len(text), len(head)))
                digest.update(head)
        if message.role == "user":
            break
    return digest.hexdigest()


def _texts(message: Message) -> list[str]:
    pictures = [part.url or part.data for part in message.parts if isinstance(part, Image)]
    return [message.content, *pictures]
