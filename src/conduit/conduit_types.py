"""Nouns of running a model yourself: where, by what, in which state, and how it is set up."""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields

from conduit.contracts.errors import InvalidInput

_LONGEST_ID = 200


class ComputeProvider(enum.Enum):
    """Where models run."""

    LOCAL = "LOCAL"
    RUNPOD = "RUNPOD"


class Runtime(enum.Enum):
    """What runs them."""

    LM_LITE = "LM_LITE"


class DeploymentType(enum.Enum):
    """What kind of model is deployed."""

    LLM = "LLM"


class DeploymentStatus(enum.Enum):
    """How far a deployment has come."""

    DEPLOYING = "DEPLOYING"
    DEPLOYED = "DEPLOYED"
    STOPPED = "STOPPED"


class NodeStatus(enum.Enum):
    """How far one machine of a deployment has come."""

    PROVISIONING = "PROVISIONING"
    PROVISIONED = "PROVISIONED"
    DEPLOYED = "DEPLOYED"
    STOPPED = "STOPPED"


@dataclass(frozen=True)
class LmModelConfig:
    """A language model and what is asked of it. Raises ``InvalidInput`` for values that no model
    can have.

    Attributes:
        id: name of the model, such as ``Qwen/Qwen3-4B-Instruct-2507-FP8``; 1 to 200 characters.
        max_model_len: tokens of input and output together, at least 1.
        max_model_concurrency: calls answered at the same time, at least 1.
    """

    id: str
    max_model_len: int = 1024
    max_model_concurrency: int = 1

    def __post_init__(self) -> None:
        known = isinstance(self.id, str) and self.id.isprintable() and self.id == self.id.strip()
        if not known or not 0 < len(self.id) <= _LONGEST_ID:
            raise self._fault("id", "expected the name of a model", "like Qwen/Qwen3-4B")
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "id" and (type(value) is not int or value < 1):
                raise self._fault(
                    field.name, f"expected an int of at least 1, got {value!r:.40}", "count from 1"
                )

    def _fault(self, field: str, message: str, hint: str) -> InvalidInput:
        return InvalidInput(message, where=f"{type(self).__name__}.{field}", hint=hint)


@dataclass(frozen=True)
class LmLiteModelConfig(LmModelConfig):
    """The same for the runtime ``LM_LITE``.

    Attributes:
        model_batch_execute_timeout_ms: longest wait for a batch to fill, in milliseconds.
    """

    model_batch_execute_timeout_ms: int = 500
