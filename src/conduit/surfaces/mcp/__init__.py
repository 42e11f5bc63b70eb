"""Conduit as an MCP server: blocks as tools, grooves and files as resources, system prompts."""
