"""Ableton Live: the device for Max for Live, and what it asks of the server."""
