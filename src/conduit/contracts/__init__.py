"""Shared nouns, protocols and the error tree. Standard library only, and no I/O."""
