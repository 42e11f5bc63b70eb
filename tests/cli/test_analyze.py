"""``conduit analyze`` as a process; that it hears is tested by its guide and in ``tests/audio``."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.terminal import conduit


def test_what_is_no_sound_is_refused_with_a_hint(tmp_path: Path) -> None:
    environ = {"CONDUIT_HOME": f"{tmp_path}/home", "CONDUIT_DB_URI": f"sqlite:///{tmp_path}/a.db"}
    (tmp_path / "groove.mid").write_bytes(b"MThd" + bytes(40))
    done = conduit("analyze", "groove.mid", "--json", cwd=tmp_path, environ=environ)
    assert done.returncode == 1
    error = json.loads(done.stdout or done.stderr)["error"]
    assert error["code"] == "invalid_input"
    assert "MIDI" in error["message"]
    assert "audio.render" in error["hint"]
    done = conduit("analyze", "missing.wav", cwd=tmp_path, environ=environ)
    assert done.returncode == 1
    assert "there is no file 'missing.wav'" in done.stderr
