"""Ableton Live: what a set looks like, told to models, and what they give to be put into it."""
