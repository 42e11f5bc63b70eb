"""``@mcp_tool``, as a Python program uses it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from conduit.blocks import decode
from conduit.contracts.errors import ConfigError, InvalidInput, NotFound
from conduit.tools.mcp import mcp_tool
from conduit.tools.mcp.decorator import McpTools

SERVER = str(Path(__file__).with_name("honest.py"))


def _made(decorated: Any) -> McpTools:
    """A type checker takes a decorated class for the class that it was."""
    assert isinstance(decorated, McpTools)
    return decorated


def test_a_class_becomes_the_tools_of_a_server() -> None:
    @mcp_tool(
        server_command=sys.executable,
        server_args=[SERVER],
        env={"PERPLEXITY_API_KEY": "${PERPLEXITY_API_KEY}"},
        environ={"PERPLEXITY_API_KEY": "k-1"},
    )
    class HonestTools:
        pass

    tools = _made(HonestTools)
    try:
        assert tools("add", a=2, b=2).text == "4"
        assert tools("environment", name="PERPLEXITY_API_KEY").text == "k-1"
        add = tools.block("add")
        assert add.name == "mcp.honest.add"
        given = decode(add.input_type, {"a": 5})
        assert asyncio.run(add.acall(given)).text == "6"
        assert add(given).text == "6"
        with pytest.raises(InvalidInput, match="a: is missing"):
            tools("add")
        with pytest.raises(NotFound, match="'subtract'"):
            tools("subtract")
    finally:
        tools.close()


def test_a_command_may_be_a_list() -> None:
    @mcp_tool(server_command=[sys.executable, SERVER])
    class Honest:
        pass

    tools = _made(Honest)
    try:
        assert "Shout-It!" in tools.blocks
    finally:
        tools.close()


@pytest.mark.parametrize("command", ["", [], [""]])
def test_no_command_is_refused(command: str | list[str]) -> None:
    with pytest.raises(ConfigError):
        mcp_tool(server_command=command)
