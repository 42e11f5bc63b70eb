"""``providers.md``: the kinds of provider, from the catalogue of ``conduit.models``."""

from __future__ import annotations

from conduit.models.catalogue import CATALOGUE, Kind
from reference_pages.markdown import code, table

INTRO = """\
# Kinds of provider

`type` in `providers.yaml`, in `conduit providers add` and in `POST /providers/add`. A kind with a
key variable, a model and an address is found by itself when that variable is set; a kind with a
port is found when something listens there on this machine. Found ones are asked in this order, the
offline agent last. A request in a dialect that a provider speaks goes on to it as it is; any other
is translated.
"""


def row(kind: Kind) -> tuple[str, ...]:
    spoken = [wire.name for wire in (kind.wire, *kind.also)]
    return (
        code(kind.type),
        code(kind.key_env),
        str(kind.port or ""),
        code(kind.default_model),
        code(kind.base_url),
        ", ".join(map(code, spoken)),
    )


def page() -> str:
    head = (
        "Type",
        "Key variable",
        "Port",
        "Model if none is named",
        "Address if none is named",
        "Speaks",
    )
    return f"{INTRO}\n{table(head, map(row, CATALOGUE.values()))}"
