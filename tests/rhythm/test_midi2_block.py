"""A groove that was rendered, as a MIDI 2.0 clip file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conduit.blocks import Catalog, Gate
from conduit.contracts.call import LOCAL_OWNER
from conduit.contracts.errors import NotFound
from conduit.midi import smf, ump
from conduit.midi.clip import read_clip
from conduit.rhythm.blocks import groove_blocks
from conduit.rhythm.midi2_block import key_for, midi2_block
from conduit.rhythm.scale import Root, Scale
from conduit.store.database import Database
from conduit.store.files import DiskFiles
from conduit.store.grooves import Grooves


async def test_a_groove_becomes_a_clip(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/c.db")
    files, grooves = DiskFiles(tmp_path), Grooves(database)
    catalog = Catalog((*groove_blocks(files, grooves), midi2_block(files, grooves)))
    gate = Gate(catalog, new_id=lambda: "id")
    wish = {"style": "acid", "bars": 2, "parts": ["bass"]}
    made: Any = await gate.acall("groove.render", wish, LOCAL_OWNER)
    found: Any = await gate.acall("groove.midi2", {"groove_id": made.groove_id}, LOCAL_OWNER)
    assert found.clip.name.endswith(".midi2")
    clip = read_clip(files.get(LOCAL_OWNER.org_id, found.clip.id)[1], strict=True)
    song = smf.loads(files.get(LOCAL_OWNER.org_id, made.midi.id)[1])
    notes = [each for each in clip.events if isinstance(each.message, ump.Midi2NoteOn)]
    assert len(notes) == len(song.notes) > 20
    kinds = {type(each.message) for each in clip.events}
    assert {ump.SetTempo, ump.SetTimeSignature, ump.SetKeySignature, ump.SetChordName} <= kinds
    with pytest.raises(NotFound):
        await gate.acall("groove.midi2", {"groove_id": "no-such"}, LOCAL_OWNER)
    database.close()


def test_keys_of_scales() -> None:
    assert key_for(Root.A, Scale.MINOR).sharps == 0
    assert key_for(Root.F_SHARP, Scale.PHRYGIAN).minor
    assert not key_for(Root.G, Scale.MIXOLYDIAN).minor
