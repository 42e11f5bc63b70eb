"""The output of a command becomes typed records: the published example, word for word."""

# Its imports and lines stay as they were published, so neither formatter nor linter may have them.
# fmt: off
# ruff: noqa: I001, UP006, UP035

from dataclasses import dataclass
from typing import List
from conduit.blocks import SystemCommandBlock
from conduit.runtime import LMLiteBlock
from conduit.conduit_types import ComputeProvider, LmLiteModelConfig

model_id = "Qwen/Qwen3-4B-Instruct-2507-FP8"

@dataclass
class Command:
    shell_command: str

@dataclass
class DirectoryListing:
    listing: str

@dataclass
class File:
    name: str
    bytes: int
    date_modified: str

@dataclass
class Files:
    files: List[File]

command_block = SystemCommandBlock(Command, timeout_seconds=5)

lm = LMLiteBlock(
    models=[LmLiteModelConfig(model_id, max_model_len=5000)],
    compute_provider=ComputeProvider.LOCAL,
)

cmd_op = command_block(Command(shell_command="ls -al"))
if cmd_op.success and cmd_op.stdout:
    listing = DirectoryListing(listing=cmd_op.stdout)
    result = lm(model_id=model_id, input=listing, output=Files)
    print(result)
