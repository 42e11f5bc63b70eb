"""The published nouns, word for word, and the values they refuse."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import pytest

from conduit.conduit_types import (
    ComputeProvider,
    DeploymentStatus,
    DeploymentType,
    LmLiteModelConfig,
    LmModelConfig,
    NodeStatus,
    Runtime,
)
from conduit.contracts.errors import InvalidInput


def test_the_published_names() -> None:
    said = {
        kind.__name__: [member.name for member in kind]
        for kind in (ComputeProvider, Runtime, DeploymentType, DeploymentStatus, NodeStatus)
    }
    assert said == {
        "ComputeProvider": ["LOCAL", "RUNPOD"],
        "Runtime": ["LM_LITE"],
        "DeploymentType": ["LLM"],
        "DeploymentStatus": ["DEPLOYING", "DEPLOYED", "STOPPED"],
        "NodeStatus": ["PROVISIONING", "PROVISIONED", "DEPLOYED", "STOPPED"],
    }


def test_the_published_defaults() -> None:
    assert issubclass(LmLiteModelConfig, LmModelConfig)
    assert dataclasses.asdict(LmLiteModelConfig("Qwen/Qwen3-4B")) == {
        "id": "Qwen/Qwen3-4B",
        "max_model_len": 1024,
        "max_model_concurrency": 1,
        "model_batch_execute_timeout_ms": 500,
    }
    config = LmLiteModelConfig("m", max_model_len=5000)
    assert pickle.loads(pickle.dumps(config)) == config


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""),
        ("id", " m"),
        ("id", "a\nb"),
        ("id", "m" * 201),
        ("id", 5),
        ("max_model_len", 0),
        ("max_model_len", 1.5),
        ("max_model_concurrency", -1),
        ("max_model_concurrency", True),
        ("model_batch_execute_timeout_ms", "500"),
    ],
)
def test_values_that_no_model_can_have(field: str, value: Any) -> None:
    fields: dict[str, Any] = {"id": "m"} | {field: value}
    with pytest.raises(InvalidInput) as caught:
        LmLiteModelConfig(**fields)
    assert caught.value.where == f"LmLiteModelConfig.{field}"
    assert caught.value.hint
