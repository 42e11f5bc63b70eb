"""What a sentence can mean to the offline agent."""

from __future__ import annotations

from dataclasses import dataclass, field

Value = str | int | float | list[str]


@dataclass(frozen=True, slots=True)
class MakeGroove:
    """Render a groove. ``arguments`` are those of ``groove.render``; ``remarks`` say what was left out."""

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
class Greeting:
    """Nothing was asked yet."""


Intent = MakeGroove | ListStyles | Question | Beyond | Greeting


@dataclass(slots=True)
class Draft:
    """Arguments being collected while a sentence is read."""

    arguments: dict[str, Value] = field(default_factory=dict)
    understood: list[str] = field(default_factory=list)

    def put(self, name: str, value: Value, said: str) -> None:
        """Set an argument once; the first reading of a sentence wins."""
        if name not in self.arguments:
            self.arguments[name] = value
            self.understood.append(said)
