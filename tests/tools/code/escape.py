"""One way out of a sandbox."""

from __future__ import annotations

from dataclasses import dataclass

ALL_RIGHT = ("ok",)


@dataclass(frozen=True)
class Escape:
    """``outside`` in the code stands for a folder of this machine with a secret in it."""

    name: str
    code: str
    whys: tuple[str, ...] = ALL_RIGHT
    said: str = ""
    seconds: float = 2.5


def tries(name: str, *attempts: str, said: str = "contained") -> Escape:
    """A program whose attempts must all raise ``OSError``."""
    body = "import os, sys, socket, ctypes, signal\n"
    for each in attempts:
        lines = "\n".join(f"    {line}" for line in each.splitlines())
        body += f"try:\n{lines}\n    print('ESCAPED', {each[:40]!r})\n"
        body += "except OSError as error:\n    print('contained', error)\n"
    return Escape(name, body, said=said)
