"""What was made in a conversation, read from the results of tools that are in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from conduit.agents.memory.view import RECALLED
from conduit.blocks import decode, loads
from conduit.contracts.chat import Message
from conduit.contracts.errors import InvalidInput, MalformedJson
from conduit.contracts.json import JsonObject
from conduit.rhythm.groove import GrooveRequest, complete

_MOST: Final = 2
"""The last one, and the one to go back to."""


@dataclass(frozen=True, slots=True)
class Sat:
    """What a groove sits like: what was asked for, and the config that was played. It is empty
    where that is not known yet."""

    loop: str
    layers: tuple[str, ...]
    amount: float
    name: str = ""
    config: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A groove: its request with everything said, and what it sits like, if anything."""

    request: Mapping[str, Any]
    sat: Sat | None = None


def made_in(messages: Sequence[Message]) -> list[Made]:
    """The last two grooves, the newest first."""
    recalled = request_of(recalled_in(messages))
    found = [Made(recalled)] if recalled else []
    for at in range(len(messages) - 1, -1, -1):
        message = messages[at]
        if message.role != "tool" or '"groove_id"' not in message.content:
            continue
        result = json_object(message.content)
        made = _sat(messages, at, result) if "template" in result else _rendered(result)
        if made is not None:
            found.append(made)
            if len(found) == _MOST:
                break
    return found


def recalled_in(messages: Sequence[Message]) -> Mapping[str, Any] | None:
    """The groove that was recalled from a preset, if nothing was made since: a request, or an
    object with a config. It is among the notes that come first."""
    first = next((each.content for each in messages if each.role == "user"), "")
    found = json_object(first).get(RECALLED) if first.startswith('{"notice"') else None
    return found if isinstance(found, dict) else None


def last_source(messages: Sequence[Message]) -> Mapping[str, Any] | None:
    """The last groove as ``groove.morph`` takes it."""
    if recalled := recalled_in(messages):
        return recalled if "config" in recalled else {"groove": recalled}
    for message in reversed(messages):
        if message.role == "tool" and '"groove_id"' in message.content:
            groove_id = json_object(message.content).get("groove_id")
            if isinstance(groove_id, str) and groove_id:
                return {"groove_id": groove_id}
    return None


def last_midi(messages: Sequence[Message]) -> str:
    """The id of the MIDI file that was made last; empty where there is none."""
    written = (m.content for m in reversed(messages) if m.role == "tool" and '"midi"' in m.content)
    return next(filter(None, (midi_of(json_object(each)) for each in written)), "")


def midi_of(result: Mapping[str, Any]) -> str:
    """The id of the MIDI file in a tool's result; empty for none."""
    midi = result.get("midi")
    found = midi.get("id") if isinstance(midi, dict) else None
    return found if isinstance(found, str) else ""


def morphed_in(messages: Sequence[Message]) -> str:
    """The id of the last groove, if it was morphed out of two."""
    for message in reversed(messages):
        if message.role == "tool" and '"midi"' in message.content:
            result = json_object(message.content)
            groove_id = result.get("groove_id")
            return groove_id if isinstance(groove_id, str) and "regions" in result else ""
    return ""


def json_object(text: str) -> dict[str, Any]:
    """The object that a text is; an empty one for any other text."""
    try:
        value = loads(text)
    except MalformedJson:
        return {}
    return value if isinstance(value, dict) else {}


def _rendered(result: Mapping[str, Any]) -> Made | None:
    if "groove_id" not in result:
        return None
    request = request_of(result.get("config"))
    return Made(request) if request else None


def _sat(messages: Sequence[Message], at: int, result: Mapping[str, Any]) -> Made | None:
    """A result does not say which groove it was made of, or of which loop: its call does."""
    call = next(
        (
            call
            for message in reversed(messages[:at])
            for call in message.tool_calls
            if call.id == messages[at].tool_call_id
        ),
        None,
    )
    if call is None:
        return None
    asked = json_object(call.arguments)
    request = request_of(asked.get("groove"))
    loop, layers, amount = asked.get("loop"), asked.get("layers", []), asked.get("amount", 1.0)
    if request is None or not isinstance(loop, str) or not loop:
        return None
    if not isinstance(layers, list) or not isinstance(amount, int | float):
        return None
    config = result.get("config")
    return Made(
        request,
        Sat(
            loop,
            tuple(each for each in layers if isinstance(each, str)),
            float(amount),
            config=config if isinstance(config, dict) else None,
        ),
    )


def request_of(told: object) -> Mapping[str, Any] | None:
    """What was asked for, with everything said that its style decides."""
    try:
        return asdict(complete(decode(GrooveRequest, told, lenient=True)))
    except InvalidInput:
        return None
