"""The command line: parse arguments, call the gate, print what comes back."""

from conduit.cli.main import main

__all__ = ["main"]
