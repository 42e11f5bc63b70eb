"""Calendars that a person added: read, expanded, and asked what comes next."""
