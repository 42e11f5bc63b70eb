"""The objects of Max that the device uses: how many inlets each has, and what its outlets send.

As Max itself saves them in patchers (seen in the test files of Ableton's ``maxdevtools`` and in
public patchers of Max 8 and 9). A line to an inlet that does not exist is dropped by Max with a
word in its console that nobody reads, so it is refused here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from conduit.contracts.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Ports:
    """``outlets`` holds a type for each: ``bang``, ``int``, ``float``, or empty for anything."""

    inlets: int
    outlets: tuple[str, ...]


_ANY: Final = ""
_OBJECTS: Final[dict[str, Ports]] = {
    "deferlow": Ports(1, (_ANY,)),
    "js": Ports(1, (_ANY,)),
    "live.thisdevice": Ports(1, ("bang", "int", "int")),
    "midiin": Ports(1, ("int",)),
    "midiout": Ports(1, ()),
    "node.script": Ports(1, (_ANY, _ANY)),
    "pattr": Ports(1, (_ANY, _ANY, _ANY)),
    "prepend": Ports(1, (_ANY,)),
    "print": Ports(1, ()),
    "zl": Ports(2, (_ANY, _ANY)),
}
"""Those written as text in a box."""

_UI: Final[dict[str, Ports]] = {
    "comment": Ports(1, ()),
    "live.comment": Ports(1, ()),
    "live.menu": Ports(1, (_ANY, _ANY, "float")),
    "live.tab": Ports(1, (_ANY, _ANY, "float")),
    "live.text": Ports(1, (_ANY, _ANY)),
    "message": Ports(2, (_ANY,)),
    "panel": Ports(1, ()),
    "textedit": Ports(1, (_ANY, "int", _ANY, _ANY)),
    "umenu": Ports(1, ("int", _ANY, _ANY)),
}
"""Those with a look of their own, whose class is their name."""

# Any other word of a trigger is what that outlet sends.
_TRIGGERS: Final = {"b": "bang", "i": "int", "f": "float", "l": _ANY, "s": _ANY}


def ports_of_ui(name: str, where: str) -> Ports:
    """Of an object with a look of its own. Raises ``InvalidInput``."""
    if name not in _UI:
        raise _unknown(name, _UI, where)
    return _UI[name]


def ports_of_text(text: str, where: str) -> Ports:
    """Of an object written as text, like ``route text midi``. Raises ``InvalidInput``."""
    name, *words = text.split() or [""]
    arguments = [word for word in words if not word.startswith("@")]
    match name:
        case "t" | "trigger":
            return Ports(1, tuple(_TRIGGERS.get(word, word) for word in arguments))
        case "route":  # what matches goes out without its first word; the rest at the right
            return Ports(len(arguments) + 1, (_ANY,) * (len(arguments) + 1))
        case "sel" | "select":
            inlets = 2 if len(arguments) == 1 else len(arguments) + 1
            return Ports(inlets, ("bang",) * len(arguments) + (_ANY,))
    if name not in _OBJECTS:
        raise _unknown(name, {**_OBJECTS, "route": 0, "select": 0, "trigger": 0}, where)
    return _OBJECTS[name]


def _unknown(name: str, known: dict[str, Ports] | dict[str, object], where: str) -> InvalidInput:
    return InvalidInput(
        f"{name[:40]!a} is no object that is known here", where=where, hint=", ".join(sorted(known))
    )
