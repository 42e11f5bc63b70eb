"""What the terminal shows: grooves as step grids, tables, errors with their hint."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from conduit.blocks import dumps
from conduit.contracts.errors import ConduitError
from conduit.contracts.outcome import ErrorInfo

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

_STEPS = {"X": ("●", "bold"), "x": ("○", ""), "-": ("◦", "dim"), ".": ("·", "bright_black")}
_COLOURS = ("red", "yellow", "cyan", "green", "magenta", "blue")
_BEAT = 4


def print_json(value: object) -> None:
    """One JSON value, indented, for other programs."""
    sys.stdout.write(json.dumps(json.loads(dumps(value)), indent=2, ensure_ascii=False) + "\n")


def print_error(error: ConduitError, *, as_json: bool = False) -> None:
    """An error on standard error; as JSON on standard output when that was asked for."""
    info = ErrorInfo.of(error)
    if as_json:
        print_json({"error": info})
        return
    err.print(f"[bold red]error:[/] {escape(info.message)}", soft_wrap=True)
    if info.hint:
        err.print(f"[dim]hint:[/] {escape(info.hint)}", soft_wrap=True)


def print_markdown(text: str) -> None:
    out.print(Markdown(text))


def print_groove(groove: dict[str, Any]) -> None:
    """A rendered groove as a step grid, as many bars side by side as fit."""
    lanes = groove["lanes"]
    if not lanes:
        out.print("[dim]every layer is muted[/]")
        return
    name_width = max(len(lane["name"]) for lane in lanes) + 1
    bar_width = groove["steps_per_bar"] + groove["steps_per_bar"] // _BEAT + 1
    shown = min(len(lanes[0]["bars"]), max(1, (out.width - name_width - 1) // bar_width))
    for row, lane in enumerate(lanes):
        line = Text(lane["name"].replace("_", " ").ljust(name_width), _COLOURS[row % len(_COLOURS)])
        for bar in lane["bars"][:shown]:
            line.append("│", "bright_black")
            line.append_text(_bar(bar, _COLOURS[row % len(_COLOURS)]))
        line.append("│", "bright_black")
        out.print(line, no_wrap=True, crop=True)
    more = groove["bars"] - shown
    legend = "● accent  ○ hit  ◦ ghost"
    out.print(f"[dim]{legend}{f'   … {more} more bars' if more > 0 else ''}[/]")


def _bar(bar: str, colour: str) -> Text:
    text = Text()
    for step, sign in enumerate(bar):
        if step and step % _BEAT == 0:
            text.append(" ")
        glyph, weight = _STEPS.get(sign, (sign, ""))
        text.append(glyph, weight if sign == "." else f"{weight} {colour}".strip())
    return text


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*map(escape, row))
    out.print(table)


CIRCUITS = {"closed": "● closed", "half_open": "◐ half-open", "open": "○ open"}


def print_providers(listed: Any) -> None:
    """Providers with their circuit breakers, in the order of asking."""
    rows = [
        (
            f"{'→' if p.active else ' '} {p.name}",
            p.model,
            CIRCUITS[p.circuit],
            f"{p.health}",
            "-" if p.average_ms is None else f"{p.average_ms:.0f} ms",
            p.last_error[:60],
        )
        for p in listed.providers
    ]
    print_table(("provider", "model", "circuit", "health", "average", "last error"), rows)
