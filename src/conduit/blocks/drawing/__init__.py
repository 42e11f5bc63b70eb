"""A block as a drawing: what it is made of, what passes between its steps, what a run of it cost.

:mod:`~conduit.blocks.drawing.outline` says what is shown. A tree of text, Mermaid and SVG show it.
"""

from conduit.blocks.drawing.mermaid import mermaid
from conduit.blocks.drawing.svg import svg
from conduit.blocks.drawing.tree import tree

__all__ = ["mermaid", "svg", "tree"]
