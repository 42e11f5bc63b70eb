"""Rules between the fields of the optional parts of a config."""

from __future__ import annotations

from collections.abc import Sequence

from conduit.contracts.errors import InvalidInput
from conduit.rhythm.conditions import parse_condition
from conduit.rhythm.config import EngineConfig, LayerConfig
from conduit.rhythm.limits import MAX_STEPS
from conduit.rhythm.parameters import MarkerConfig, MelodyConfig, MeterChange, TempoChange
from conduit.rhythm.pattern import HIT, MAYBE, REST, Kinds, parse_pattern
from conduit.rhythm.ratchet import parse_strokes
from conduit.rhythm.timeline import steps_of

_DRUM_CHANNEL = 9


def notes_per_hit(layer: LayerConfig) -> int:
    """The most notes one hit of a (checked) layer can become: strokes × notes of the chord."""
    strokes = int(parse_strokes(layer.ratchet.strokes).max(initial=1))
    return strokes * (len(layer.melody.chord) if layer.melody else 1)


def weight_of(layer: LayerConfig) -> int:
    """What a step of a (checked) layer costs, next to one of a plain layer."""
    return notes_per_hit(layer) + len(layer.conditions)


def check_extras(layer: LayerConfig, where: str) -> None:
    """Raises ``InvalidInput`` with the path of the field and what is legal there."""
    for index, condition in enumerate(layer.conditions):
        place = f"{where}.conditions[{index}]"
        parse_condition(condition.when, f"{place}.when")
        _check_marks(condition.steps, f"{place}.steps")
    if layer.ratchet.strokes:
        place = f"{where}.ratchet.strokes"
        _check_size(parse_strokes(layer.ratchet.strokes, place), place)
    if layer.form:
        _check_marks(layer.form, f"{where}.form")
    if layer.turn:
        place = f"{where}.turn"
        steps = parse_pattern(layer.turn, place)
        _check_size(steps, place)
        if MAYBE in steps:
            raise InvalidInput("a turn is played as written and has no ? steps", where=place)
    if layer.melody:
        _check_melody(layer, layer.melody, where)


def check_map(config: EngineConfig) -> None:
    """Check tempo map, meters and markers. Raises ``InvalidInput``."""
    if config.tempo_map is not None and not config.tempo_map:
        raise InvalidInput(
            "a tempo map with no tempo",
            where="tempo_map",
            hint="leave it out for one tempo, or give it at least one bar and bpm",
        )
    _check_order(config.tempo_map or (), "tempo_map")
    _check_order(config.meters, "meters")
    _check_order(config.markers, "markers")
    for index, meter in enumerate(config.meters):
        steps_of(config, meter, f"meters[{index}]")


def _check_melody(layer: LayerConfig, melody: MelodyConfig, where: str) -> None:
    if layer.channel == _DRUM_CHANNEL:
        raise InvalidInput(
            f"channel {_DRUM_CHANNEL} is the drums', where pitches are drums and not notes",
            where=f"{where}.channel",
            hint="give a layer with a melody another channel, for example 0",
        )
    if layer.choke is not None and len(melody.chord) > 1:
        raise InvalidInput(
            "a choke group plays one note at a time, and a chord has more",
            where=f"{where}.choke",
            hint="remove choke, or leave one note in melody.chord",
        )
    if melody.slides:
        _check_marks(melody.slides, f"{where}.melody.slides")


def _check_marks(text: str, where: str) -> None:
    """Marks are ``x`` and ``.``, and there is at least one step."""
    marks = parse_pattern(text, where)
    _check_size(marks, where)
    if ((marks != REST) & (marks != HIT)).any():
        raise InvalidInput("steps are marked with x, and others are .", where=where)


def _check_size(steps: Kinds, where: str) -> None:
    if not 1 <= len(steps) <= MAX_STEPS:
        raise InvalidInput(f"a pattern has 1 to {MAX_STEPS} steps", where=where)


def _check_order(
    changes: Sequence[TempoChange] | Sequence[MeterChange] | Sequence[MarkerConfig], where: str
) -> None:
    for index in range(1, len(changes)):
        before, bar = changes[index - 1].bar, changes[index].bar
        if bar <= before:
            raise InvalidInput(
                f"bar {bar} comes after bar {before}, but is not later",
                where=f"{where}[{index}].bar",
                hint="list changes in the order of their bars, one for each",
            )
