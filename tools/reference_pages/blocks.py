"""``blocks.md``: the catalog, as the call gate serves it."""

from __future__ import annotations

from collections.abc import Iterator

from conduit.blocks import BlockInfo, Catalog
from reference_pages import joined, schema
from reference_pages.markdown import code, table

INTRO = """\
# Blocks

What can be called, from any surface: `conduit blocks run NAME`, `POST /blocks/NAME`, as a tool of a
language model, or as a Python function.
"""


def section(info: BlockInfo) -> str:
    effects = ", ".join(info.effects) or "none"
    return "\n".join(
        [
            f"## {info.name}\n",
            f"{info.summary.rstrip('.')}.\n",
            f"Permission {code(info.permission)}"
            + (", [guarded](../guides/access.md)" if info.guarded else "")
            + f". Side effects: {effects}."
            + (" Streams its output." if info.streams else "")
            + "\n",
            "Input:\n",
            schema.taken(info.input_schema),
            "Output:\n",
            schema.given(info.output_schema),
        ]
    )


def sections(catalog: Catalog) -> Iterator[str]:
    infos = [catalog.info(block.name) for block in catalog]
    yield INTRO
    yield table(("Block", "What it does"), [(code(info.name), info.summary) for info in infos])
    yield from map(section, infos)


def page() -> str:
    return "\n".join(sections(joined.catalog()))
