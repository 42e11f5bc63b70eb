"""Which Flex Data messages carry an envelope, and which its label for people.

Written: *Unknown Metadata Text* with the JSON alone, or *Ruby* with the label and *Ruby Language*
with the JSON. Read: either, and the two of the second in either place, because nothing but the
proposal says which is which: what begins like JSON is for the machine.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Literal

from conduit.midi.flex import FlexText, text_packets

METADATA: Final = (0x01, 0x00)
"""Bank and status of Unknown Metadata Text."""
PERFORMANCE: Final = (0x02, 0x00)
"""Unknown Performance Text."""
RUBY: Final = (0x02, 0x03)
RUBY_LANGUAGE: Final = (0x02, 0x04)
MOST_LABEL: Final = 120
_MOST_PLACES: Final = 272
"""Each of 16 groups, and each of its 16 channels."""

Carrier = Literal["metadata", "ruby"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message belongs: a group, and a channel of it or all of them. ``carrier`` is how its
    sender writes, so that the reply can be written alike."""

    group: int = 0
    channel: int | None = None
    carrier: Carrier = "metadata"


@dataclass(frozen=True, slots=True)
class Carried:
    """A text for the machine (``text`` is JSON, or ought to be) or for people only (``text`` is
    empty)."""

    place: Place
    text: str
    label: str = ""


class CarrierReader:
    """Sorts the texts of one sender. A label is kept until the JSON that it belongs to is there."""

    def __init__(self) -> None:
        self._labels: OrderedDict[tuple[int, int | None], str] = OrderedDict()

    def read(self, text: FlexText) -> Carried | None:
        """What a text carries; None for one that is neither for us nor metadata."""
        kind = (text.bank, text.status)
        if kind in (METADATA, PERFORMANCE):
            place = Place(text.group, text.channel)
            if looks_like_json(text.text):
                return Carried(place, text.text)
            return Carried(place, "", text.text)
        if kind not in (RUBY, RUBY_LANGUAGE):
            return None
        where = (text.group, text.channel)
        if looks_like_json(text.text):
            label = self._labels.pop(where, "")
            return Carried(Place(*where, "ruby"), text.text, label)
        self._labels[where] = text.text[:MOST_LABEL]
        if len(self._labels) > _MOST_PLACES:
            self._labels.popitem(last=False)
        return None


def looks_like_json(text: str) -> bool:
    """Whether a text is meant for the machine: an object or a list."""
    return text.lstrip()[:1] in ("{", "[")


def words_of(place: Place, text: str, label: str = "") -> list[int]:
    """The words of a text. A label travels only where there is a place for it."""
    if place.carrier == "metadata":
        return _packets(place, METADATA, text)
    shown = label[:MOST_LABEL].replace("\0", "")
    return [*_packets(place, RUBY, shown), *_packets(place, RUBY_LANGUAGE, text)]


def _packets(place: Place, kind: tuple[int, int], text: str) -> list[int]:
    bank, status = kind
    return text_packets(text, group=place.group, channel=place.channel, bank=bank, status=status)
