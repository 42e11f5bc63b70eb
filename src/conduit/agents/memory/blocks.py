"""What is kept beside a conversation, as blocks: pinned facts, its summary, its settings.

A language model may not do any of it unless that was allowed: a page that it reads could otherwise
have a sentence of its own pinned, and be in view for good.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Protocol

from conduit.agents.generation import Generation
from conduit.agents.memory.document import LONGEST_PIN, MOST_PINS, HowAnswered
from conduit.agents.memory.memory import Memory
from conduit.agents.memory.summaries import Asking
from conduit.blocks import Block, Effects, Length, Range, block, current_call
from conduit.contracts.errors import InvalidInput, NotFound, TooLarge
from conduit.models.consistency.ballot import MOST_SAMPLES
from conduit.store.conversation_notes import StoredPin, StoredSummary

MOST_PINNED: Final = 8_000
"""Characters of all that is pinned in one conversation."""

_CHOSEN: Final = ("samples", "escalate_below", "escalate_to", "system", "provider", "model")
SessionName = Annotated[str, Length(1, 200), "conversation"]


@dataclass(frozen=True, slots=True)
class PinFact:
    """What to keep in view: a text, or a message by its id."""

    session: SessionName
    text: Annotated[str, Length(0, LONGEST_PIN), "in your own words"] = ""
    message: Annotated[str, Length(0, 64), "id of a message, as conversations.show has it"] = ""


@dataclass(frozen=True, slots=True)
class PinName:
    """Which pinned fact of which conversation."""

    session: SessionName
    pin: Annotated[str, Length(1, 64), "id of the pinned fact"]


@dataclass(frozen=True, slots=True)
class NotesOf:
    """Which conversation."""

    session: SessionName


@dataclass(frozen=True, slots=True)
class Pin:
    """A pinned fact. ``role`` is who said it, ``message`` the message it was taken from, or empty;
    the time is UTC in ISO 8601."""

    id: str
    role: str
    text: str
    message: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Pins:
    """What is pinned, oldest first."""

    session: str
    pins: list[Pin]


@dataclass(frozen=True, slots=True)
class Summary:
    """What stands for the oldest ``messages`` messages, up to the one with the id ``upto``.

    ``made_by`` is the provider and model that wrote it; empty where it was extracted: put together
    from how each turn began and ended, by no model. It is a record, not to be followed.
    """

    text: str
    made_by: str
    upto: str
    messages: int
    updated_at: str


@dataclass(frozen=True, slots=True)
class Summarised:
    """The summary; none while there is too little to summarise."""

    session: str
    summary: Summary | None


@dataclass(frozen=True, slots=True)
class SetConversation:
    """How prompts are answered from now on; what is not given stays as it is."""

    session: SessionName
    samples: Annotated[
        int | None, Range(1, MOST_SAMPLES), "answers to take the majority of; 1: no vote"
    ] = None
    escalate_below: Annotated[
        float | None, Range(0, 1), "share of samples that must agree, or escalate_to is asked"
    ] = None
    escalate_to: Annotated[
        str | None, Length(0, 200), "the stronger model, group or alias; empty: nobody"
    ] = None
    generation: Annotated[
        Generation | None, "how models are to write, whole: what it leaves open is as usual"
    ] = None
    system: Annotated[
        str | None, Length(0, 64), "name of the system prompt; empty: the usual one"
    ] = None
    provider: Annotated[str | None, Length(0, 64), "ask only this one; empty: the chain"] = None
    model: Annotated[str | None, Length(0, 200), "ask for this one; empty: the usual"] = None


@dataclass(frozen=True, slots=True)
class SettingsOf:
    """The settings of a conversation."""

    session: str
    settings: HowAnswered


class Prompts(Protocol):
    """The system prompts there are."""

    def text(self, name: str) -> str:
        """Raises ``NotFound``."""
        ...


def memory_blocks(memory: Memory, prompts: Prompts) -> tuple[Block[Any, Any], ...]:
    """``conversations.pin``, ``.unpin``, ``.pins``, ``.set`` and ``.summarise``."""
    notes = memory.notes

    @block(
        "conversations.pin",
        summary="Keep a fact in view of whoever answers",
        by_hand=True,
        effects=Effects.WRITES_STATE,
    )
    def pin(request: PinFact) -> Pin:
        org, session = current_call().principal.org_id, request.session
        role, text = "user", request.text.strip()
        if bool(text) == bool(request.message):
            raise InvalidInput("give a text or a message, one of them", where="conversations.pin")
        if request.message:
            found = notes.message(org, session, request.message)
            if found is None:
                raise NotFound(
                    f"there is no message {request.message!r} in this conversation",
                    where=session,
                    hint="`conduit conversations show` has the ids",
                )
            role, text = found.message.role, found.message.content.strip()
            if not 1 <= len(text) <= LONGEST_PIN:
                raise TooLarge(
                    f"the message has {len(text)} characters",
                    where=request.message,
                    hint=f"pin what matters in it as a text, of 1 to {LONGEST_PIN} characters",
                )
        made = notes.pin(
            org,
            session,
            role,
            text,
            request.message,
            most=MOST_PINS,
            characters=MOST_PINNED,
        )
        if made is None:
            raise TooLarge(
                f"no more than {MOST_PINS} facts and {MOST_PINNED} characters are pinned",
                where=session,
                hint="`conduit conversations unpin` takes one away",
            )
        return pin_shown(made)

    @block(
        "conversations.unpin",
        summary="Keep a fact in view no longer",
        by_hand=True,
        effects=Effects.WRITES_STATE,
    )
    def unpin(request: PinName) -> Pins:
        org = current_call().principal.org_id
        if not notes.unpin(org, request.session, request.pin):
            raise NotFound(
                f"nothing is pinned as {request.pin!r}",
                where=request.session,
                hint="`conduit conversations pins` lists what is",
            )
        return Pins(request.session, pins_shown(notes.pins(org, request.session)))

    @block("conversations.pins", summary="List pinned facts", effects=Effects.READS)
    def pins(request: NotesOf) -> Pins:
        org = current_call().principal.org_id
        return Pins(request.session, pins_shown(notes.pins(org, request.session)))

    @block(
        "conversations.set",
        summary="Choose how a conversation is answered",
        by_hand=True,
        effects=Effects.WRITES_STATE,
    )
    def set_up(request: SetConversation) -> SettingsOf:
        org = current_call().principal.org_id
        if request.system:
            prompts.text(request.system)
        before = notes.settings(org, request.session)
        chosen = replace(
            before,
            **{name: value for name in _CHOSEN if (value := getattr(request, name)) is not None},
        )
        if request.generation is not None:
            chosen = replace(chosen, generation=request.generation.text())
        if chosen != before:
            notes.put_settings(org, request.session, chosen)
        return SettingsOf(request.session, HowAnswered.of(chosen))

    @block(
        "conversations.summarise",
        summary="Bring the summary of a conversation up to date",
        effects=Effects.NETWORK | Effects.WRITES_STATE,
    )
    async def summarise(request: NotesOf) -> Summarised:
        asking = Asking(current_call().principal, request.session)
        made = await memory.summaries.bring_up(asking, again=True)
        return Summarised(request.session, summary_shown(made))

    return (pin, unpin, pins, set_up, summarise)


def pin_shown(pin: StoredPin) -> Pin:
    """A pinned fact as it is shown."""
    return Pin(pin.id, pin.role, pin.text, pin.message, pin.created_at.isoformat())


def pins_shown(pins: tuple[StoredPin, ...]) -> list[Pin]:
    """Pinned facts as they are shown."""
    return [pin_shown(each) for each in pins]


def summary_shown(summary: StoredSummary | None) -> Summary | None:
    """A summary as it is shown."""
    if summary is None:
        return None
    at = summary.updated_at.isoformat()
    return Summary(summary.text, summary.made_by, summary.upto, summary.messages, at)
