"""The typed block, the catalog and the call gate. This room knows no domain."""

from conduit.blocks.block import Block, Effects, FunctionBlock, NoOp, block
from conduit.blocks.catalog import BlockInfo, Catalog, tool_name
from conduit.blocks.decode import decode, dumps, loads
from conduit.blocks.gate import Gate, HeldPermissions, Interceptor, Policy, current_call
from conduit.blocks.schema import json_schema
from conduit.blocks.shape import Length, Range
from conduit.contracts.json import Json

__all__ = [
    "Block",
    "BlockInfo",
    "Catalog",
    "Effects",
    "FunctionBlock",
    "Gate",
    "HeldPermissions",
    "Interceptor",
    "Json",
    "Length",
    "NoOp",
    "Policy",
    "Range",
    "block",
    "current_call",
    "decode",
    "dumps",
    "json_schema",
    "loads",
    "tool_name",
]
