"""One file for each published protocol: pure functions to and from ``contracts.chat``."""
