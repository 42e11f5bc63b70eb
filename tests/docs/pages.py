"""The pages of the documentation, taken apart into blocks of code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

NOT_RUN = re.compile(r"<!-- not-run: (?P<reason>\S.*?) -->")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block. ``line`` is the 1-based line of its first line of code."""

    language: str
    code: str
    line: int
    not_run: str = ""
    """Why it is not run; empty when it is."""


@dataclass(frozen=True, slots=True)
class Command:
    """One ``$ command`` of a console block, and the lines shown below it."""

    text: str
    shown: tuple[str, ...]
    line: int


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block, with the marker comment right before it if there is one."""
    reason = ""
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        if token.type == "html_block":
            marker = NOT_RUN.search(token.content)
            reason = marker["reason"] if marker else ""
        elif token.type == "fence" and token.map:
            yield Block(token.info.strip(), token.content, token.map[0] + 2, reason)
            reason = ""
        elif token.nesting >= 0:
            reason = ""


def commands(block: Block) -> Iterator[Command]:
    """Take a console block apart. A command goes on after a backslash, or after ``> ``."""
    text, first = "", 0
    shown: list[str] = []
    for number, line in enumerate(block.code.splitlines(), block.line):
        if line.startswith("$ "):
            if text:
                yield Command(text, tuple(shown), first)
            text, shown, first = line[2:], [], number
        elif not shown and text.endswith("\\"):
            text = f"{text[:-1]}{line.removeprefix('>').lstrip()}"
        elif not shown and line.startswith("> "):
            text = f"{text}\n{line[2:]}"
        elif not text:
            raise ValueError(f"line {number}: a console block starts with '$ command'")
        else:
            shown.append(line)
    if text:
        yield Command(text, tuple(shown), first)


def says(output: str, shown: tuple[str, ...]) -> str:
    """The first shown line that the output does not have in that order, or the empty string.

    ``…`` or ``...`` in a shown line stands for anything; alone it stands for any lines. Runs of
    blanks count as one.
    """
    rest = [" ".join(line.split()) for line in output.splitlines()]
    for line in shown:
        words = " ".join(line.split())
        if not words or words in {"…", "..."}:
            continue
        pattern = re.compile(".*".join(map(re.escape, re.split(r"…|\.\.\.", words))))
        found = next((at for at, candidate in enumerate(rest) if pattern.fullmatch(candidate)), -1)
        if found < 0:
            return line
        rest = rest[found + 1 :]
    return ""
