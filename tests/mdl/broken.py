"""Right JSON, broken in one known way at a time: what was meant is known."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parent / "corpus"
_SHORTEST = 12


def repair_pairs() -> list[tuple[str, Any]]:
    """The texts of json_repair's tests, with what these expect."""
    return [(text, value) for text, value in json.loads((CORPUS / "json_repair.json").read_text())]


def documents() -> list[Any]:
    """The expected values of the pairs, each once."""
    found: list[Any] = []
    for _, value in repair_pairs():
        if value not in found and len(json.dumps(value)) > _SHORTEST:
            found.append(value)
    return found


def broken(value: Any) -> Iterator[tuple[str, str, Any]]:
    """How it is broken, the text, and what it means."""
    line = json.dumps(value, ensure_ascii=False)
    lines = json.dumps(value, ensure_ascii=False, indent=2)
    for kind, text in [*_without_one_mark(line, lines), *_rewritten(line, lines)]:
        yield kind, text, value
    for match in re.finditer(r'(?<=: ")[^"\\]{4,}(?=")', line):
        at = match.start() + 2
        meant = json.loads(line[:at] + "\\n" + line[at:])
        yield "line end in a text", line[:at] + "\n" + line[at:], meant


def _without_one_mark(line: str, lines: str) -> Iterator[tuple[str, str]]:
    for match in re.finditer(r', |: |["{}\[\]]', line):
        at, end = match.span()
        if at == 0:
            continue
        if match.group() in (", ", ": "):
            kind = "comma missing" if match.group() == ", " else "colon missing"
            yield kind, f"{line[:at]} {line[end:]}"
        else:
            kind = "quote missing" if match.group() == '"' else "bracket missing"
            yield kind, line[:at] + line[end:]
    for match in re.finditer(r",\n", lines):
        yield "comma missing, lines", lines[: match.start()] + lines[match.start() + 1 :]


def _rewritten(line: str, lines: str) -> Iterator[tuple[str, str]]:
    for match in re.finditer(r"[}\]]", lines):
        before = lines[: match.start()]
        if before.rstrip()[-1] not in "{[":
            yield "comma too many", f"{before},{lines[match.start() :]}"
    if "'" not in line and "\\" not in line:
        yield "Python", repr(json.loads(line))
    if "\\" not in line:
        yield "smart quotes", re.sub(r'"([^"]*)"', r"“\1”", line)
    yield "bare keys", re.sub(r'"(\w+)": ', r"\1: ", line)
    yield "comments", re.sub(r"\n", ' // so: "x", {y}\n', lines, count=2)
    yield "prose around", f"Here is what you asked for:\n{line}\nLet me know!"
    yield "fence around", f"Sure:\n```json\n{lines}\n```\nDone."
