"""The typed block, pipelines, the catalog and the call gate. This room knows no domain."""

from conduit.blocks.around import retry, timeout
from conduit.blocks.block import Block, Pipeline
from conduit.blocks.cache import cache
from conduit.blocks.catalog import BlockInfo, Catalog, tool_name
from conduit.blocks.check import Checks
from conduit.blocks.decode import decode, dumps, loads
from conduit.blocks.effects import Effects, NoOp
from conduit.blocks.function import FunctionBlock, block
from conduit.blocks.gate import Gate, HeldPermissions, Interceptor, Policy, current_call
from conduit.blocks.joined import (
    Batch,
    Both,
    Three,
    branch,
    by_type,
    collect,
    map_each,
    parallel,
)
from conduit.blocks.schema import json_schema
from conduit.blocks.shape import Length, Range
from conduit.blocks.tracing import Trace, report, trace
from conduit.blocks.utility.addresses import Reach
from conduit.blocks.utility.files import (
    FileSystemOperation,
    FileSystemReadBlock,
    FileSystemWriteBlock,
)
from conduit.blocks.utility.http import HttpGetBlock, HttpOperation, HttpPostBlock
from conduit.blocks.utility.postgres import PostgresBlock
from conduit.blocks.utility.protocols import (
    SupportsFileContent,
    SupportsShellCommand,
    SupportsSqlCommand,
)
from conduit.blocks.utility.shell import SystemCommandBlock, SystemCommandOperation
from conduit.blocks.utility.sql import SqlOperation, SqlRows
from conduit.blocks.utility.sqlite import Sqlite3Block
from conduit.contracts.json import Json

__all__ = [
    "Batch",
    "Block",
    "BlockInfo",
    "Both",
    "Catalog",
    "Checks",
    "Effects",
    "FileSystemOperation",
    "FileSystemReadBlock",
    "FileSystemWriteBlock",
    "FunctionBlock",
    "Gate",
    "HeldPermissions",
    "HttpGetBlock",
    "HttpOperation",
    "HttpPostBlock",
    "Interceptor",
    "Json",
    "Length",
    "NoOp",
    "Pipeline",
    "Policy",
    "PostgresBlock",
    "Range",
    "Reach",
    "SqlOperation",
    "SqlRows",
    "Sqlite3Block",
    "SupportsFileContent",
    "SupportsShellCommand",
    "SupportsSqlCommand",
    "SystemCommandBlock",
    "SystemCommandOperation",
    "Three",
    "Trace",
    "block",
    "branch",
    "by_type",
    "cache",
    "collect",
    "current_call",
    "decode",
    "dumps",
    "json_schema",
    "loads",
    "map_each",
    "parallel",
    "report",
    "retry",
    "timeout",
    "tool_name",
    "trace",
]
