"""What a preset keeps of a conversation: how its prompts are answered, from which system prompt,
its set of Live, and the groove that was rendered in it last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Protocol

from conduit.agents.live.context import context_of
from conduit.agents.memory.document import HowAnswered
from conduit.blocks import Length, decode, dumps, loads
from conduit.contracts.errors import InvalidInput, NotFound
from conduit.store.conversation_grooves import ConversationGrooves, LastGroove
from conduit.store.conversation_notes import ConversationNotes
from conduit.store.live_contexts import LiveContexts

GROOVE: Final = "groove"
_SETTINGS: Final = "settings"
_SYSTEM: Final = "system"
_LIVE: Final = "live"
_KNOWN: Final = (_SETTINGS, _SYSTEM, _LIVE, GROOVE)
_USUAL: Final = "default"
_LONGEST_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class _Prompt:
    """A system prompt: its name, and what it says."""

    name: Annotated[str, Length(1, _LONGEST_NAME)]
    text: Annotated[str, Length(0, 64 * 1024)]


class Prompts(Protocol):
    """The system prompts there are."""

    def text(self, name: str) -> str:
        """Raises ``NotFound`` and ``ConfigError``."""
        ...

    def require_name(self, name: str) -> None:
        """Raises ``InvalidInput``."""
        ...


class Snapshots:
    """Of all conversations. Each part is JSON text, under its name."""

    def __init__(
        self,
        notes: ConversationNotes,
        contexts: LiveContexts,
        grooves: ConversationGrooves,
        prompts: Prompts,
    ) -> None:
        self._notes = notes
        self._contexts = contexts
        self._grooves = grooves
        self._prompts = prompts

    def kept(self, org_id: str, session: str) -> Mapping[str, str]:
        """Without the notes of a selected clip, which are no set-up. Raises ``StoreError``."""
        settings = HowAnswered.of(self._notes.settings(org_id, session))
        kept = {_SETTINGS: dumps(settings).decode()}
        name = settings.system or _USUAL
        if (text := self._text_of(name)) is not None:
            kept[_SYSTEM] = dumps(_Prompt(name, text)).decode()
        if stored := self._contexts.get(org_id, session):
            context = context_of(loads(stored.body))
            if context.clip is not None:
                context = replace(context, clip=replace(context.clip, notes=()))
            kept[_LIVE] = dumps(context).decode()
        if groove := self._grooves.get(org_id, session):
            kept[GROOVE] = groove.body
        return kept

    def require(self, kept: Mapping[str, str]) -> None:
        """Raises ``InvalidInput``, and ``TooLarge`` for a groove that nobody could play."""
        if unknown := sorted(set(kept) - set(_KNOWN)):
            raise InvalidInput(
                f"{unknown[0][:80]!r} is nothing that a conversation has",
                where="conversation",
                hint=f"known are {', '.join(_KNOWN)}",
            )
        settings = _settings_in(kept)
        if settings.system:
            self._prompts.require_name(settings.system)
        if _SYSTEM in kept:
            self._prompts.require_name(_prompt_in(kept).name)
        if _LIVE in kept:
            context_of(_object(kept[_LIVE]))
        if GROOVE in kept:
            from conduit.rhythm.kept import config_kept  # brings NumPy along

            config_kept(kept[GROOVE], "conversation.groove")

    def fitted(
        self, kept: Mapping[str, str], prompts: Mapping[str, str], preset: str
    ) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """What is kept as it is to be restored where these ``prompts`` will be, and the system
        prompts that it needs beside them. One whose name says something else here gets another
        name, so that no other conversation is answered from it. Raises ``InvalidInput``."""
        self.require(kept)
        if _SYSTEM not in kept:
            return kept, {}
        wanted = _prompt_in(kept)
        there = prompts.get(wanted.name) or self._text_of(wanted.name)
        if there is None:
            return kept, {wanted.name: wanted.text}
        if there.strip() == wanted.text.strip():
            return kept, {}
        other = f"{wanted.name[: _LONGEST_NAME // 2]}-{preset}"[:_LONGEST_NAME]
        settings = replace(_settings_in(kept), system=other)
        renamed = {
            **kept,
            _SETTINGS: dumps(settings).decode(),
            _SYSTEM: dumps(_Prompt(other, wanted.text)).decode(),
        }
        return renamed, {other: wanted.text}

    def restore(self, org_id: str, session: str, kept: Mapping[str, str]) -> None:
        """What is not kept goes away. Raises ``InvalidInput`` and ``StoreError``."""
        self.require(kept)
        self._notes.put_settings(org_id, session, _settings_in(kept).stored())
        if _LIVE in kept:
            context = dumps(context_of(_object(kept[_LIVE]))).decode()
            self._contexts.put(org_id, session, context)
        else:
            self._contexts.remove(org_id, session)
        if GROOVE in kept:
            self._grooves.put(org_id, session, LastGroove(kept[GROOVE], recalled=True))
        else:
            self._grooves.remove(org_id, session)

    def _text_of(self, name: str) -> str | None:
        """None where there is no such prompt any more."""
        try:
            return self._prompts.text(name)
        except NotFound:
            return None


def _settings_in(kept: Mapping[str, str]) -> HowAnswered:
    return decode(HowAnswered, loads(kept.get(_SETTINGS, "{}")), where="conversation.settings")


def _prompt_in(kept: Mapping[str, str]) -> _Prompt:
    return decode(_Prompt, loads(kept[_SYSTEM]), where="conversation.system")


def _object(text: str) -> Any:
    found = loads(text)
    if not isinstance(found, dict):
        raise InvalidInput("expected an object", where="conversation.live")
    return found
