"""Conversations as blocks: which there are, what was said in them, their titles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from conduit.agents.ask import HistoryMessage, shown
from conduit.agents.memory.blocks import (
    Pin,
    Summary,
    pins_shown,
    summary_shown,
)
from conduit.agents.memory.document import HowAnswered
from conduit.blocks import Block, Effects, Length, Range, block, current_call
from conduit.contracts.errors import NotFound
from conduit.store.conversation_notes import ConversationNotes
from conduit.store.conversations import Conversations, Found, StoredConversation

_TITLE = 60
"""Characters of the first prompt that make a title."""
_AROUND = 80
"""Characters that are shown on each side of what was found."""

SessionName = Annotated[str, Length(1, 200), "conversation"]


@dataclass(frozen=True, slots=True)
class ListConversations:
    """Which conversations to list, the one used last first."""

    before: Annotated[str, Length(0, 64), "go on after a list: its `next`"] = ""
    limit: Annotated[int, Range(1, 500)] = 50


@dataclass(frozen=True, slots=True)
class ConversationInfo:
    """A conversation. ``title`` is the one it was given, or how its first prompt begins; times
    are UTC in ISO 8601."""

    session: str
    title: str
    messages: int
    first_at: str
    last_at: str


@dataclass(frozen=True, slots=True)
class ConversationList:
    """Conversations; ``next`` is what to give as ``before`` for more, and empty at the end."""

    conversations: list[ConversationInfo]
    next: str


@dataclass(frozen=True, slots=True)
class ShowConversation:
    """Which conversation, and which part of it."""

    session: SessionName
    limit: Annotated[int, Range(1, 500)] = 100
    skip: Annotated[int, Range(0, 1_000_000_000), "leave out so many of the newest"] = 0


@dataclass(frozen=True, slots=True)
class ConversationDetails:
    """A conversation with the messages that were asked for, oldest first, and what is kept beside
    them."""

    conversation: ConversationInfo
    messages: list[HistoryMessage]
    pins: list[Pin]
    summary: Summary | None
    settings: HowAnswered


@dataclass(frozen=True, slots=True)
class RenameConversation:
    """A new title; the conversation keeps its name."""

    session: SessionName
    title: Annotated[str, Length(0, 200), "empty: how its first prompt begins"]


@dataclass(frozen=True, slots=True)
class ConversationName:
    """Which conversation."""

    session: SessionName


@dataclass(frozen=True, slots=True)
class DeletedConversation:
    """How many messages were deleted."""

    session: str
    deleted: int


@dataclass(frozen=True, slots=True)
class SearchConversations:
    """What to look for: these very characters, in capitals or not."""

    query: Annotated[str, Length(1, 200), "what was said"]
    limit: Annotated[int, Range(1, 100)] = 20


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that holds what was looked for: ``snippet[start:end]``."""

    session: str
    role: str
    created_at: str
    snippet: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Hits:
    """What was found, newest first."""

    hits: list[Hit]


def conversation_blocks(
    conversations: Conversations, notes: ConversationNotes
) -> tuple[Block[Any, Any], ...]:
    """``conversations.list``, ``.show``, ``.rename``, ``.delete`` and ``.search``."""

    @block("conversations.list", summary="List conversations", effects=Effects.READS)
    def list_all(request: ListConversations) -> ConversationList:
        org = current_call().principal.org_id
        found = conversations.listed(org, request.limit + 1, request.before)
        kept = found[: request.limit]
        more = kept[-1].newest if len(found) > len(kept) else ""
        return ConversationList([_info(each) for each in kept], more)

    @block("conversations.show", summary="Show what was said", effects=Effects.READS)
    def show(request: ShowConversation) -> ConversationDetails:
        org = current_call().principal.org_id
        info = _info(_known(conversations.one(org, request.session), request.session))
        found = conversations.page(org, request.session, request.limit, request.skip)
        kept = notes.view(org, request.session, 0)
        return ConversationDetails(
            info,
            [shown(each) for each in found],
            pins_shown(kept.pins),
            summary_shown(kept.summary),
            HowAnswered.of(kept.settings),
        )

    @block(
        "conversations.rename", summary="Give a conversation a title", effects=Effects.WRITES_STATE
    )
    def rename(request: RenameConversation) -> ConversationInfo:
        org = current_call().principal.org_id
        conversations.rename(org, request.session, request.title.strip())
        return _info(_known(conversations.one(org, request.session), request.session))

    @block(
        "conversations.delete",
        summary="Delete a conversation",
        by_hand=True,
        effects=Effects.WRITES_STATE,
    )
    def delete(request: ConversationName) -> DeletedConversation:
        org = current_call().principal.org_id
        noted = notes.there(org, request.session)
        deleted = conversations.reset(org, request.session)
        if not deleted and not noted:
            raise _unknown(request.session)
        return DeletedConversation(request.session, deleted)

    @block("conversations.search", summary="Find what was said", effects=Effects.READS)
    def search(request: SearchConversations) -> Hits:
        org = current_call().principal.org_id
        found = conversations.search(org, request.query, request.limit)
        return Hits([_hit(each, request.query) for each in found])

    return (list_all, show, rename, delete, search)


def _known(found: StoredConversation | None, session: str) -> StoredConversation:
    if found is None:
        raise _unknown(session)
    return found


def _unknown(session: str) -> NotFound:
    return NotFound(
        "there is no such conversation",
        where=session,
        hint="`conduit conversations list` shows those there are",
    )


def _info(stored: StoredConversation) -> ConversationInfo:
    return ConversationInfo(
        session=stored.session,
        title=stored.title or _made_title(stored.beginning),
        messages=stored.messages,
        first_at=stored.first_at.isoformat(),
        last_at=stored.last_at.isoformat(),
    )


def _made_title(prompt: str) -> str:
    line = " ".join(prompt.split())
    return line if len(line) <= _TITLE else f"{line[: _TITLE - 1].rstrip()}…"


def _hit(found: Found, query: str) -> Hit:
    """Nothing is marked where the database and Python disagree on what a capital is."""
    held = re.search(re.escape(query), found.content, re.IGNORECASE)
    start, end = held.span() if held else (0, 0)
    begin = max(0, start - _AROUND)
    return Hit(
        session=found.session,
        role=found.role,
        created_at=found.created_at.isoformat(),
        snippet=found.content[begin : end + _AROUND],
        start=start - begin,
        end=end - begin,
    )
