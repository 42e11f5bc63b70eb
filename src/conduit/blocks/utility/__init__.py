"""Blocks that reach out of the process: HTTP, files, SQL and system commands."""
