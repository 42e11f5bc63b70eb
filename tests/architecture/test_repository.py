"""House rules that a linter cannot say. Each pattern comes with a line that breaks it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_OURS = {
    ".git",
    ".hypothesis",
    ".import_linter_cache",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".tools",
    ".venv",
    "__pycache__",
    "build",
    "dist",
    "node_modules",
    "static",
}
TEXT = {
    "", ".cfg", ".css", ".html", ".js", ".json", ".md", ".py", ".sh", ".toml", ".ts", ".tsx",
    ".txt", ".yaml", ".yml",
}  # fmt: skip

RULES = {
    "names the host of a package registry": (
        re.compile(r"\b(pypi|pythonhosted|npmjs|yarnpkg)\.(org|com)\b"),
        "https://pypi" + ".org/simple",
    ),
    "holds a path of one person's machine": (
        re.compile(r"(?<![\w.$}~*-])/(home|root|Users|work)/\w"),
        "open('/home" + "/ada/grooves')",
    ),
    "leaves something for later": (
        re.compile(r"\b([T]ODO|[F]IXME|[H]ACK)\b"),
        "# TO" + "DO: finish",
    ),
    "silences every rule of a line at once": (
        re.compile(r"#\s*(noqa|type:\s*ignore)(?![\w:\[(])"),
        "import os  # no" + "qa",
    ),
}
ROOM_NAMES_THAT_SAY_NOTHING = {
    "base", "common", "core", "helper", "helpers", "lib", "manager", "misc", "services", "shared",
    "util", "utils",
}  # fmt: skip

LONGEST_FILE = 450
LONGER_WITH_REASON: dict[str, str] = {}
"""Path below the root: why it is one thing and better whole. This list only gets shorter."""


def our_files() -> Iterator[Path]:
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_OURS]
        yield from (Path(folder) / name for name in files if Path(name).suffix in TEXT)


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            if "generated" not in path.parts:  # nobody wrote it, and it is not kept
                yield path


@pytest.mark.parametrize("rule", RULES)
def test_no_file_breaks(rule: str) -> None:
    pattern, breaks_it = RULES[rule]
    assert pattern.search(breaks_it)
    broken = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:90]}"
        for path in our_files()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert broken == []


def test_rooms_and_files_have_names_that_say_something() -> None:
    names = {path.stem for path in python_files("src", "tests", "tools")}
    names |= {path.parent.name for path in python_files("src", "tests", "tools")}
    assert names & ROOM_NAMES_THAT_SAY_NOTHING == set()


def test_no_file_is_too_long_to_read() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in python_files("src", "tests", "tools", "bench")
    }
    long = {path for path, length in lengths.items() if length > LONGEST_FILE}
    assert long == set(LONGER_WITH_REASON)


def test_every_module_says_its_idea() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in python_files("src", "tests", "tools", "bench")
        if not path.read_text().lstrip().startswith(('"""', 'r"""'))
    ]
    assert silent == []
