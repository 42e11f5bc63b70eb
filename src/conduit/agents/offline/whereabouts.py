"""Reading and telling what is about places, ways and meetings.

“When should I leave?”, “how long to the office?”, “save my office as 1 King Street West, Toronto”,
“it takes 35 minutes to the office”, “what is my next meeting?”, “where is work?”.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

from conduit.agents.intents.table import meant_by
from conduit.agents.offline.intent import CallBlock, Value
from conduit.blocks import decode
from conduit.personal.calendar.blocks import Events
from conduit.personal.commute.blocks import CommuteTime, SavedCommute
from conduit.personal.commute.leaving import Departure
from conduit.personal.commute.ways import Mode
from conduit.personal.places.blocks import Place, PlaceList, ResolvedPlace
from conduit.personal.places.words import COMMON, address_words, is_address, place_key

_PLEASE: Final = r"^\W*(?:(?:please|now|ok|so|and|hey)[, ]+)*(?:(?:can|could|would) you\s+)?"
_SAVE: Final = re.compile(
    rf"{_PLEASE}(?:save|remember|note|store)(?: that)?\s+(?:my\s+|the\s+)?"
    r"(?P<name>[^,.;:!?]{1,60}?)\s+(?:as|is(?: at| in)?|at)\s+(?P<address>.{5,300})$",
    re.IGNORECASE,
)
_IS_AT: Final = re.compile(
    r"^\W*my\s+(?P<name>[\w -]{1,40}?)\s+is\s+(?:at|in)\s+(?P<address>.{5,300})$", re.IGNORECASE
)
_TAKES: Final = re.compile(
    r"\b(?:it takes(?: me)?|i need)\s+(?P<minutes>\d{1,4})\s*(?:min(?:ute)?s?)\b"
    r"(?:\s+(?:from\s+(?P<origin>[^,.;:!?]{1,60}?)))?\s+to(?:\s+get\s+to)?\s+"
    r"(?P<place>[^,.;:!?]{1,60}?)\W*$",
    re.IGNORECASE,
)
_NEXT: Final = re.compile(
    r"^\W*(?:what(?:'s| is)|when(?:'s| is)|where(?:'s| is)|show(?: me)?)\s+(?:my|the)\s+next\s+"
    r"(?:meeting|appointment|event)\W*$",
    re.IGNORECASE,
)
_AGENDA: Final = re.compile(
    r"^\W*(?:what(?:'s| is)|show(?: me)?|list)\s+(?:on |in )?my\s+(?:calendar|agenda|meetings|"
    r"appointments)(?:\s+(?P<day>today))?\W*$",
    re.IGNORECASE,
)
_PLACES: Final = re.compile(
    r"^\W*(?:what are|show(?: me)?|list|which are)\s+(?:all\s+)?my\s+places\W*$", re.IGNORECASE
)
_WHERE: Final = re.compile(
    r"^\W*where\s+(?:is|'s)\s+(?:my\s+|the\s+)?(?P<place>[\w -]{2,40}?)\W*$", re.IGNORECASE
)
_GOING: Final[tuple[tuple[str, Mode], ...]] = (
    (r"\b(?:walk(?:ing)?|on foot)\b", "walking"),
    (r"\b(?:cycl(?:e|ing)|bike|bicycle|ride)\b", "cycling"),
    (r"\b(?:transit|bus|train|subway|tram|public transport)\b", "transit"),
)
_EVERYBODYS: Final = frozenset().union(*COMMON)
_MUSIC: Final = frozenset("bar bars beat beats groove grooves render loop drop phrase".split())
_STREETS: Final = frozenset(
    "street avenue road boulevard drive lane way place square court crescent terrace strasse platz "
    "allee highway parkway quay rue weg".split()
)
_BY: Final = re.compile(
    r"\b(?:by|before|until)\s+(?P<time>\d{1,2}(?::\d\d)?\s*(?:am|pm)?)\b", re.IGNORECASE
)
_DAY: Final = re.compile(r"\b(?:today|tomorrow)\b", re.IGNORECASE)
_MOST: Final = 8


def read_whereabouts(prompt: str) -> CallBlock | None:
    """What a sentence asks for about places; None for one that is about anything else."""
    text = " ".join(prompt.split())
    found = _SAVE.match(text) or _IS_AT.match(text)
    if found and _is_surely_an_address(found["address"]):
        address = found["address"].strip(" .,;!?")
        wish: dict[str, Value] = {"name": found["name"].strip(), "address": address}
        return CallBlock("places_save", wish)
    if found := _TAKES.search(text):
        way: dict[str, Value] = {"destination": found["place"], "minutes": int(found["minutes"])}
        if found["origin"]:
            way["origin"] = found["origin"]
        return CallBlock("commute_save", {**way, **_mode(text)})
    if _NEXT.match(text):
        return CallBlock("calendar_next", {})
    if found := _AGENDA.match(text):
        return CallBlock("calendar_list", {"days": 1 if found["day"] else 7})
    if _PLACES.match(text):
        return CallBlock("places_list", {})
    if (found := _WHERE.match(text)) and place_key(found["place"]) in _EVERYBODYS:
        return CallBlock("places_resolve", {"text": found["place"]})
    return _going(text)


def _going(text: str) -> CallBlock | None:
    """When to leave, and how long it takes, by the same table that models are guided by."""
    meant = meant_by(text)
    if meant is None:
        return None
    if meant.intent.only_known:
        if not _says_a_place(meant.place):
            return None
        start: dict[str, Value] = {"origin": meant.start} if meant.start else {}
        return CallBlock("commute_time", {"destination": meant.place, **start, **_mode(text)})
    wish: dict[str, Value] = _mode(text)
    if found := _DAY.search(text):
        wish["day"] = found[0].casefold()
    if found := _BY.search(text):
        wish["arrive_by"] = " ".join(found["time"].split())
    if meant.place:  # the words of a meeting do as well: they are looked up
        key = "destination" if _says_a_place(meant.place) else "meeting"
        wish[key] = place_key(meant.place) if key == "meeting" else meant.place
    return CallBlock("commute_leave", wish)


def _is_surely_an_address(words: str) -> bool:
    """An address with a word for a kind of street in it, or its parts between commas."""
    said = address_words(words)
    return is_address(said) and (
        "," in words or any(word in _STREETS or word.endswith("strasse") for word in said)
    )


def _says_a_place(words: str) -> bool:
    """Whether words can only mean a place, without knowing which there are."""
    if not _MUSIC.isdisjoint(words.casefold().split()):
        return False
    if place_key(words) in _EVERYBODYS or is_address(address_words(words)):
        return True
    return words[:1].isupper() or (words.startswith("my ") and len(words.split()) < 4)


def _mode(text: str) -> dict[str, Value]:
    said = next((mode for words, mode in _GOING if re.search(words, text, re.IGNORECASE)), None)
    return {"mode": said} if said else {}


def told_whereabouts(tool: str, result: dict[str, Any]) -> str:
    """What one of these tools answered, in words. Raises ``InvalidInput`` for what it cannot have
    answered."""
    match tool:
        case "commute_leave":
            return _told_departure(decode(Departure, result))
        case "commute_time":
            return _told_time(decode(CommuteTime, result))
        case "commute_save":
            saved = decode(SavedCommute, result)
            return (
                f"Noted: {saved.minutes} minutes from {saved.origin} to {saved.destination}. "
                "Next: “when should I leave?”."
            )
        case "places_save":
            return (
                f"Saved {_place(decode(Place, result))}. Next: “how long to my {result['name']}?”."
            )
        case "places_list":
            return _told_places(decode(PlaceList, result))
        case "places_resolve":
            resolved = decode(ResolvedPlace, result)
            return f"{_place(resolved.place)}." if resolved.place else resolved.question
        case _:
            return _told_events(decode(Events, result))


def _told_departure(found: Departure) -> str:
    if found.status == "question":
        return found.question
    leave, arrive = _clock(found.leave_at), _clock(found.arrive_by)
    where = _place(found.destination) if found.destination else "there"
    what = (
        f"“{found.event.title}” begins at {arrive}" if found.event else f"to be there at {arrive}"
    )
    late = " That has passed: you will be late." if found.late else ""
    return (
        f"Leave at **{leave}** for {where}: {what}, and the way takes {found.minutes} minutes "
        f"({found.basis}).{late}"
    )


def _told_time(found: CommuteTime) -> str:
    if found.status == "question":
        return f"{found.question} Say “it takes 35 minutes to …”, and I keep it."
    ends = [each.title for each in (found.origin, found.destination) if each]
    return f"{found.minutes} minutes from {' to '.join(ends)} ({found.basis})."


def _told_places(found: PlaceList) -> str:
    if not found.places:
        return "No places are saved yet. Say “save my office as 1 King Street West, Toronto”."
    return "Your places:\n\n" + "\n".join(f"- {_place(each)}" for each in found.places[:50])


def _told_events(found: Events) -> str:
    if not found.calendars:
        return "No calendar is added yet: `conduit calendar add work calendar.ics` adds one."
    if not found.events:
        return "Nothing is in your calendar for that time."
    lines = [
        f"- {_clock(each.start)}: {each.title or 'an event'}"
        + (f", {each.location}" if each.location else "")
        for each in found.events[:_MOST]
    ]
    more = len(found.events) - _MOST
    return "\n".join(lines) + (f"\n\nand {more} more." if more > 0 else "")


def _place(place: Place | None) -> str:
    if place is None:
        return ""
    return f"{place.title} ({place.address})" if place.address else place.title


def _clock(moment: str) -> str:
    try:
        return f"{datetime.fromisoformat(moment):%H:%M on %A, %d %B}"
    except ValueError:  # a caller of the API may send anything as a tool's result
        return moment[:40]
