"""What a drawing of a block consists of, before anything is drawn.

It is read from what every block says of itself (``kind``, ``parts``, its edges), and never runs it.
Blocks can be nested and shared without end, so an outline has a bounded depth and size; what is
beyond is one node that says how much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from conduit.blocks.edge import no_block
from conduit.blocks.listing import shown
from conduit.blocks.tracing import Span, Trace, share

Kind = Literal["work", "sequence", "parallel", "choice", "around"]

DEEPEST = 100
MOST_NODES = 2_000


class DrawnEdge(Protocol):
    @property
    def name(self) -> str: ...


class DrawnPart(Protocol):
    @property
    def block(self) -> Any: ...  # a Drawn; typed so, a block and its parts would not end
    @property
    def caption(self) -> str: ...


class Drawn(Protocol):
    """As much of a block as drawing it needs."""

    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def many(self) -> bool: ...
    @property
    def gathers(self) -> bool: ...
    @property
    def parts(self) -> Sequence[DrawnPart]: ...
    @property
    def input_edge(self) -> DrawnEdge: ...
    @property
    def output_edge(self) -> DrawnEdge: ...


@dataclass(frozen=True, slots=True)
class Node:
    """One block.

    ``name`` is its own, if it has one; ``word`` says what a block made of others does; ``note`` is
    more about that; ``caption`` is its condition or field in the block around it. ``takes`` and
    ``makes`` are types as a person writes them. ``span`` is what a trace knows of it, with all that
    is inside added up; ``idle`` says that there is a trace and the block did not run in it.
    """

    kind: Kind
    name: str
    word: str
    note: str
    caption: str
    takes: str
    makes: str
    parts: tuple[Node, ...] = ()
    span: Span | None = None
    idle: bool = False

    @property
    def work(self) -> str:
        """What a block made of others does with them; empty for one that is not."""
        return f"{self.word}, {self.note}" if self.note else self.word

    @property
    def title(self) -> str:
        """Its caption and what it is called, in one line."""
        title = " ".join(filter(None, (self.name, self.work)))
        return f"{self.caption}: {title}" if self.caption else title


@dataclass(frozen=True, slots=True)
class Outline:
    """A block with everything in it; ``whole`` is the traced run of it, all steps added up."""

    root: Node
    whole: Span | None = None

    @property
    def whole_ms(self) -> float:
        """Time of the traced run; 0 without one."""
        return self.whole.elapsed_ms if self.whole else 0.0

    def share(self, node: Node) -> float:
        """The node's part of the whole time, from 0; above 1 for runs at the same time."""
        return share(node.span, self.whole_ms) if node.span else 0.0

    def summary(self, node: Node) -> list[str]:
        """What the trace knows of a node, in a few short lines.

        What is said of the one block inside a frame is not said of the frame again.
        """
        if node.span is None:
            return ["did not run"] if node.idle else []
        part = self.share(node)
        percent = f"{part:.0%}" if self.whole_ms and part <= 1 else ""
        time, *others = summary_of(node.span, percent)
        inner = node.parts[0].span if node.kind == "around" and node.parts else None
        said = summary_of(inner)[1:] if inner else []
        return [time, *(line for line in others if line not in said)]


def outline_of(block: Drawn, trace: Trace | None = None) -> Outline:
    """Read a block, and find each of its steps in a trace.

    The trace may hold more than this block: the first span with its label counts, else all. Raises
    ``ConfigError`` for what is no block.
    """
    if isinstance(block, type) or not hasattr(block, "parts"):
        raise no_block(block, "drawing")
    if trace is None:
        return Outline(_Reading(traced=False).node(block, None, "", 0))
    seen = trace.root.total()
    own = _find(seen, block.label)
    whole = own or replace(seen, elapsed_ms=trace.elapsed_ms, runs=int(bool(seen.inside)))
    return Outline(_Reading(traced=True).node(block, whole, "", 0, own), whole)


