"""A summary without a model: how each turn began and ended, in the words in which it was said.

Nothing is understood. When it grows too long, the lines go first that have no numbers, no names
and nothing that somebody says about themselves (in English). What tools said is not in it. Pure;
its time grows with the new turns only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from conduit.agents.memory.turns import Turn

LONGEST: Final = 4_000
"""Characters of a summary."""
_ASKED: Final = 240
_ANSWERED: Final = 160
_MARK: Final = "• "
_HEAD: Final = LONGEST // 2
"""Characters that are kept of a summary that a model wrote."""
_MOST_TOOLS: Final = 5
_SENTENCE: Final = re.compile(r"[.!?\u3002\uff01\uff1f](?=\s)")
_TELLING: Final = re.compile(
    r"\b(?:my|mine|our|i am|i'm|i have|i need|i want|i prefer|i like|we are|we need|call me|"
    r"remember|always|never|must|prefer|deadline|budget|allergic|decided|agreed|name is)\b",
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"(?<=[a-z,;:] )[A-Z][a-z]{2,}")
_DIGIT: Final = re.compile(r"\d")


def extracted(before: str, turns: Sequence[Turn]) -> str:
    """The summary so far with these turns added."""
    head, lines = _parts(before)
    lines += [line for turn in turns if (line := _line(turn))]
    room = LONGEST - sum(len(each) + 1 for each in head)
    return "\n".join([*head, *_fitting(list(dict.fromkeys(lines)), room)])  # each once


def _parts(summary: str) -> tuple[list[str], list[str]]:
    """What a model wrote, and the lines that were added after it."""
    lines = summary.splitlines()
    prose = "\n".join(each for each in lines if not each.startswith(_MARK)).strip()
    return [prose[:_HEAD]] if prose else [], [each for each in lines if each.startswith(_MARK)]


def _line(turn: Turn) -> str:
    said = [each.message for each in turn.messages]
    asked = next((each.content for each in said if each.role == "user"), "")
    answers = [each.content for each in said if each.role == "assistant" and each.content.strip()]
    tools = dict.fromkeys(call.name for each in said for call in each.tool_calls)
    parts = [f"asked: {_beginning(asked, _ASKED)}"] if asked.strip() else []
    if tools:
        parts.append(f"used: {', '.join(map(_word, list(tools)[:_MOST_TOOLS]))}")
    if answers:
        parts.append(f"answered: {_sentence(answers[-1], _ANSWERED)}")
    return f"{_MARK}{' | '.join(parts)}" if parts else ""


def _fitting(lines: Sequence[str], room: int) -> list[str]:
    """As many lines as there is room for, in their order; of equals the newer ones."""
    by_worth = sorted(range(len(lines)), key=lambda at: (-_worth(lines[at]), -at))
    kept: list[int] = []
    for at in by_worth:
        if len(lines[at]) + 1 <= room:
            kept.append(at)
            room -= len(lines[at]) + 1
    return [lines[at] for at in sorted(kept)]


def _worth(line: str) -> int:
    telling = {found.casefold() for found in _TELLING.findall(line)}
    return 2 * min(len(telling), 3) + bool(_DIGIT.search(line)) + bool(_NAME.search(line))


def _beginning(text: str, most: int) -> str:
    words = " ".join(text[: 4 * most].split())
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"


def _sentence(text: str, most: int) -> str:
    """The first sentence of a text, or how it begins."""
    words = " ".join(text[: 4 * most].split())
    found = _SENTENCE.search(words)
    return _beginning(words[: found.end()] if found else words, most)


def _word(name: str) -> str:
    return "".join(name.split())[:64]
