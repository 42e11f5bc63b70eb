"""Shared nouns, protocols and the error tree. Standard library only; no I/O, no clock, no randomness."""
