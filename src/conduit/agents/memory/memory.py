"""What an agent remembers of a conversation when it is asked the next thing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from conduit.agents.memory.summaries import Asking, Summaries
from conduit.agents.memory.turns import AFTER, VIEW, size_of
from conduit.agents.memory.view import shown
from conduit.contracts.call import Principal
from conduit.contracts.chat import Message
from conduit.store.conversation_grooves import ConversationGrooves, LastGroove
from conduit.store.conversation_notes import ConversationNotes, ConversationSettings, StoredView


@dataclass(frozen=True, slots=True)
class Seen:
    """A conversation as it stood when something was asked."""

    stored: StoredView
    asking: Asking
    summaries: Summaries
    last: LastGroove | None = None

    @property
    def settings(self) -> ConversationSettings:
        return self.stored.settings

    def messages(self, system: str, prompt: str) -> tuple[Message, ...]:
        """Everything that a model is sent."""
        return shown(self.stored, system, prompt, self.last)

    def grown(self, turn: Sequence[Message] = ()) -> None:
        """See to the summary, now that this was said too. Takes no time here."""
        count = len(self.stored.messages) + (len(turn) + 1 if turn else 0)
        size = size_of(self.stored.messages) + sum(len(each.content) for each in turn)
        if self.stored.more:
            count = max(count, AFTER + 1)
        self.summaries.look_after(self.asking, count, size)


class Memory:
    """Reads conversations and sees to their summaries."""

    def __init__(
        self,
        notes: ConversationNotes,
        summaries: Summaries,
        grooves: ConversationGrooves | None = None,
    ) -> None:
        self.notes = notes
        self.summaries = summaries
        self._grooves = grooves

    async def seen(self, person: Principal, session: str, *, provider: str, model: str) -> Seen:
        """A conversation as it stands. Who is not named is whoever it names itself: a model only
        together with its provider. Raises ``StoreError``."""
        stored, last = await asyncio.to_thread(self._read, person.org_id, session)
        own = stored.settings
        if provider in ("", own.provider):
            provider, model = own.provider, model or own.model
        return Seen(stored, Asking(person, session, provider, model), self.summaries, last)

    def _read(self, org_id: str, session: str) -> tuple[StoredView, LastGroove | None]:
        stored = self.notes.view(org_id, session, VIEW)
        last = self._grooves.get(org_id, session) if self._grooves else None
        return stored, last
