"""Lists of models as the official clients read them."""

from __future__ import annotations

import json
from decimal import Decimal

import anthropic
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.models.dialects.models_list import (
    ModelRow,
    anthropic_list,
    anthropic_model,
    openai_list,
    openai_model,
)
from conduit.models.routing.settings import ModelFacts, Price

from .conftest import Serve

FACTS = ModelFacts(200_000, 64_000, ("text", "image"), Price(3_000_000, 15_000_000, 300_000))
ROW = ModelRow("claude/m", "claude", 1_700_000_000, FACTS)
ROWS = [ROW, *(ModelRow(f"m{at}") for at in range(30))]


def test_the_openai_client_reads_the_list(serve: Serve) -> None:
    url = serve(json.dumps(openai_list(ROWS)).encode())
    with openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client:
        models = list(client.models.list())
    assert [model.id for model in models] == [row.name for row in ROWS]
    assert (models[0].owned_by, models[0].created) == ("claude", 1_700_000_000)
    extra = models[0].model_extra or {}
    assert extra["context_length"] == 200_000
    assert extra["pricing"] == {
        "prompt": "0.000003",
        "completion": "0.000015",
        "input_cache_read": "0.0000003",
    }


def test_what_is_not_known_is_not_told() -> None:
    assert openai_model(ModelRow("m")) == {
        "id": "m",
        "object": "model",
        "created": 0,
        "owned_by": "",
    }


@given(st.integers(0, 10**15))
def test_prices_are_exact(price: int) -> None:
    told = openai_model(ModelRow("m", facts=ModelFacts(price=Price(price))))["pricing"]["prompt"]
    assert Decimal(told) * 10**12 == price


def test_the_anthropic_client_reads_the_list(serve: Serve) -> None:
    url = serve(json.dumps(anthropic_list(ROWS[:3])).encode())
    with anthropic.Anthropic(base_url=url, api_key="k", max_retries=0) as client:
        models = list(client.models.list())
    assert [model.id for model in models] == ["claude/m", "m0", "m1"]
    assert models[0].created_at.year == 2023
    assert models[0].max_input_tokens == 200_000
    url = serve(json.dumps(anthropic_model(ROW)).encode())
    with anthropic.Anthropic(base_url=url, api_key="k", max_retries=0) as client:
        assert client.models.retrieve("claude/m").display_name == "claude/m"


@pytest.mark.parametrize("limit", [1, 7, 20, 31, 1000])
def test_pages_hold_every_model_once(limit: int) -> None:
    found: list[str] = []
    after = ""
    while True:
        page = anthropic_list(ROWS, limit=limit, after_id=after)
        assert len(page["data"]) <= limit
        found += [model["id"] for model in page["data"]]
        after = page["last_id"]
        if not page["has_more"]:
            break
    assert found == [row.name for row in ROWS]


def test_a_page_before_a_model_ends_with_its_neighbour() -> None:
    page = anthropic_list(ROWS, limit=2, before_id="m5")
    assert [model["id"] for model in page["data"]] == ["m3", "m4"]
    assert page["has_more"]
    assert anthropic_list([])["first_id"] is None
