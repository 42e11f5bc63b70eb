"""The options that say how models are to write."""

from __future__ import annotations

from typing import Annotated

import typer

Temperature = Annotated[
    float | None, typer.Option(help="0: the likeliest word, always; up to 2: more of chance.")
]
TopP = Annotated[
    float | None, typer.Option(help="Only from the likeliest words, of this probability in all.")
]
MaxTokens = Annotated[int | None, typer.Option(help="No answer of a model is longer.")]
Seed = Annotated[int | None, typer.Option(help="Of the model: the same one gives similar answers.")]
Stop = Annotated[
    list[str] | None, typer.Option(metavar="TEXT", help="Ends an answer where it comes; repeat it.")
]

Given = dict[str, float | int | list[str]]


def given(
    temperature: float | None,
    top_p: float | None,
    max_tokens: int | None,
    seed: int | None,
    stop: list[str] | None,
) -> Given | None:
    """What was said of it, by the names of its fields; None where nothing was."""
    said = {
        "temperature": temperature,
        "top_p": top_p,
        "max_tokens": max_tokens,
        "seed": seed,
        "stop": stop or None,
    }
    return {name: value for name, value in said.items() if value is not None} or None
