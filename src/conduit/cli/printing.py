"""What the terminal shows: grooves as step grids, tables, errors with their hint."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from conduit.blocks import dumps
from conduit.contracts.errors import ConduitError, InvalidInput, ProviderError
from conduit.contracts.outcome import ErrorInfo

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_CONTROL_IN_JSON = re.compile("[\x7f-\x9f\ud800-\udfff]")
"""And half characters, which a path has where a file's name is no text."""


class SafeConsole(Console):
    """A console that obeys no text: what a model or a web page wrote may hold the sequences that
    clear a screen, rename a window or fill the clipboard."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield (
                segment
                if segment.control
                else segment._replace(text=_CONTROL.sub("", segment.text))
            )


out = SafeConsole(highlight=False)
err = SafeConsole(stderr=True, highlight=False)

_WEIGHTS = {"X": "bold", "x": "", "-": "dim", ".": "bright_black"}
_SHAPES = str.maketrans({"X": "●", "x": "○", "-": "◦", ".": "·", "|": "│"})
_COLOURS = ("red", "yellow", "cyan", "green", "magenta", "blue")
_BEAT = 4
_READABLE = 88
"""Columns of prose; a wide terminal does not make long lines easier to read."""
_NARROW = 72
"""Below this, rows are shown as paragraphs: a table would cut every word."""


def print_json(value: object) -> None:
    """One JSON value, indented, for other programs; nothing in it is a command to a terminal."""
    text = json.dumps(value, default=_plain, indent=2, ensure_ascii=False)
    sys.stdout.write(_CONTROL_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def _plain(value: object) -> object:
    return json.loads(dumps(value))


def print_error(error: ConduitError, *, as_json: bool = False) -> None:
    """An error on standard error; as JSON on standard output when that was asked for."""
    info = ErrorInfo.of(error)
    if not info.hint:
        info = replace(info, hint=_usual_hint(error))
    if as_json:
        print_json({"error": info})
        return
    err.print(f"[bold red]error:[/] {escape(info.message)}", soft_wrap=True)
    if info.hint:
        err.print(f"[dim]hint:[/] {escape(info.hint)}", soft_wrap=True)


def print_warning(what: str, why: ErrorInfo) -> None:
    """What does not keep a command from going on, on standard error whatever is printed else."""
    err.print(f"[bold yellow]warning:[/] {what}: {escape(why.message)}", soft_wrap=True)
    if why.hint:
        err.print(f"[dim]hint:[/] {escape(why.hint)}", soft_wrap=True)


def _usual_hint(error: ConduitError) -> str:
    """What helps when whoever raised an error had nothing to add."""
    if isinstance(error, InvalidInput):
        return "`conduit blocks show NAME` lists the fields of a block, `--help` the options"
    if isinstance(error, ProviderError):
        return "`conduit providers` shows who else could answer"
    return "`conduit doctor` says what works on this machine and what does not"


@contextmanager
def working(what: str, *, quiet: bool) -> Iterator[None]:
    """A sign of life on a terminal while something takes its time."""
    if quiet or not err.is_terminal:
        yield
        return
    with err.status(f"{escape(what)} …"):
        yield


def print_markdown(text: str) -> None:
    from rich.markdown import Markdown  # 30 ms that most commands need not wait for

    out.print(Markdown(text), width=min(out.width, _READABLE))


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
            line.append(_drawn("|"), "bright_black")
            line.append_text(_bar(bar, _COLOURS[row % len(_COLOURS)]))
        line.append(_drawn("|"), "bright_black")
        out.print(line, no_wrap=True, crop=True)
    more = groove["bars"] - shown
    legend = f"{_drawn('X')} accent  {_drawn('x')} hit  {_drawn('-')} ghost"
    left = f"   … {more} more bar{'s' if more > 1 else ''}" if more > 0 else ""
    out.print(f"[dim]{legend}{left}[/]")


def _bar(bar: str, colour: str) -> Text:
    text = Text()
    for step, sign in enumerate(bar):
        if step and step % _BEAT == 0:
            text.append(" ")
        weight = _WEIGHTS.get(sign, "")
        text.append(_drawn(sign), weight if sign == "." else f"{weight} {colour}".strip())
    return text


def _drawn(sign: str) -> str:
    """A step as a shape; where a terminal has no such characters, as the letter that it is."""
    return sign.translate(_SHAPES) if out.encoding.startswith("utf") else sign


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table without lines; its first column is a name and is never cut or wrapped."""
    if out.is_terminal and out.width < _NARROW:
        for name, *rest in rows:
            out.print(f"[bold]{escape(name)}[/]", soft_wrap=True)
            out.print(Padding(escape(" · ".join(filter(None, rest))), (0, 0, 0, 2)))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for at, column in enumerate(columns):
        table.add_column(column, no_wrap=at == 0)
    for row in rows:
        table.add_row(*map(escape, row))
    out.print(table)


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


CIRCUITS = {"closed": "● closed", "half_open": "◐ half-open", "open": "○ open"}


def print_providers(listed: Any) -> None:
    """Providers with their circuit breakers, in the order of asking."""
    rows = [
        (
            f"{'→' if p.active else ' '} {p.name}",
            p.model,
            CIRCUITS[p.circuit],
            f"{p.health} %",
            "" if p.average_ms is None else f"{p.average_ms:.0f} ms",
            _short(p.last_error),
        )
        for p in listed.providers
    ]
    print_table(("provider", "model", "circuit", "health", "average", "last error"), rows)
