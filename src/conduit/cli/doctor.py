"""``conduit doctor``: what works here, what does not, how to enable it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from conduit.cli.printing import out, print_json
from conduit.cli.running import AsJson, call, run

if TYPE_CHECKING:
    from conduit.app import App

_SIGNS = {"ok": "[green]✓[/]", "off": "[yellow]–[/]", "broken": "[red]✗[/]"}


def doctor(as_json: AsJson = False) -> None:
    """Say what works on this machine, what does not, and how to enable it.

    Ends with status 1 when something is broken. Example: `conduit doctor`
    """

    async def work(app: App) -> None:
        found: Any = await call(app, "system.doctor", {})
        if as_json:
            print_json(found)
        else:
            width = max(len(finding.name) for finding in found.findings)
            for finding in found.findings:
                _print(finding, width)
        if not found.well:
            raise typer.Exit(1)

    run(work, as_json=as_json, tolerant=True)


def _print(finding: Any, width: int) -> None:
    """A finding on a line, what to do below it; nothing is wrapped, so that it can be copied."""
    name = f"[bold]{escape(finding.name)}[/]{' ' * (width - len(finding.name))}"
    out.print(f"{_SIGNS[finding.state]} {name}  {escape(finding.detail)}", soft_wrap=True)
    if finding.enable:
        out.print(f"  {' ' * width}  [dim]→ {escape(finding.enable)}[/]", soft_wrap=True)
