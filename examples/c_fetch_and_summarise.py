"""A page of the web becomes a typed summary: the published example, word for word."""

# Its imports and lines stay as they were published, so neither formatter nor linter may have them.
# fmt: off
# ruff: noqa: I001

from dataclasses import dataclass
from conduit.blocks import HttpGetBlock, NoOp
from conduit.runtime import LMLiteBlock
from conduit.conduit_types import ComputeProvider, LmLiteModelConfig

@dataclass
class Page:
    url: str
    html: str

@dataclass
class Summary:
    title: str
    bullets: list[str]

get = HttpGetBlock("https://example.com")
resp = get(NoOp())

if resp.success and resp.data:
    page = Page(url="https://example.com", html=resp.data)

    lm = LMLiteBlock(
        models=[LmLiteModelConfig("Qwen/Qwen3-4B-Instruct-2507-FP8")],
        compute_provider=ComputeProvider.LOCAL,
    )

    out = lm(
        model_id="Qwen/Qwen3-4B-Instruct-2507-FP8",
        input=page,
        output=Summary,
        guidance="Extract a short title and 3–7 bullet takeaways.",
    )
    print(out)
