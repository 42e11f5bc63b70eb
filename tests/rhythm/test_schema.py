"""The published JSON Schema: what it takes is what the loader takes, field by field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.rhythm.test_load import BAD_FIELDS, BAD_LAYERS, CONFIGS, KICK

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "reference" / "groove-config.schema.json").read_text()
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def of_types(rows: list[tuple[dict[str, Any], str]]) -> list[dict[str, Any]]:
    """Those that break the type or the bounds of one field, which a schema can see."""
    breaks = ("bars", "bpm", "seed", "swing", "steps_per_bar", "cycle_bars", "evolve", "tempo")
    breaks += ("pitch", "name", "density", "timing", "length", "shape", "colour")
    return [fields for fields, _ in rows if next(iter(fields)) in breaks]


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_it_takes_every_ready_config(path: Path) -> None:
    VALIDATOR.validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def test_it_refuses_what_the_loader_refuses() -> None:
    configs = [{"layers": [KICK], **fields} for fields in of_types(BAD_FIELDS)]
    layers = [{"layers": [{**KICK, **fields}]} for fields in of_types(BAD_LAYERS)]
    # Infinity, NaN and rules between two fields are beyond JSON and its schemas.
    beyond = [
        config
        for config in configs + layers
        if VALIDATOR.is_valid(config) and "bins" not in json.dumps(config)
    ]
    assert [config["bpm"] for config in beyond if str(config["bpm"]) != "nan"] == []
    assert len(configs + layers) > 20
