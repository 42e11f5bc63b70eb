"""What a person types for a config: a file or a style."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conduit.contracts.errors import InvalidInput, NotFound
from conduit.rhythm import STYLES, Style, load_config
from conduit.rhythm.sources import config_data


@pytest.mark.parametrize("style", Style)
def test_a_style_by_its_name(style: Style) -> None:
    assert load_config(config_data(style.value)) == STYLES[style]


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "dub.json"
    path.write_text(json.dumps({"layers": []}))
    assert config_data(str(path)) == {"layers": []}
    with pytest.raises(NotFound):
        config_data("no-such.yaml")
    with pytest.raises(InvalidInput, match="neither a style nor a config file"):
        config_data("polka")
