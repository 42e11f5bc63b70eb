"""The steered showcases: they sound as they did, keep their windows, and the guide lists them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from conduit.rhythm import render

ROOT = Path(__file__).parents[3]
SHOWCASES = sorted((ROOT / "configs").glob("m4_*"))

GOLDEN = {
    "m4_bare_room.json": "6175243edc7a6fff",
    "m4_leaning_kerb.yaml": "ed80a9a468394808",
    "m4_long_climb.json": "c63ea8f8910fdecb",
    "m4_restless.yaml": "e2368539d7cce67d",
    "m4_rolling_tide.json": "2c11170f6b34b10a",
    "m4_slow_orbit.yaml": "ba0223b8d4fb3c86",
}


def test_there_is_a_hash_for_each() -> None:
    assert [path.name for path in SHOWCASES] == sorted(GOLDEN)


@pytest.mark.parametrize("path", SHOWCASES, ids=lambda path: path.name)
def test_notes_are_the_same_on_every_machine(path: Path) -> None:
    """A changed hash means that it sounds different: say so in the changelog, or find out why."""
    notes = render(path).notes
    assert hashlib.sha256(notes.tobytes()).hexdigest()[:16] == GOLDEN[path.name]


@pytest.mark.parametrize("path", SHOWCASES, ids=lambda path: path.name)
def test_windows_are_held_after_the_eighth_bar(path: Path) -> None:
    late = render(path).log[8:]
    assert sum(not entry.outside for entry in late) >= 0.95 * len(late)


def test_the_guide_says_what_to_listen_for() -> None:
    guide = (ROOT / "docs" / "guides" / "grooves.md").read_text()
    for path in SHOWCASES:
        assert f"| `{path.name}` | {render(path, bars=1).config.listen} |" in guide
