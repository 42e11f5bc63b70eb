"""``conduit usage``: what language models were used for, and what it cost."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conduit.cli.printing import out, print_json, print_table
from conduit.cli.running import AsJson, call, run

if TYPE_CHECKING:
    from conduit.app import App

_MICRO = 1_000_000


class By(enum.StrEnum):
    """What a row of the table is for."""

    MODEL = "model"
    PROVIDER = "provider"
    SUBJECT = "subject"
    DAY = "day"


def usage(
    by: Annotated[By, typer.Option(help="What a row is for.")] = By.MODEL,
    since: Annotated[str, typer.Option(help="From this date or time on, like 2026-01-31.")] = "",
    until: Annotated[str, typer.Option(help="Before this date or time.")] = "",
    org: Annotated[str, typer.Option(help="Organisation, by name or UUID.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show what language models were used for: requests, tokens, cost.

    Example: `conduit usage --by day --since 2026-01-01`

    A `~` before tokens says that some are estimates, because the provider counted none; a `+`
    after a cost, that the price of some requests is not known, a `–` that none is. Where models
    were asked several times, `agree` is how far their answers did, and in how many votes.
    """

    async def work(app: App) -> None:
        from conduit.app.key_record import organisation

        org_id = organisation(org) if org else ""
        question = {"by": by.value, "since": since, "until": until, "org_id": org_id}
        found: Any = await call(app, "usage.summary", question)
        if as_json:
            print_json(found)
        elif not found.rows:
            out.print("No language model was asked in this time.")
        else:
            rows = [_row(row) for row in found.rows]
            if len(rows) > 1:
                rows.append(_row(found.total, "all"))
            heads = [by.value, "requests", "failed", "input", "output", "cost US$"]
            if found.total.votes:
                heads.append("agree")
                for row, spent in zip(rows, (*found.rows, found.total), strict=False):
                    row.append(_agreed(spent))
            print_table(heads, rows)

    run(work, as_json=as_json, detect=False)


def _row(spent: Any, name: str = "") -> list[str]:
    about = "~" if spent.estimated else ""
    return [
        name or spent.key or "–",
        f"{spent.requests:,}",
        f"{spent.failed:,}" if spent.failed else "",
        f"{about}{spent.input_tokens:,}",
        f"{about}{spent.output_tokens:,}",
        _cost(spent),
    ]


def _agreed(spent: Any) -> str:
    return f"{spent.agreement:.0%} of {spent.votes:,}" if spent.votes else ""


def _cost(spent: Any) -> str:
    if spent.unpriced == spent.requests:
        return "–"
    return f"{spent.cost_micro / _MICRO:,.4f}{'+' if spent.unpriced else ''}"
