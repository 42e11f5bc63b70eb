"""What a tool says that it saved or stored: taken where it makes sense, whoever says it."""

from __future__ import annotations

import pytest

from conduit.agents.events import ToolUse
from conduit.contracts.files import FileRef
from conduit.contracts.json import Json

REF = {"id": "abc", "name": "a.mid", "media_type": "audio/midi", "size": 3}


@pytest.mark.parametrize(
    ("result", "saved", "files"),
    [
        (None, (), ()),
        ("saved", (), ()),
        (["saved"], (), ()),
        ({"saved": "out/a.mid"}, (), ()),
        ({"saved": {"a": 1}}, (), ()),
        ({"saved": ["out/a.mid", 7, None]}, ("out/a.mid",), ()),
        ({"midi": REF}, (), (FileRef("abc", "a.mid", "audio/midi", 3),)),
        ({"midi": {"media_type": "x"}}, (), ()),
        ({"midi": {**REF, "id": 7}}, (), ()),
    ],
)
def test_what_tools_say(result: Json, saved: tuple[str, ...], files: tuple[FileRef, ...]) -> None:
    use = ToolUse("1", "mcp.some.tool", {}, True, result)
    assert (use.saved, use.files) == (saved, files)
    failed = ToolUse("1", "mcp.some.tool", {}, False, result)
    assert (failed.saved, failed.files) == ((), ())
