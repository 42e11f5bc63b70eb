"""Blocks for grooves that were rendered before: which there are, and one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from conduit.blocks import Block, Effects, Length, Range, block, current_call, loads
from conduit.contracts.files import FileRef, FileStore
from conduit.contracts.groove import StoredGroove
from conduit.contracts.json import Json


class GrooveShelf(Protocol):
    """Where rendered grooves are remembered, apart for each organisation."""

    def page(self, org_id: str, *, after: str, most: int) -> Sequence[StoredGroove]:
        """Those whose ids come after one, in the order of ids. Raises ``StoreError``."""
        ...

    def load(self, org_id: str, groove_id: str) -> StoredGroove:
        """Raises ``NotFound`` and ``StoreError``."""
        ...


@dataclass(frozen=True, slots=True)
class GroovePage:
    """Which part of the list."""

    after: Annotated[str, Length(0, 64), "id of the last groove of the page before"] = ""
    most: Annotated[int, Range(1, 200), "how many at most"] = 50


@dataclass(frozen=True, slots=True)
class GrooveEntry:
    """A groove in a list."""

    groove_id: str
    title: str


@dataclass(frozen=True, slots=True)
class GrooveShelfPage:
    """Grooves by their ids. ``more`` says whether others come after the last of them."""

    grooves: tuple[GrooveEntry, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class WhichGroove:
    """One groove."""

    groove_id: Annotated[str, Length(1, 64), "id that rendering it gave"]


@dataclass(frozen=True, slots=True)
class KeptGroove:
    """A groove that was rendered: its file, and the request that makes it again."""

    groove_id: str
    title: str
    request: Annotated[Json, "input of groove.render; of groove.render_config if it has a config"]
    midi: FileRef


def stored_groove_blocks(files: FileStore, grooves: GrooveShelf) -> tuple[Block[Any, Any], ...]:
    """``groove.list`` and ``groove.read``."""

    @block("groove.list", summary="List the grooves that were rendered", effects=Effects.READS)
    def list_grooves(page: GroovePage) -> GrooveShelfPage:
        org = current_call().principal.org_id
        found = grooves.page(org, after=page.after, most=page.most + 1)
        shown = tuple(GrooveEntry(each.groove_id, each.title) for each in found[: page.most])
        return GrooveShelfPage(shown, more=len(found) > page.most)

    @block(
        "groove.read",
        summary="Show a rendered groove: its file, and the request that makes it again",
        effects=Effects.READS,
    )
    def read_groove(which: WhichGroove) -> KeptGroove:
        org = current_call().principal.org_id
        found = grooves.load(org, which.groove_id)
        midi, _ = files.get(org, found.file_id)
        return KeptGroove(found.groove_id, found.title, loads(found.request), midi)

    return (list_grooves, read_groove)
