"""From one groove to another, and everything in between."""

from conduit.rhythm.morph.grooves import morph
from conduit.rhythm.morph.series import amounts_of, in_one_file

__all__ = ["amounts_of", "in_one_file", "morph"]
