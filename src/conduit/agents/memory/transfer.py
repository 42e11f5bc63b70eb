"""Conversations out of Conduit and into it, as blocks."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from conduit.agents.memory.blocks import MOST_PINNED
from conduit.agents.memory.document import (
    MOST_CHARACTERS,
    MOST_MESSAGES,
    MOST_PINS,
    ConversationDocument,
    document_of,
    turns_in,
)
from conduit.agents.memory.markdown import markdown_of
from conduit.blocks import Block, Effects, Length, block, current_call, dumps
from conduit.contracts.errors import Conflict, NotFound, TooLarge
from conduit.store.conversation_notes import ConversationNotes, ConversationSettings
from conduit.store.conversations import Conversations

_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_-]+")
_TITLE: Final = 60
_UNSEEN: Final = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What JSON may hold as it is and a terminal obeys, or shows the wrong way round."""


@dataclass(frozen=True, slots=True)
class ExportConversation:
    """Which conversation, and as what: ``json`` can be taken in again, ``md`` is for reading."""

    session: Annotated[str, Length(1, 200), "conversation"]
    format: Literal["json", "md"] = "json"


@dataclass(frozen=True, slots=True)
class ExportedConversation:
    """The text of a file, and what to call it."""

    session: str
    name: str
    media_type: str
    text: str


@dataclass(frozen=True, slots=True)
class ImportConversation:
    """A conversation that was exported as JSON, and the name it gets here."""

    document: ConversationDocument
    session: Annotated[str, Length(0, 200), "empty: the name it had"] = ""


@dataclass(frozen=True, slots=True)
class ImportedConversation:
    """What was taken in."""

    session: str
    messages: int
    pins: int


def transfer_blocks(
    conversations: Conversations, notes: ConversationNotes
) -> tuple[Block[Any, Any], ...]:
    """``conversations.export`` and ``.import``."""

    @block(
        "conversations.export",
        summary="Write a conversation down as JSON or Markdown",
        effects=Effects.READS,
    )
    def export(request: ExportConversation) -> ExportedConversation:
        org, session = current_call().principal.org_id, request.session
        known = conversations.one(org, session)
        if known is None:
            raise NotFound(
                "there is no such conversation",
                where=session,
                hint="`conduit conversations list` shows those there are",
            )
        said = conversations.whole(org, session, MOST_MESSAGES, MOST_CHARACTERS)
        if said is None:
            raise TooLarge(
                f"it has more than {MOST_MESSAGES:,} messages or {MOST_CHARACTERS:,} characters",
                where=session,
                hint="read it in parts with conversations.show: `limit` and `skip`",
            )
        view = notes.view(org, session, 0)
        document = document_of(session, known.title, said, view.pins, view.summary, view.settings)
        name = _NOT_IN_NAMES.sub("-", session).strip("-")[:_TITLE] or "conversation"
        if request.format == "json":
            return ExportedConversation(
                session, f"{name}.json", "application/json", _json(document)
            )
        title = known.title or " ".join(known.beginning.split())[:_TITLE]
        text = markdown_of(document, title)
        return ExportedConversation(session, f"{name}.md", "text/markdown", text)

    @block(
        "conversations.import",
        summary="Take in a conversation that was exported as JSON",
        by_hand=True,
        effects=Effects.WRITES_STATE,
    )
    def take_in(request: ImportConversation) -> ImportedConversation:
        org, document = current_call().principal.org_id, request.document
        session = request.session or document.session
        turns = turns_in(document)
        count = sum(len(turn) for _, turn in turns)
        if count > MOST_MESSAGES:
            raise TooLarge(f"it has {count:,} messages", hint=f"at most {MOST_MESSAGES:,}")
        if notes.there(org, session) or not conversations.take_in(org, session, turns):
            raise Conflict(
                "there is such a conversation already",
                where=session,
                hint="give it another name with `session`, or --as",
            )
        if document.title:
            conversations.rename(org, session, document.title)
        settings = document.settings.stored()
        if settings != ConversationSettings():
            notes.put_settings(org, session, settings)
        kept = [
            notes.pin(org, session, pin.role, pin.text, most=MOST_PINS, characters=MOST_PINNED)
            for pin in document.pins
        ]
        return ImportedConversation(session, count, sum(each is not None for each in kept))

    return (export, take_in)


def _json(document: ConversationDocument) -> str:
    text = json.dumps(json.loads(dumps(document)), indent=2, ensure_ascii=False) + "\n"
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
