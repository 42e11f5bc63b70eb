"""A quick chat: the published example, word for word."""

# Its imports and lines stay as they were published, so neither formatter nor linter may have them.
# fmt: off
# ruff: noqa: I001

from conduit.runtime import LMLiteBlock
from conduit.conduit_types import ComputeProvider, LmLiteModelConfig

model_id = "Qwen/Qwen3-4B-Instruct-2507-FP8"

lm = LMLiteBlock(
    models=[LmLiteModelConfig(model_id)],
    compute_provider=ComputeProvider.LOCAL,
)

messages = [{"role": "user", "content": "Write a haiku about GPUs."}]
text = lm(model_id=model_id, messages=messages)
print(text)
