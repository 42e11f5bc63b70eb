"""Tools of other programs that speak the Model Context Protocol, each of them a block.

Servers come from ``mcp.yaml`` (``servers``), or from a Python program (``decorator``).
"""

from conduit.tools.mcp.decorator import mcp_tool

__all__ = ["mcp_tool"]
