"""A block as a Mermaid flowchart, for pages that draw such: GitHub, GitLab, many wikis.

Blocks made of others are subgraphs, and arrows lead to those as a whole, so that there are no more
arrows than steps. Syntax: https://mermaid.js.org/syntax/flowchart.html. Every text stands in double
quotes, where few characters mean something; those are written as ``#code;``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from conduit.blocks.drawing.outline import Drawn, Node, Outline, outline_of
from conduit.blocks.tracing import Trace

_MEANING = re.compile(r"""["#&;<>`\\%{}|$@~^*]|^[-+](?=\s|$)|(?<=\d)[.)](?=\s|$)""")
"""With what would be a list at the start of a line, which Mermaid refuses."""


def mermaid(block: Drawn, trace: Trace | None = None) -> str:
    """The source of a flowchart from top to bottom; with a trace, with what each step cost."""
    outline = outline_of(block, trace)
    root, writing = outline.root, _Writing(outline)
    lines = ["flowchart TD", f'  takes(["{_escaped(root.takes)}"])']
    steps = root.parts if root.kind == "sequence" else (root,)
    lines += writing.sequence(steps, "takes", "  ")
    lines += [f'  makes(["{_escaped(root.makes)}"])', f"  {writing.last} --> makes"]
    if writing.failed:
        lines += ["  classDef failed stroke-width:3px,stroke-dasharray:6 3"]
        lines += [f"  class {','.join(writing.failed)} failed"]
    return "\n".join(lines) + "\n"


class _Writing:
    """Writes the nodes of one outline. ``last`` is the one that was completed last."""

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        self.count = 0
        self.last = ""
        self.failed: list[str] = []

    def node(self, node: Node, indent: str) -> Iterator[str]:
        """A box, or a subgraph with what is in it."""
        self.count += 1
        here = f"n{self.count}"
        if node.span is not None and node.span.failures:
            self.failed.append(here)
        lines = [_escaped(node.title), *map(_escaped, self.outline.summary(node))]
        if not node.parts:
            yield f'{indent}{here}["{"<br>".join(lines)}"]'
        else:
            # The title of a subgraph has room for one line.
            yield f'{indent}subgraph {here}["{" · ".join(lines)}"]'
            yield f"{indent}  direction TB"
            if node.kind == "sequence":
                yield from self.sequence(node.parts, "", indent + "  ")
            else:
                for part in node.parts:
                    yield from self.node(part, indent + "  ")
            yield f"{indent}end"
        self.last = here

    def sequence(self, steps: tuple[Node, ...], before: str, indent: str) -> Iterator[str]:
        """Steps joined by arrows, each with the type that passes."""
        passing = ""
        for step in steps:
            yield from self.node(step, indent)
            if before:
                label = f'|"{_escaped(passing)}"|' if passing else ""
                yield f"{indent}{before} -->{label} {self.last}"
            before, passing = self.last, step.makes


def _escaped(text: str) -> str:
    return _MEANING.sub(_code, text)


def _code(found: re.Match[str]) -> str:
    return f"#{ord(found.group())};"
