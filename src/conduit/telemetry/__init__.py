"""Identifiers and logs: how one call is followed through all rooms."""
