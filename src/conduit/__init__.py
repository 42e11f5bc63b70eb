"""Conduit: an operating system for AI that you can also play.

Nothing is imported here, so that ``import conduit`` costs nothing. Start from one of the rooms:
``conduit.blocks`` (typed blocks), ``conduit.rhythm`` (grooves), ``conduit.midi`` (files),
``conduit.models`` (language models), ``conduit.app`` (all of them, joined).
"""

__version__ = "0.1.0"
