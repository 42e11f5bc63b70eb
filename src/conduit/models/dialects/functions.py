"""Functions offered to a model, in the shape that OpenAI's chat and Ollama's share."""

from __future__ import annotations

from typing import Any

from conduit.contracts.chat import ToolSpec
from conduit.models.dialects.reader import Reader

MOST_TOOLS = 512
LONGEST_NAME = 64
_HINT = "offer tools of type function, and run them yourself"


def tools(reader: Reader, value: Any) -> tuple[ToolSpec, ...]:
    """``[{"type": "function", "function": {"name", "description", "parameters"}}]``."""
    found = []
    for at, item in enumerate(reader.array(value, "tools", MOST_TOOLS)):
        where = f"tools[{at}]"
        tool = reader.item(item, where)
        if tool is None:
            continue
        if tool.get("type", "function") != "function":
            reader.unsupported(f"{where}.type", tool["type"], "tools", _HINT)
        else:
            found.append(function(reader, tool.get("function"), f"{where}.function"))
    return tuple(found)


def function(reader: Reader, value: Any, where: str) -> ToolSpec:
    """``{"name", "description", "parameters"}``."""
    given = reader.item(value, where)
    if given is None:
        return ToolSpec("", "", {})
    return ToolSpec(
        reader.name(given.get("name"), f"{where}.name", LONGEST_NAME),
        reader.text(given.get("description"), f"{where}.description"),
        reader.schema(given.get("parameters"), f"{where}.parameters"),
    )


def allowed(
    reader: Reader, offered: tuple[ToolSpec, ...], value: Any, where: str
) -> tuple[ToolSpec, ...]:
    """The offered tools that a choice of type ``allowed_tools`` names, flat or nested."""
    names = set()
    for at, item in enumerate(reader.array(value, where, MOST_TOOLS)):
        tool = reader.object(item, f"{where}[{at}]")
        inner = tool.get("function")
        named = inner if type(inner) is dict else tool
        names.add(reader.name(named.get("name"), f"{where}[{at}].name", LONGEST_NAME))
    return tuple(tool for tool in offered if tool.name in names)
