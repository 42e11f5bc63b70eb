"""The command line: parse arguments, call the gate, print what comes back."""

try:
    from conduit.cli.main import main
except KeyboardInterrupt:  # loading takes a moment, and nothing is open yet
    raise SystemExit(130) from None

__all__ = ["main"]
