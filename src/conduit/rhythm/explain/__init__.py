"""A groove as a picture: what it does over time, as small multiples.

:mod:`~conduit.rhythm.explain.picture` says what is shown, :mod:`~conduit.rhythm.explain.panels`
takes it from a session, :mod:`~conduit.rhythm.explain.svg` draws it.
"""

from conduit.rhythm.explain.panels import picture_of
from conduit.rhythm.explain.picture import BarRow, NoteRow, Picture, Section
from conduit.rhythm.explain.svg import svg_of

__all__ = ["BarRow", "NoteRow", "Picture", "Section", "picture_of", "svg_of"]
