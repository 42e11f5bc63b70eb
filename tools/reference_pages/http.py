"""``http.md``: the routes of the server, from its route table, with what they take and give."""

from __future__ import annotations

from conduit.blocks import Catalog
from conduit.surfaces.http.routes import BLOCK_ROUTES, OTHER_ROUTES, BlockRoute
from reference_pages import joined, schema
from reference_pages.markdown import code, table

INTRO = """\
# HTTP

The server listens on `127.0.0.1:9321`. Bodies are JSON; an [error](errors.md) is
`{"error": {"code", "message", "hint"}}` with a fitting status. Most routes are blocks by another
name: the body, the query and the words of the path together are the input.

Once there are [keys](command-line.md) of the gateway, who shows one (`Authorization: Bearer ck-…`
or `x-api-key`) acts as its holder; who shows none, on this machine, as before.
"""


def section(route: BlockRoute, catalog: Catalog) -> str:
    info = catalog.info(route.block)
    parts = [
        f"## {route.method} {route.path}\n",
        f"{route.summary}. Calls [{info.name}](blocks.md#{info.name.replace('.', '')}).\n",
    ]
    if info.input_schema["properties"]:
        parts += ["Takes:\n", schema.taken(info.input_schema)]
    return "\n".join([*parts, "Gives:\n", schema.given(info.output_schema)])


def page() -> str:
    catalog = joined.catalog()
    named = [(each.method, each.path, each.summary) for each in BLOCK_ROUTES]
    rows = [(code(f"{verb} {path}"), says) for verb, path, says in [*OTHER_ROUTES, *named]]
    sections = [section(each, catalog) for each in BLOCK_ROUTES]
    return "\n".join([INTRO, table(("Route", "What it does"), rows), *sections])
