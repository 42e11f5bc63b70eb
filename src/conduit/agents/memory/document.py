"""A conversation as a document that another Conduit, or this one, can take in again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from conduit.agents.generation import AS_USUAL, Generation, generation_in
from conduit.agents.memory.turns import turns_of
from conduit.blocks import Length, Range
from conduit.contracts.chat import Message, ToolCall
from conduit.contracts.errors import InvalidInput
from conduit.models.consistency.ballot import MOST_SAMPLES
from conduit.store.conversation_notes import ConversationSettings, StoredPin, StoredSummary
from conduit.store.conversations import StoredMessage

FORMAT: Final = "conduit.conversation.v1"
MOST_MESSAGES: Final = 10_000
MOST_CHARACTERS: Final = 16_000_000
MOST_PINS: Final = 20
LONGEST_PIN: Final = 1_000

Speaker = Literal["user", "assistant", "tool"]
"""Who says something in a conversation. The system does not: it is whoever answers it."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message. A tool's says by ``tool_call_id`` which call it answers."""

    role: Speaker
    content: Annotated[str, Length(0, MOST_CHARACTERS)]
    tool_calls: Annotated[tuple[ToolCall, ...], Length(0, MOST_MESSAGES)] = ()
    tool_call_id: Annotated[str, Length(0, 1000)] = ""


@dataclass(frozen=True, slots=True)
class SaidTurn:
    """What a person said, with everything up to the answer. ``at`` is UTC in ISO 8601."""

    at: Annotated[str, Length(1, 64)]
    messages: Annotated[tuple[Said, ...], Length(1, MOST_MESSAGES)]


@dataclass(frozen=True, slots=True)
class PinnedText:
    """A pinned fact, and who said it."""

    role: Speaker
    text: Annotated[str, Length(1, LONGEST_PIN)]


@dataclass(frozen=True, slots=True)
class WrittenSummary:
    """The summary, to be read: it is made anew where the document is taken in. ``made_by`` is
    empty where no model made it."""

    text: str
    made_by: str
    messages: int


@dataclass(frozen=True, slots=True)
class HowAnswered:
    """The settings of a conversation: how its prompts are answered that do not say it."""

    samples: Annotated[int, Range(1, MOST_SAMPLES)] = 1
    escalate_below: Annotated[float, Range(0, 1)] = 0.6
    escalate_to: Annotated[str, Length(0, 200)] = ""
    generation: Generation = AS_USUAL
    system: Annotated[str, Length(0, 64)] = ""
    provider: Annotated[str, Length(0, 64)] = ""
    model: Annotated[str, Length(0, 200)] = ""

    @classmethod
    def of(cls, stored: ConversationSettings) -> HowAnswered:
        """As they are stored."""
        return cls(
            stored.samples,
            stored.escalate_below,
            stored.escalate_to,
            generation_in(stored.generation),
            stored.system,
            stored.provider,
            stored.model,
        )

    def stored(self) -> ConversationSettings:
        """As they are to be stored."""
        return ConversationSettings(
            self.samples,
            self.escalate_below,
            self.escalate_to,
            self.generation.text(),
            self.system,
            self.provider,
            self.model,
        )


@dataclass(frozen=True, slots=True)
class ConversationDocument:
    """All of a conversation."""

    format: Literal["conduit.conversation.v1"]
    session: Annotated[str, Length(1, 200)]
    title: Annotated[str, Length(0, 200), "empty: none was given"]
    turns: Annotated[tuple[SaidTurn, ...], Length(1, MOST_MESSAGES)]
    pins: Annotated[tuple[PinnedText, ...], Length(0, MOST_PINS)] = ()
    settings: HowAnswered = HowAnswered()
    summary: WrittenSummary | None = None


def document_of(
    session: str,
    title: str,
    messages: Sequence[StoredMessage],
    pins: Sequence[StoredPin],
    summary: StoredSummary | None,
    settings: ConversationSettings,
) -> ConversationDocument:
    """What is stored of a conversation, as a document."""
    return ConversationDocument(
        FORMAT,
        session,
        title,
        tuple(
            SaidTurn(
                turn.messages[0].created_at.astimezone(UTC).isoformat(),
                tuple(_said(each.message) for each in turn.messages),
            )
            for turn in turns_of(messages)
        ),
        tuple(PinnedText(_speaker(pin.role), pin.text) for pin in pins),
        HowAnswered.of(settings),
        WrittenSummary(summary.text, summary.made_by, summary.messages) if summary else None,
    )


def turns_in(document: ConversationDocument) -> list[tuple[datetime, list[Message]]]:
    """The turns, with when they were. Raises ``InvalidInput`` for one that no conversation has."""
    return [(_time(turn.at, at), _checked(turn, at)) for at, turn in enumerate(document.turns)]


def _said(message: Message) -> Said:
    return Said(_speaker(message.role), message.content, message.tool_calls, message.tool_call_id)


def _speaker(role: str) -> Speaker:
    return "user" if role == "user" else "tool" if role == "tool" else "assistant"


def _checked(turn: SaidTurn, at: int) -> list[Message]:
    """A turn as it is stored: a person says something, each call has its result, and the last word
    is the answer; anything else every provider would refuse from then on."""
    roles = [each.role for each in turn.messages]
    if roles[0] != "user" or "user" in roles[1:]:
        raise _unfit(at, "it does not begin with the one message of a person")
    open_calls: list[str] = []
    for said in turn.messages[1:]:
        if said.role == "tool":
            if said.tool_call_id not in open_calls or said.tool_calls:
                raise _unfit(at, "a tool answers a call that nobody made")
            open_calls.remove(said.tool_call_id)
        elif open_calls:
            raise _unfit(at, "a call has no result")
        else:
            open_calls = [call.id for call in said.tool_calls]
    if roles[-1] == "tool" or open_calls:
        raise _unfit(at, "it has no answer at its end")
    return [
        Message(each.role, each.content, each.tool_calls, each.tool_call_id)
        for each in turn.messages
    ]


def _time(text: str, at: int) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise _unfit(at, f"{text[:40]!r} is no time") from None


def _unfit(at: int, why: str) -> InvalidInput:
    return InvalidInput(
        f"this is not a turn of a conversation: {why}",
        where=f"document.turns[{at}]",
        hint="take in what `conduit conversations export` wrote, unchanged",
    )
