"""What a sentence can mean to the offline agent."""

from __future__ import annotations

from dataclasses import dataclass

from conduit.contracts.json import JsonObject

Value = str | int | float | list[str]


@dataclass(frozen=True, slots=True)
class MakeGroove:
    """Render a groove: the arguments of ``groove.render``, and what had to be left out."""

    arguments: dict[str, Value]
    understood: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SitLike:
    """Render a groove with some layers like a sound: ``groove.sit_like``. ``groove`` are the
    arguments of ``groove.render``, ``loop`` is the id of the sound, ``name`` what it is called."""

    groove: dict[str, Value]
    loop: str
    name: str
    layers: tuple[str, ...]
    amount: float = 1.0
    understood: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MorphGrooves:
    """Render what is between two grooves, each a source as ``groove.morph`` takes it; ``steps``
    instead of one groove so many."""

    one: JsonObject
    two: JsonObject
    amount: float = 0.5
    steps: int | None = None
    bars: int | None = None


@dataclass(frozen=True, slots=True)
class MakeSound:
    """Render a MIDI file to sound: ``audio.render``. Without an id it is the one that this very
    sentence makes."""

    midi: str = ""


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


@dataclass(frozen=True, slots=True)
class SaveConfig:
    """Keep a groove under a name: the arguments of ``groove.render``, or a config to copy. One
    that sits like a sound is kept as the whole ``config`` that was played, which for a groove of
    this very sentence is in the result before."""

    name: str
    groove: dict[str, Value] | None = None
    like: str = ""
    replace: bool = False
    sat: bool = False
    config: JsonObject | None = None
    groove_id: str = ""


@dataclass(frozen=True, slots=True)
class RenderSaved:
    """Render a config to files, with other bars, tempo, swing or seed."""

    name: str
    overrides: dict[str, Value]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeSaved:
    """Change a config by the words of a sentence, which may mean "more than now"."""

    name: str
    words: str


@dataclass(frozen=True, slots=True)
class ShowConfig:
    """Show what a config holds."""

    name: str


@dataclass(frozen=True, slots=True)
class ListConfigs:
    """Show the configs there are; ``examples``: those that Conduit brings along."""

    examples: bool = False


@dataclass(frozen=True, slots=True)
class MakePhrase:
    """Render a phrase that leads somewhere: the arguments of ``groove.render_phrase``."""

    arguments: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Help:
    """Say how something is asked for."""

    topic: str


@dataclass(frozen=True, slots=True)
class CallBlock:
    """Something about places, ways and meetings: one tool says all of it."""

    tool: str
    arguments: dict[str, Value]


FileIntent = SaveConfig | RenderSaved | ChangeSaved | ShowConfig | ListConfigs | MakePhrase | Help
Music = MakeGroove | SitLike | MorphGrooves
Intent = Music | MakeSound | ListStyles | Question | Beyond | Answer | CallBlock | FileIntent
