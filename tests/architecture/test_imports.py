"""What importing costs, and what the lowest room may import at all."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import conduit

PACKAGE = Path(conduit.__file__).parent


def imported_packages(file: Path) -> Iterator[str]:
    """First names of everything that a file imports, in functions too."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module).partition(".")[0]


def test_contracts_need_the_standard_library_only() -> None:
    allowed = sys.stdlib_module_names | {"conduit"}
    foreign = {
        f"{file.name}: {name}"
        for file in (PACKAGE / "contracts").rglob("*.py")
        for name in imported_packages(file)
        if name not in allowed
    }
    assert foreign == set()


def test_importing_conduit_brings_nothing_else() -> None:
    script = (
        "import sys; before = set(sys.modules); import conduit\n"
        "print(sorted(set(sys.modules) - before - {'conduit', '__future__'}))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stdout + result.stderr


def test_no_vendor_sdk_is_used_anywhere() -> None:
    sdks = {"anthropic", "boto3", "cohere", "groq", "litellm", "mistralai", "ollama"}
    used = {name for file in PACKAGE.rglob("*.py") for name in imported_packages(file)}
    assert used & (sdks | {"openai"}) == set()
    texts = [file.read_text() for file in PACKAGE.rglob("*.py")]
    assert not [text for text in texts if re.search(r"^\s*(from|import) google\.gen", text, re.M)]
