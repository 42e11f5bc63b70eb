"""``flex-envelope.schema.json``: what a device of MIDI 2.0 sends, as JSON Schema."""

from __future__ import annotations

import json

from conduit.surfaces.flex.envelope import schema

SCHEMA_FILE = "flex-envelope.schema.json"


def schema_file() -> str:
    comment = "Written by `make docs` from conduit.surfaces.flex.envelope. Change it there."
    return json.dumps({**schema(), "$comment": comment}, indent=2, ensure_ascii=False)
