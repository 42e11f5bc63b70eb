"""The Model Context Protocol: blocks as tools of a server."""
