"""The reader of pages itself: a docs test that sees nothing would pass for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import Block, Command, blocks, commands, says

PAGE = """\
# A page

```python
print(1)
```

<!-- not-run: needs a key -->
```console
$ conduit ask "hello"
```

<!-- not-run: belongs to nothing -->
Words between.

- in a list:

  ```json
  {}
  ```
"""


def test_blocks_are_found_with_their_lines_and_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    assert list(blocks(page)) == [
        Block("python", "print(1)\n", 4),
        Block("console", '$ conduit ask "hello"\n', 9, "needs a key"),
        Block("json", "{}\n", 18),
    ]


def test_commands_go_on_over_lines_and_keep_what_is_shown() -> None:
    code = "$ curl -s \\\n    -d '{}'\n{\n  1\n}\n$ conduit blocks list\n"
    assert list(commands(Block("console", code, 10))) == [
        Command("curl -s -d '{}'", ("{", "  1", "}"), 10),
        Command("conduit blocks list", (), 15),
    ]


def test_a_console_block_without_a_command_is_refused() -> None:
    with pytest.raises(ValueError, match="line 3"):
        list(commands(Block("console", "just output\n", 3)))


@pytest.mark.parametrize(
    ("shown", "missing"),
    [
        ((), ""),
        (("one", "three"), ""),
        (("one", "…", "", "three"), ""),
        (("t…o", "th..."), ""),
        (("three", "one"), "one"),
        (("on",), "on"),
        (("four",), "four"),
    ],
)
def test_shown_lines_must_come_in_order(shown: tuple[str, ...], missing: str) -> None:
    assert says("one\n  two  \nthree\n", shown) == missing
