"""The block of this room: a stored MIDI file becomes a WAV file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated, Any

import numpy as np

from conduit.audio.song import MAX_SECONDS, render_song
from conduit.audio.sound import RATE
from conduit.audio.wav import wav_bytes
from conduit.blocks import Block, Effects, Length, Range, block, current_call
from conduit.contracts.files import FileRef, FileStore
from conduit.midi import smf

WAV_TYPE = "audio/wav"


@dataclass(frozen=True, slots=True)
class AudioRequest:
    """A stored MIDI file to hear."""

    file_id: Annotated[str, Length(1, 64), "of a MIDI file, as groove.render gave it in midi.id"]
    seconds: Annotated[
        float | None, Range(0.01, MAX_SECONDS), "only so much of its beginning; null: all of it"
    ] = None


@dataclass(frozen=True, slots=True)
class RenderedAudio:
    """A MIDI file that became sound."""

    wav: FileRef
    seconds: float
    rate: Annotated[int, "samples a second"]
    notes: Annotated[int, "in the MIDI file"]
    layers: Annotated[tuple[str, ...], "track names of the MIDI file"]
    peak: Annotated[float, "the loudest sample; 1 is full scale"]


def audio_blocks(files: FileStore) -> tuple[Block[Any, Any], ...]:
    """``audio.render``."""

    @block(
        "audio.render",
        summary="Render a MIDI file to sound with a small drum synthesiser",
        effects=Effects.READS | Effects.WRITES_FILES,
    )
    def render_audio(request: AudioRequest) -> RenderedAudio:
        org = current_call().principal.org_id
        ref, data = files.get(org, request.file_id)
        song = smf.loads(data)
        samples = render_song(song, seconds=request.seconds)
        name = f"{PurePath(ref.name).stem or 'groove'}.wav"
        return RenderedAudio(
            wav=files.put(org, name, WAV_TYPE, wav_bytes(samples)),
            seconds=round(samples.shape[1] / RATE, 3),
            rate=RATE,
            notes=len(song.notes),
            layers=song.layer_names,
            peak=round(float(np.abs(samples).max()), 4),
        )

    return (render_audio,)
