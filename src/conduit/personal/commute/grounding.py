"""What a destination means, through the gate: a place, or a meeting that is at one.

A model often gives the title of a meeting as the destination. It is not trusted with knowing where
that is: the words are looked up among the places, then among the meetings, whose own location is
looked up in turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from conduit.blocks import Gate
from conduit.contracts.errors import (
    ConduitError,
    ConfigError,
    RateLimited,
    TimedOut,
    Unavailable,
)
from conduit.personal.calendar.blocks import Event, Events, NextEvent
from conduit.personal.places.blocks import ResolvedPlace, ResolvePlace
from conduit.personal.places.words import address_words, is_address, words_of

_MOST_EVENTS: Final = 20
_MEETING: Final = frozenset("meeting meetings appointment event".split())
_MARKS: Final = ".,;:!?()[]“”\"'"
_FILLING: Final = frozenset("the my our a an next with for to at of".split())


@dataclass(frozen=True, slots=True)
class CommuteStep:
    """A block that was called on the way, and what came of it."""

    block: str
    said: str


class Grounding:
    """Looks things up through the gate, as whoever is being served, and notes each step."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.steps: list[CommuteStep] = []
        self.untrusted = False
        """Whether anything that was found was written by strangers."""

    async def call(self, block: str, data: object) -> Any:
        return await self._gate.acall(block, data)

    async def place(self, text: str, *, saved_only: bool = False) -> ResolvedPlace:
        """What words mean. Raises as ``places.resolve`` does."""
        wish = ResolvePlace(text, locate=True, saved_only=saved_only)
        try:
            found: ResolvedPlace = await self.call("places.resolve", wish)
        except (Unavailable, RateLimited, TimedOut, ConfigError) as error:
            if saved_only:
                raise
            self.note("places.resolve", f"“{text[:80]}”: {error.message}")
            return await self.place(text, saved_only=True)  # nobody else is asked for that
        said = found.status if found.place is None else f"{found.place.title}, by its {found.how}"
        self.note("places.resolve", f"“{text[:80]}”: {said}")
        return found

    async def events(self, title: str, after: str = "") -> Events:
        """The next events, with these words in their title, perhaps only ``after`` a moment. Raises
        as ``calendar.next`` does."""
        wish = NextEvent(title=" ".join(_telling(title)), after=after, count=_MOST_EVENTS)
        found: Events = await self.call("calendar.next", wish)
        return found

    async def destination(self, text: str) -> ResolvedPlace:
        """A place by its own words, or by those of a meeting that has them as its title. Nobody
        else is asked about words before it is known that they are no meeting's."""
        found = await self.place(text, saved_only=True)
        if found.status != "unknown":
            return found
        if _telling(text) or _MEETING.intersection(words_of(text)):
            try:
                ahead = await self.events(text)
            except ConduitError:  # none that may be read: it is an unknown place
                ahead = None
            there = [each for each in ahead.events if each.location] if ahead else []
            event = next((each for each in there if not each.online), None)
            if event is not None:
                self.read(event)
                return await self.of_event(event)
        return await self.place(text) if is_address(address_words(text)) else found

    async def of_event(self, event: Event) -> ResolvedPlace:
        """Where a meeting is: by its location, or by what its title mentions."""
        found = None
        if event.location and not event.online:
            found = await self.place(event.location)
            if found.status != "unknown":
                return found
        named = await self.place(event.title, saved_only=True) if event.title else None
        if named is not None and named.place is not None:
            return named
        return found or named or ResolvedPlace("unknown", "", "")

    def read(self, event: Event) -> None:
        """Note that an event was read: from here on there are words of strangers."""
        self.untrusted = True
        self.note("calendar.next", f"“{event.title[:80]}” at {event.start}")

    def note(self, block: str, said: str) -> None:
        self.steps.append(CommuteStep(block, said))


def _telling(title: str) -> list[str]:
    """The words of a title that tell it from others: of “the board meeting” that is “board”."""
    words = (word.strip(_MARKS) for word in title[:200].casefold().split())
    return [word for word in words if word and word not in _MEETING | _FILLING][:20]
