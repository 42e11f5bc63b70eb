"""Going on with a plan from the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from conduit.cli.printing import out, print_json, print_table, working
from conduit.cli.running import call

if TYPE_CHECKING:
    from conduit.app import App

_LONGEST = 80


async def go_on(
    app: App, run_id: str, retry: Sequence[str], skip: Sequence[str], *, as_json: bool
) -> None:
    """Carry out what is left of a plan, and print what came of it."""
    decisions = {**dict.fromkeys(retry, "retry"), **dict.fromkeys(skip, "skip")}
    with working("going on", quiet=as_json):
        plan: Any = await call(app, "planner.execute", {"run_id": run_id, "decisions": decisions})
    if as_json:
        print_json(plan)
        return
    out.print(f"[bold]{escape(plan.runId)}[/] {plan.status}")
    print_table(("step", "id", ""), [_row(each) for each in plan.results])
    for each in plan.results:
        if hasattr(each, "error") and each.error.code == "uncertain":
            named = each.id or "NUMBER"
            again = f"conduit runs resume {plan.runId} --retry {named}"
            out.print(f"It may have been done. Look, then: {escape(again)}, or --skip {named}")


def _row(result: Any) -> tuple[str, str, str]:
    told = "done"
    if hasattr(result, "error"):
        told = f"{result.error.code}: {result.error.message}"
    return escape(result.step), escape(result.id), escape(told[:_LONGEST])
