"""What a sentence can mean to the offline agent."""

from __future__ import annotations

from dataclasses import dataclass

Value = str | int | float | list[str]


@dataclass(frozen=True, slots=True)
class MakeGroove:
    """Render a groove: the arguments of ``groove.render``, and what had to be left out."""

    arguments: dict[str, Value]
    understood: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListStyles:
    """Show the styles there are."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something the documentation may answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Beyond:
    """Something the offline agent cannot do, and what would enable it."""

    what: str
    enable: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Something that needs no tool: a greeting, a word of thanks, a limit, the last groove."""

    text: str


Intent = MakeGroove | ListStyles | Question | Beyond | Answer
