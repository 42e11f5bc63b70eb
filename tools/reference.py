"""Write ``docs/reference/`` from the code; with ``--check``, only say whether that would change it.

Each page is made from what the program itself uses: the error classes, the catalog, the parser of
the command line, the route table, the variables it reads. So a page cannot describe what is gone,
and ``make check`` fails when one lacks what is new.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from reference_pages import (
    blocks,
    commands,
    envelope,
    errors,
    groove_config,
    http,
    models,
    providers,
    settings,
)

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
NOTICE = "<!-- Written by `make docs` from the code. Change it there. -->\n\n"

PAGES: dict[str, Callable[[], str]] = {
    "blocks.md": blocks.page,
    "command-line.md": commands.page,
    "errors.md": errors.page,
    envelope.SCHEMA_FILE: envelope.schema_file,
    "groove-config.md": groove_config.page,
    groove_config.SCHEMA_FILE: groove_config.schema_file,
    "http.md": http.page,
    "models.md": models.page,
    "providers.md": providers.page,
    "settings.md": settings.page,
}


def differences(name: str, wanted: str) -> list[str]:
    """A unified diff from the page as it is to the page as it should be."""
    path = FOLDER / name
    have = path.read_text(encoding="utf-8") if path.exists() else ""
    return list(
        difflib.unified_diff(
            have.splitlines(), wanted.splitlines(), f"{name} as it is", f"{name} as the code is"
        )
    )


def noticed(name: str) -> str:
    """How a page begins. JSON has no comments, and says it in a field of its own."""
    return NOTICE if name.endswith(".md") else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    check = parser.parse_args().check
    written = {name: noticed(name) + write().rstrip() + "\n" for name, write in PAGES.items()}
    changed = {name: lines for name, text in written.items() if (lines := differences(name, text))}
    orphans = [path.name for path in FOLDER.glob("*.*") if path.name not in written]
    if check:
        for lines in changed.values():
            print("\n".join(lines[:40]))
        for name in orphans:
            print(f"docs/reference/{name} is not made from anything")
        if changed or orphans:
            print("reference: run `make docs`", file=sys.stderr)
        return 1 if changed or orphans else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in changed:
        (FOLDER / name).write_text(written[name], encoding="utf-8")
        print(f"docs/reference/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
