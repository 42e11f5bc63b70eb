"""``groove.midi2``: a groove as a MIDI 2.0 clip file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from conduit.blocks import Block, Effects, Length, block, current_call
from conduit.contracts.files import FileRef, FileStore
from conduit.midi import smf
from conduit.rhythm.blocks import GrooveStore
from conduit.rhythm.kept import kept_wish
from conduit.rhythm.scale import INTERVALS, Root, Scale

if TYPE_CHECKING:
    from conduit.midi.performance import Key

CLIP_TYPE = "audio/midi-clip"
_MINOR_THIRD = 3


@dataclass(frozen=True, slots=True)
class WantedClip:
    """One groove."""

    groove_id: Annotated[str, Length(1, 64), "as groove.render gave it"]


@dataclass(frozen=True, slots=True)
class GrooveClip:
    """A groove as a clip: notes with 16 bits of velocity, tempo, metre, key, chord and name."""

    groove_id: str
    title: str
    clip: FileRef


def key_for(root: Root, scale: Scale) -> Key:
    """The key of a scale: minor is what has a minor third."""
    from conduit.midi.performance import Key

    return Key.of(list(Root).index(root), minor=_MINOR_THIRD in INTERVALS[scale])


def midi2_block(files: FileStore, grooves: GrooveStore) -> Block[Any, Any]:
    """``groove.midi2``."""

    @block(
        "groove.midi2",
        summary="Write a rendered groove as a MIDI 2.0 clip file (.midi2)",
        effects=Effects.WRITES_FILES,
    )
    def midi2(wanted: WantedClip) -> GrooveClip:
        # Here and not above: the messages of MIDI 2.0 take a twentieth of a second to load.
        from conduit.midi.clip import write_clip
        from conduit.midi.performance import clip_of

        org = current_call().principal.org_id
        saved = grooves.load(org, wanted.groove_id)
        wish = kept_wish(saved.request, saved.groove_id)
        ref, data = files.get(org, saved.file_id)
        key = key_for(wish.root, wish.scale) if wish and wish.root and wish.scale else None
        made = write_clip(clip_of(smf.loads(data), key=key))
        name = f"{ref.name.rpartition('.')[0] or 'groove'}.midi2"
        return GrooveClip(saved.groove_id, saved.title, files.put(org, name, CLIP_TYPE, made))

    return midi2
