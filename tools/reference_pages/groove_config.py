"""``groove-config.md`` and its JSON Schema: the dataclass that checks every groove config."""

from __future__ import annotations

import json

from conduit.blocks import json_schema
from conduit.rhythm import EngineConfig
from reference_pages import schema

SCHEMA_FILE = "groove-config.schema.json"

INTRO = f"""\
# Groove configs

Every field of a groove config, as `conduit render`, `conduit.rhythm.render` and the block
`groove.render_config` take it, in JSON or YAML. The same as a JSON Schema, for editors:
[{SCHEMA_FILE}]({SCHEMA_FILE}). What the fields are for is told in
[the guide](../guides/grooves.md), and rules between fields by the errors.
"""


def page() -> str:
    return f"{INTRO}\n{schema.taken(json_schema(EngineConfig))}"


def schema_file() -> str:
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Written by `make docs` from conduit.rhythm.EngineConfig. Change it there.",
        "title": "Conduit groove config",
        **json_schema(EngineConfig),
    }
    return json.dumps(whole, indent=2, ensure_ascii=False)
