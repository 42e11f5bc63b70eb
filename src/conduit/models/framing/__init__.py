"""Cutting a byte stream into events: incremental, and bounded whatever the sender does."""
