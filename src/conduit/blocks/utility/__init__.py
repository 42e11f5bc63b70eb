"""Blocks for a machine and its surroundings: commands, files, databases and the web."""
