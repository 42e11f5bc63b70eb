"""From what was asked to tool calls: which come next, given what the earlier ones answered.

The offline agent keeps nothing between turns. Each time it makes the whole plan again from the
conversation, sees how many results there are, and goes on behind them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conduit.agents.offline.amounts import read_steps
from conduit.agents.offline.changes import read_amounts, read_another, read_length, read_turns
from conduit.agents.offline.intent import (
    Answer,
    Beyond,
    CallBlock,
    ChangeSaved,
    Help,
    Intent,
    ListConfigs,
    ListStyles,
    MakeGroove,
    MakePhrase,
    MakeSound,
    MorphGrooves,
    Music,
    Question,
    RenderSaved,
    SaveConfig,
    ShowConfig,
    SitLike,
)
from conduit.agents.offline.past import midi_of
from conduit.agents.offline.reading import DESCRIBED, NUMBERED, Reading
from conduit.agents.offline.wording import worded

_SIT = "groove_sit_like"
_PLAIN_FIELDS = ("bpm", "swing", "bars", "seed")
_ROTATED = ("hat", "open_hat", "percussion")


@dataclass(frozen=True, slots=True)
class Step:
    """One tool call. ``names`` is the config that it reads or writes: steps that share one wait for
    each other, others are made in one turn."""

    tool: str
    arguments: Mapping[str, Any]
    intent: Intent
    names: str = ""
    remarks: tuple[str, ...] = field(default=())


def next_steps(
    intents: Sequence[Intent], results: Sequence[Mapping[str, Any]], *, live: bool = False
) -> list[Step]:
    """The calls of the next turn; empty when all is done, or when something failed. ``live``:
    there is a set of Ableton Live that grooves go into."""
    if any("error" in result for result in results):
        return []
    batch: list[Step] = []
    busy: set[str] = set()
    for step in all_steps(intents, results, live=live)[len(results) :]:
        if step.names and step.names in busy:
            break
        busy.add(step.names)
        batch.append(step)
    return batch


def all_steps(
    intents: Sequence[Intent], results: Sequence[Mapping[str, Any]], *, live: bool = False
) -> list[Step]:
    """Every call that can be known by now, those that were made included. What waits for a result
    that is not there yet ends the list."""
    steps: list[Step] = []
    for intent in intents:
        if isinstance(intent, ChangeSaved):
            steps.append(Step("configs_read", {"name": intent.name}, intent, intent.name))
            if len(steps) > len(results):
                return steps
            if change := _change(intent, results[len(steps) - 1]):
                steps.append(change)
        elif isinstance(intent, SaveConfig) and intent.sat and intent.config is None:
            at = max((n for n, each in enumerate(steps) if each.tool == _SIT), default=len(results))
            if at >= len(results):
                return steps  # it is not known yet what is to be kept
            config = results[at].get("config")
            steps.append(_saved(replace(intent, config=config if isinstance(config, dict) else {})))
        elif isinstance(intent, MakeSound):
            if not intent.midi and len(steps) > len(results):
                return steps
            made = (midi_of(each) for each in reversed(results[: len(steps)]))
            if midi := intent.midi or next(filter(None, made), ""):
                steps.append(Step("audio_render", {"file_id": midi}, intent))
        elif step := _step(intent):
            steps.append(step)
            if live and isinstance(intent, MakeGroove | SitLike | MorphGrooves):
                if len(steps) > len(results):
                    return steps
                if clip := _clip(intent, results[len(steps) - 1]):
                    steps.append(clip)
    return steps


def _clip(intent: Music, groove: Mapping[str, Any]) -> Step | None:
    """A groove that was rendered, into a clip."""
    groove_id, title = groove.get("groove_id"), groove.get("title")
    if not isinstance(groove_id, str):
        return None
    return Step("live_clip", {"groove_id": groove_id, "name": str(title or "")[:200]}, intent)


def _step(intent: Intent) -> Step | None:
    match intent:
        case MakeGroove(arguments):
            return Step("groove_render", arguments, intent)
        case SitLike(groove, loop, _, layers, amount):
            sit = {"groove": groove, "loop": loop, "layers": list(layers), "amount": amount}
            return Step(_SIT, sit, intent)
        case MorphGrooves(one, two, amount, steps, bars):
            way: dict[str, Any] = {"amount": amount} if steps is None else {"steps": steps}
            if bars is not None:
                way["bars"] = bars
            return Step("groove_morph", {"one": one, "two": two, **way}, intent)
        case ListStyles():
            return Step("groove_styles", {}, intent)
        case Question(text):
            return Step("docs_answer", {"question": text[:2000]}, intent)
        case SaveConfig():
            return _saved(intent)
        case RenderSaved(name, overrides, remarks):
            asked = {"config": name, **overrides}
            return Step("groove_render_session", asked, intent, name, remarks)
        case ShowConfig(name):
            return Step("configs_read", {"name": name}, intent, name)
        case ListConfigs(examples):
            return Step("configs_examples" if examples else "configs_list", {}, intent)
        case MakePhrase(arguments):
            return Step("groove_render_phrase", arguments, intent)
        case CallBlock(tool, arguments):
            return Step(tool, arguments, intent)
        case Help(topic):
            return Step("help_text", {"topic": topic}, intent)
        case Answer() | Beyond() | ChangeSaved() | MakeSound():
            return None


def _saved(intent: SaveConfig) -> Step:
    source: dict[str, Any] = {"like": intent.like}
    if intent.config is not None:
        source = {"config": intent.config}
    elif intent.groove is not None:
        source = {"groove": intent.groove}
    elif intent.groove_id:
        source = {"groove_id": intent.groove_id}
    if intent.replace:
        source["replace"] = True
    return Step("configs_create", {"name": intent.name, **source}, intent, intent.name)


def _change(intent: ChangeSaved, result: Mapping[str, Any]) -> Step | None:
    """What is to be written, now that it is known what the config holds."""
    config = result.get("config")
    if not isinstance(config, dict):
        return None
    reading = Reading(worded(intent.words).text)
    base = _dials(config)
    read_steps(reading, base)
    read_amounts(reading, base)
    for read in NUMBERED:
        read(reading)
    read_turns(reading, base)
    for read in DESCRIBED:
        read(reading)
    read_length(reading, base)
    read_another(reading, base)
    changes: dict[str, Any] = {k: v for k, v in reading.arguments.items() if k in _PLAIN_FIELDS}
    layers = _layer_changes(config, reading.arguments)
    if layers:
        changes["layers"] = layers
    if not changes:
        return None
    left = ("The density of a saved config cannot be turned: change its groove and save it again.",)
    return Step(
        "configs_write",
        {"name": intent.name, "changes": changes},
        intent,
        intent.name,
        left if "density" in reading.arguments else (),
    )


def _dials(config: Mapping[str, Any]) -> dict[str, Any]:
    """Where "more" and "less" start from."""
    kick = next(iter(_of_role(config, ("kick",))), {})
    ghost = kick.get("ghost")
    probability = ghost.get("probability") if isinstance(ghost, dict) else None
    found = {"bpm": 130.0, "swing": 50.0, "bars": 8, "seed": 0}
    found |= {name: config[name] for name in found if isinstance(config.get(name), int | float)}
    return {**found, "ghost": probability if isinstance(probability, int | float) else 0.0}


def _layer_changes(config: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    changes: list[dict[str, Any]] = []
    if "ghost" in wanted:
        changes += [
            {"name": layer["name"], "ghost": {"probability": wanted["ghost"]}}
            for layer in _of_role(config, ("kick",))
        ]
    if "rotation" in wanted:
        changes += [
            {"name": layer["name"], "rotation": wanted["rotation"]}
            for layer in _of_role(config, _ROTATED)
        ]
    return changes


def _of_role(config: Mapping[str, Any], roles: Sequence[str]) -> list[Mapping[str, Any]]:
    layers = config.get("layers")
    return [
        layer
        for layer in (layers if isinstance(layers, list) else [])
        if isinstance(layer, dict)
        and isinstance(layer.get("name"), str)
        and layer.get("role", "percussion") in roles
    ]
