"""The blocks that listen: a file of sound becomes figures.

Ears are two dozen small files, which are loaded when something is heard and not when a server
starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any, Final, Literal

from conduit.audio.findings import MOST_ONSETS, Analysis
from conduit.blocks import Block, Effects, Length, Range, block, current_call
from conduit.contracts.files import FileStore, Folder
from conduit.contracts.groove import GrooveTemplate

_TYPES: Final = {
    ".wav": "audio/wav",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
    ".aifc": "audio/aiff",
    ".flac": "audio/flac",
}

Bpm = Annotated[float, Range(20, 400), "quarter notes a minute"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Which part of a sound, and between which tempos its own is looked for."""

    start: Annotated[float, Range(0, 1_000_000), "seconds from the beginning"] = 0.0
    seconds: Annotated[float | None, Range(0.01, 3600), "only so much; null: all of it"] = None
    lowest_bpm: Bpm = 90.0
    highest_bpm: Bpm = 180.0
    onsets: Annotated[int, Range(0, MOST_ONSETS), "how many are listed, of all that are heard"] = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSound(Part):
    """A stored file: WAV, AIFF or FLAC."""

    file_id: Annotated[str, Length(1, 64), "as the block that wrote it gave it"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundInFolder(Part):
    """A file of an allowed folder: WAV, AIFF or FLAC."""

    path: Annotated[str, Length(1, 480), "name of the file in the folder"]
    root: Annotated[str, Length(1, 64), "the folder, as `conduit access` lists them"] = "out"


def ears_blocks(files: FileStore, folder: Callable[[str], Folder]) -> tuple[Block[Any, Any], ...]:
    """``audio.analyze`` and ``audio.analyze_file``. ``folder`` gives an allowed folder by name, and
    raises ``NotFound``."""

    @block(
        "audio.analyze",
        summary="Listen to a stored sound: tempo, onsets, key, loudness, spectrum, swing",
        effects=Effects.READS,
    )
    def analyze(request: StoredSound) -> Analysis:
        _, data = files.get(current_call().principal.org_id, request.file_id)
        return _heard(data, request)

    @block(
        "audio.analyze_file",
        summary="Listen to a sound in an allowed folder: tempo, onsets, key, loudness, swing",
        permission="files.read",
        guarded=True,
        effects=Effects.READS,
    )
    def analyze_file(request: SoundInFolder) -> Analysis:
        from conduit.audio.reading import MAX_SOUND_BYTES

        data = folder(request.root).read(request.path, largest=MAX_SOUND_BYTES)
        return _heard(data, request)

    return analyze, analyze_file


def media_type_of(name: str) -> str:
    """Of a file of sound, by the end of its name."""
    return _TYPES.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")


def loop_template(data: bytes, which: Literal["all", "low", "high"]) -> GrooveTemplate:
    """How the loop in a file sits, as ``groove.sit_like`` asks. Raises ``InvalidInput`` and
    ``TooLarge``."""
    from conduit.audio.ears.listen import loop_template as heard_in

    return heard_in(data, which)


def _heard(data: bytes, part: Part) -> Analysis:
    from conduit.audio.ears.listen import listen
    from conduit.audio.reading import read_sound

    sound = read_sound(data, start=part.start, seconds=part.seconds)
    return listen(
        sound,
        lowest_bpm=part.lowest_bpm,
        highest_bpm=part.highest_bpm,
        most_onsets=part.onsets,
    )
