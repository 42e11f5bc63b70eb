"""``conduit doctor``: what works here, what does not, how to enable it."""

from __future__ import annotations

from typing import Any

import typer
from rich.markup import escape

from conduit.app import App
from conduit.cli.printing import out, print_json
from conduit.cli.running import AsJson, call, run

_SIGNS = {"ok": "[green]✓[/]", "off": "[yellow]–[/]", "broken": "[red]✗[/]"}


def doctor(as_json: AsJson = False) -> None:
    """Say what works on this machine, what does not, and how to enable it."""

    async def work(app: App) -> None:
        found: Any = await call(app, "system.doctor", {})
        if as_json:
            print_json(found)
        else:
            for finding in found.findings:
                _print(finding)
        if not found.well:
            raise typer.Exit(1)

    run(work, as_json=as_json)


def _print(finding: Any) -> None:
    detail = escape(finding.detail)
    out.print(f"{_SIGNS[finding.state]} [bold]{finding.name}[/]  {detail}", soft_wrap=True)
    if finding.enable:
        out.print(f"    [dim]to enable:[/] {escape(finding.enable)}", soft_wrap=True)
