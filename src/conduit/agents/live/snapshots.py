"""What a preset keeps of a conversation: how its prompts are answered, and its set of Live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from conduit.agents.live.context import context_of
from conduit.blocks import Length, Range, decode, dumps, loads
from conduit.contracts.errors import InvalidInput
from conduit.models.consistency.ballot import MOST_SAMPLES
from conduit.store.conversation_notes import ConversationNotes, ConversationSettings
from conduit.store.live_contexts import LiveContexts

_SETTINGS: Final = "settings"
_LIVE: Final = "live"
_KNOWN: Final = (_SETTINGS, _LIVE)


@dataclass(frozen=True, slots=True)
class _Settings:
    """As a preset holds them."""

    samples: Annotated[int, Range(1, MOST_SAMPLES)] = 1
    escalate_below: Annotated[float, Range(0, 1)] = 0.6
    escalate_to: Annotated[str, Length(0, 200)] = ""


class Snapshots:
    """Of all conversations. Each part is JSON text, under its name."""

    def __init__(self, notes: ConversationNotes, contexts: LiveContexts) -> None:
        self._notes = notes
        self._contexts = contexts

    def kept(self, org_id: str, session: str) -> Mapping[str, str]:
        """Without the notes of a selected clip, which are no set-up. Raises ``StoreError``."""
        kept = {_SETTINGS: dumps(self._notes.settings(org_id, session)).decode()}
        if stored := self._contexts.get(org_id, session):
            context = context_of(loads(stored.body))
            if context.clip is not None:
                context = replace(context, clip=replace(context.clip, notes=()))
            kept[_LIVE] = dumps(context).decode()
        return kept

    def require(self, kept: Mapping[str, str]) -> None:
        """Raises ``InvalidInput``."""
        if unknown := sorted(set(kept) - set(_KNOWN)):
            raise InvalidInput(
                f"{unknown[0][:80]!r} is nothing that a conversation has",
                where="conversation",
                hint=f"known are {', '.join(_KNOWN)}",
            )
        for name in kept:
            if name == _SETTINGS:
                decode(_Settings, loads(kept[name]), where="conversation.settings")
            else:
                context_of(_object(kept[name]))

    def restore(self, org_id: str, session: str, kept: Mapping[str, str]) -> None:
        """What is not kept goes away. Raises ``InvalidInput`` and ``StoreError``."""
        self.require(kept)
        wanted = decode(_Settings, loads(kept.get(_SETTINGS, "{}")))
        settings = ConversationSettings(wanted.samples, wanted.escalate_below, wanted.escalate_to)
        self._notes.put_settings(org_id, session, settings)
        if _LIVE in kept:
            context = dumps(context_of(_object(kept[_LIVE]))).decode()
            self._contexts.put(org_id, session, context)
        else:
            self._contexts.remove(org_id, session)


def _object(text: str) -> Any:
    found = loads(text)
    if not isinstance(found, dict):
        raise InvalidInput("expected an object", where="conversation.live")
    return found
