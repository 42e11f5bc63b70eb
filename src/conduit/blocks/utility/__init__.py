"""Blocks that touch the world outside: web, databases, files and commands."""
