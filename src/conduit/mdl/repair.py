"""What was changed to make an answer fit, and what it cost.

A cost is a small whole number: how far the change is from what was written. Of several readings of
one answer the cheapest is taken, so the numbers matter only against each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

COSTS = {
    # the text around the value, or its syntax
    "around": 1,
    "comment": 1,
    "comma": 1,
    "number": 1,
    "constant": 1,
    "quotes": 1,
    "escape": 1,
    "unquoted": 2,
    "colon": 2,
    "ellipsis": 2,
    "string": 3,
    "bracket": 3,
    "truncated": 20,
    # the value itself
    "whole": 1,
    "key": 1,
    "choice": 1,
    "converted": 2,
    "pairs": 2,
    "listed": 3,
    "unlisted": 5,
    "wrapper": 3,
    "default": 3,
    "extra": 4,
    "duplicate": 10,
    "left_out": 20,
}
"""By kind:

==============  ================================================================================
``around``      text before or after the value: prose, a fence, thoughts
``comment``     a comment was left out
``comma``       a comma too many, or one missing
``number``      a number as JSON does not write it: ``+1``, ``.5``, ``0xff``
``constant``    ``True``, ``None``, ``NULL``
``quotes``      other quotes than ``"``
``escape``      a backslash before what needs none, or a raw control character
``unquoted``    a key or a text without quotes
``colon``       another sign than ``:``, or none
``ellipsis``    ``...`` in the place of a value was left out
``string``      a quote inside a text, or one that is missing
``bracket``     a bracket that is missing or of the other kind
``truncated``   the text ends before the value does
``whole``       ``3.0`` for 3
``key``         a key in another case or style of writing
``choice``      an enum or Literal in another case or style, or a member's name
``converted``   ``"3"`` for 3, ``"true"`` for true, 3 for ``"3"``
``pairs``       a list of ``[key, value]`` for an object
``listed``      one value where a list is wanted
``unlisted``    a list of one where a value is wanted
``wrapper``     an object or a list around the value, or one missing around it
``default``     null for a field that has a default
``extra``       a field that nobody asked for was left out
``duplicate``   a key was written twice: the last one counts
``left_out``    an unfinished value at the end was left out
==============  ================================================================================
"""


@dataclass(frozen=True, slots=True)
class Repair:
    """One change. ``path`` is the field (``files[2].name``), empty for the text as a whole;
    ``kind`` is one of ``COSTS``; ``note`` says what was there."""

    kind: str
    path: str
    cost: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Parsed(Generic[T]):
    """A value and what had to be changed to read it. ``exact`` when nothing had to."""

    value: T
    repairs: tuple[Repair, ...] = ()

    @property
    def exact(self) -> bool:
        return not self.repairs

    @property
    def cost(self) -> int:
        return sum(repair.cost for repair in self.repairs)