def summary_of(span: Span, percent: str = "") -> list[str]:
    """The time, and what else there is to say, each in a short line."""
    said = span.figures()
    return [
        " · ".join(filter(None, (said.runs, said.time, percent))),
        *([f"{said.tokens} tokens"] if said.tokens else []),
        *([f"cost {said.cost}"] if said.cost else []),
        *([said.cache] if said.cache else []),
        *([f"✕ {said.failure}"] if said.failure else []),
    ]


def _find(root: Span, name: str) -> Span | None:
    waiting = [root]
    for span in waiting:  # grows while it is read: nearest to the root first
        if span.name == name:
            return span
        waiting.extend(span.inside)
    return None


class _Reading:
    """Reads one block. ``left`` is how many nodes it may still make."""

    def __init__(self, *, traced: bool) -> None:
        self.traced = traced
        self.left = MOST_NODES

    def node(
        self, block: Drawn, span: Span | None, caption: str, depth: int, own: Span | None = None
    ) -> Node:
        """``span`` is where the block's parts are looked up, ``own`` what is shown of itself."""
        self.left -= 1
        parts = tuple(block.parts)
        around = block.kind == "around" and len(parts) == 1
        return Node(
            kind=block.kind if parts else "work",
            name=shown(block.name if parts else block.label),
            word=shown(getattr(block, "word", "") or _WORDS[block.kind]) if parts else "",
            note=shown(parts[0].caption) if around else "",
            caption=caption,
            takes=shown(block.input_edge.name),
            makes=shown(("stream of " if block.many else "") + block.output_edge.name),
            parts=self._parts(block, parts, span, depth),
            span=own,
        )

    def _parts(
        self, block: Drawn, parts: Sequence[DrawnPart], span: Span | None, depth: int
    ) -> tuple[Node, ...]:
        if parts and depth == DEEPEST:
            return (_beyond(len(parts)),)
        found = _matched(parts, span)
        made: list[Node] = []
        many = False
        for at, part in enumerate(parts):
            if self.left <= 0:
                made.append(_beyond(len(parts) - at))
                break
            caption = "" if block.kind == "around" else shown(part.caption, 32)
            node = self.node(part.block, found[at], caption, depth + 1, found[at])
            many = (many or part.block.many) and not part.block.gathers
            made.append(self._in_place(node, part.block, many and block.kind == "sequence"))
        if block.kind == "choice" and len(parts) == 1:
            # Nothing records that a value passed; it did if the branch ran and its block did not.
            made.append(_passing(block, self.traced and (span is None or found[0] is not None)))
        return tuple(made)

    def _in_place(self, node: Node, block: Drawn, many: bool) -> Node:
        """What depends on the steps before: below a stream there is a stream."""
        streams = many and not block.many
        idle = self.traced and node.span is None and not block.gathers
        return replace(node, makes=f"stream of {node.makes}" if streams else node.makes, idle=idle)


_WORDS: dict[Kind, str] = {
    "work": "",
    "sequence": "pipeline",
    "parallel": "parallel",
    "choice": "choice",
    "around": "around",
}


def _beyond(blocks: int) -> Node:
    name = f"… {blocks} more, not drawn"
    return Node("work", name, "", "", "", "", "")


def _passing(block: Drawn, idle: bool) -> Node:
    """A branch without an ``otherwise``."""
    edge = shown(block.input_edge.name)
    return Node("work", "as it is", "", "", "else", edge, edge, idle=idle)


def _matched(parts: Sequence[DrawnPart], span: Span | None) -> list[Span | None]:
    """The span of each part: the one of its place, else the first of its label."""
    found: list[Span | None] = [None] * len(parts)
    if span is None:
        return found
    labels: dict[str, int] = {}
    for at, part in enumerate(parts):
        labels.setdefault(part.block.label, at)
    for each in span.inside:
        at = each.place if 0 <= each.place < len(parts) else labels.get(each.name, -1)
        if at >= 0 and found[at] is None and parts[at].block.label == each.name:
            found[at] = each
    return found
