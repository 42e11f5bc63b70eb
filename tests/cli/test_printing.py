"""What reaches a terminal is text, whoever wrote it."""

from __future__ import annotations

import io
import json

import pytest

from conduit.cli import printing
from conduit.cli.printing import SafeConsole, print_error, print_json, print_markdown, print_table
from conduit.contracts.errors import InvalidInput

EVIL = "a\x1b]52;c;AAAA\x07b\x1b[2J\x9b2J\rc\x7f"
PLAIN = "a]52;c;AAAAb[2J2Jc"


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Standard output and error of a terminal without colours."""
    written = io.StringIO()
    for name in ("out", "err"):
        console = SafeConsole(file=written, highlight=False, color_system=None, width=120)
        monkeypatch.setattr(printing, name, console)
    return written


def test_no_text_is_a_command_to_the_terminal(screen: io.StringIO) -> None:
    print_markdown(f"{EVIL}\n\n`{EVIL}`\n\n[x](http://x/{EVIL})")
    print_table((EVIL, "b"), [(EVIL, EVIL)])
    print_error(InvalidInput(EVIL, hint=EVIL))
    shown = screen.getvalue()
    assert shown.count(PLAIN) == 5  # Markdown makes a space of the carriage return
    assert not [char for char in shown if not char.isprintable() and char != "\n"]


def test_json_says_the_same_without_them(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"text": EVIL})
    shown = capsys.readouterr().out
    assert not [char for char in shown if not char.isprintable() and char != "\n"]
    assert json.loads(shown) == {"text": EVIL}


def test_colours_are_still_there() -> None:
    written = io.StringIO()
    console = SafeConsole(file=written, force_terminal=True, color_system="standard", width=90)
    console.print(f"[red]{EVIL}[/]", highlight=False)
    assert written.getvalue() == f"\x1b[31m{PLAIN}\x1b[0m\n"
