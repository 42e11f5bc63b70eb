"""``conduit models``: every model name that leads somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conduit.cli.printing import out, print_json, print_table
from conduit.cli.running import AsJson, call, run

if TYPE_CHECKING:
    from conduit.app import App

_MICRO = 1_000_000


def models(as_json: AsJson = False) -> None:
    """List what can be asked for: groups, aliases, models with their context window and price.

    Example: `conduit models`

    Prices are US dollars for a million tokens, in and out. What is not known is left empty; the
    part `models:` of providers.yaml adds it.
    """

    async def work(app: App) -> None:
        found: Any = await call(app, "models.names", {})
        if as_json:
            print_json(found)
        elif not found.models:
            out.print("No model is configured: `conduit providers add` adds who has some.")
        else:
            columns = ("model", "of", "context", "output", "reads", "US$ in", "US$ out")
            print_table(columns, [_row(each) for each in found.models])

    run(work, as_json=as_json)


def _row(model: Any) -> tuple[str, ...]:
    facts = model.facts
    price = facts.price
    of_one_model = facts.context or facts.output or price
    return (
        model.name,
        model.owned_by,
        tokens(facts.context),
        tokens(facts.output),
        ", ".join(facts.modalities) if of_one_model else "",
        f"{price.input / _MICRO:g}" if price else "",
        f"{price.output / _MICRO:g}" if price else "",
    )


def tokens(count: int | None) -> str:
    """A number of tokens, empty where it is not known."""
    return "" if count is None else f"{count:,}"
