"""``ears.*``: sounds that a conversation heard, and how they are kept for it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Annotated, Any, Final, Literal
from weakref import WeakKeyDictionary

from conduit.agents.ears.note import MOST_SHOWN, Sound, noted
from conduit.audio.ears_blocks import Part, media_type_of
from conduit.audio.findings import Analysis
from conduit.blocks import (
    Block,
    Effects,
    Gate,
    Length,
    Range,
    block,
    current_call,
    decode,
    dumps,
    loads,
)
from conduit.contracts.call import Principal
from conduit.contracts.chat import Message
from conduit.contracts.errors import InvalidInput, MalformedJson
from conduit.contracts.files import FileRef, FileStore, Folder
from conduit.contracts.groove import GrooveTemplate
from conduit.rhythm.sit import require_template
from conduit.store.heard_sounds import MOST_OF_ONE, HeardSound, HeardSounds

HEARD_S: Final = 120.0
"""Seconds of a sound that are listened to unless more is asked for: it is a loop, not a record."""
MOST_BYTES: Final = 128 << 20
"""Of a sound for a conversation."""
AT_ONCE: Final = 2
"""Sounds that are listened to at the same time: each may take a gigabyte for a moment."""
RENDERED: Final = "rendered in this conversation, and not listened to yet"
HearIn = Literal["all", "low", "high"]

_CAPTURE: Final = re.compile(r"[0-9A-Za-z-]{8,60}")
_LONGEST_NAME: Final = 200

Session = Annotated[str, Length(1, 200), "the conversation"]
Name = Annotated[str, Length(0, 200), "what to call it; empty: as the file is called"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HearSound(Part):
    """A sound for a conversation: a stored file (``file_id``), or one of an allowed folder."""

    session: Session = "default"
    file_id: Annotated[str, Length(0, 64), "of a stored file: WAV, AIFF or FLAC"] = ""
    path: Annotated[str, Length(0, 480), "instead: name of a file in the folder"] = ""
    root: Annotated[str, Length(1, 64), "the folder, as `conduit access` lists them"] = "out"
    name: Name = ""
    seconds: Annotated[float | None, Range(0.01, 3600), "only so much; null: all of it"] = HEARD_S


@dataclass(frozen=True, slots=True)
class SoundHeard:
    """A sound that a conversation heard. ``said`` are its figures in a line; ``heard_at`` is UTC
    in ISO 8601."""

    id: Annotated[str, "what groove.sit_like takes as its loop"]
    name: str
    stored: Annotated[bool, "whether there is a file of that id, or it was heard as it played"]
    said: str
    heard_at: str
    template: Annotated[GrooveTemplate | None, "how it sits; null: there is no beat in it"]


@dataclass(frozen=True, slots=True)
class Hearing:
    """What was heard, and every figure of it."""

    session: str
    sound: SoundHeard
    analysis: Analysis


@dataclass(frozen=True, slots=True)
class HeardSession:
    """Which conversation."""

    session: Session = "default"


@dataclass(frozen=True, slots=True)
class HeardList:
    """What a conversation heard, the newest first."""

    session: str
    sounds: tuple[SoundHeard, ...]


@dataclass(frozen=True, slots=True)
class Templates:
    """How a sound sits, by what of it was listened to; null where nothing plays there."""

    all: GrooveTemplate | None = None
    low: Annotated[GrooveTemplate | None, "below 150 Hz"] = None
    high: Annotated[GrooveTemplate | None, "above 5 kHz"] = None


@dataclass(frozen=True, slots=True)
class KeepSound:
    """What somebody heard while it played. The same ``id`` again takes its place."""

    id: Annotated[str, Length(8, 60), "of the listener's choice: letters, digits and -"]
    name: Annotated[str, Length(1, 200), "what to call it"]
    said: Annotated[str, Length(1, 400), "its figures in a line"]
    session: Session = "default"
    templates: Templates = Templates()


class Ears:
    """What conversations heard. What was rendered to sound in one counts too."""

    def __init__(self, stored: HeardSounds, files: FileStore) -> None:
        self._stored = stored
        self._files = files
        self._rooms = WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]()

    async def noted(
        self, person: Principal, session: str, messages: Sequence[Message]
    ) -> tuple[Message, ...]:
        """Messages with what a conversation heard, where there is something, before the prompt."""
        found = await asyncio.to_thread(self._newest, person.org_id, session, messages)
        return noted(found, messages)

    def _newest(self, org: str, session: str, messages: Sequence[Message]) -> list[Sound]:
        """What was given comes before what was rendered here: nobody gives a loop to mean the
        groove that was made since."""
        given = [
            Sound(each.id, each.name, each.said)
            for each in self._stored.newest(org, session, MOST_SHOWN)
        ]
        known = {each.id for each in given}
        for message in reversed(messages):
            for sound in _rendered(message):
                if sound.id not in known and len(given) < MOST_SHOWN:
                    known.add(sound.id)
                    given.append(sound)
        return given

    def template(self, org_id: str, sound_id: str, which: HearIn) -> GrooveTemplate | None:
        """How something sits that was heard while it played; None for what is a file. Raises
        ``InvalidInput`` where nothing played there."""
        found = self._stored.by_id(org_id, sound_id)
        if found is None or found.stored:
            return None
        templates = decode(Templates, loads(found.templates))
        template: GrooveTemplate | None = getattr(templates, which)
        if template is None:
            raise InvalidInput(
                f"nothing played in the {which} range of {found.name[:80]!r}"
                if templates.all
                else f"there was no beat in {found.name[:80]!r}",
                where="loop",
                hint='hear "all" of it, or let it hear more',
            )
        return template

    def blocks(self, gate: Gate, folder: Callable[[str], Folder]) -> tuple[Block[Any, Any], ...]:
        """``ears.hear``, ``ears.heard`` and ``ears.keep``. ``folder`` gives an allowed folder by
        name."""

        @block(
            "ears.hear",
            summary="Listen to a sound, and keep what it is like with a conversation",
            effects=Effects.READS | Effects.WRITES_STATE,
        )
        async def hear(request: HearSound) -> Hearing:
            if bool(request.file_id) == bool(request.path):
                raise InvalidInput(
                    "either a stored file or one of a folder is needed, and not both",
                    where="file_id",
                    hint='like {"file_id": "…"}, or {"path": "loop.wav", "root": "out"}',
                )
            org = current_call().principal.org_id
            async with self._room():
                heard, ref = await self._heard(gate, request, org, folder)
            templates = Templates(all=heard.feel.template)
            sound = _to_keep(ref.id, request.name or ref.name, heard.said, templates, stored=True)
            kept = await asyncio.to_thread(self._stored.keep, org, request.session, sound)
            return Hearing(request.session, _shown(kept), heard)

        @block("ears.heard", summary="List what a conversation heard", effects=Effects.READS)
        def heard(request: HeardSession) -> HeardList:
            org = current_call().principal.org_id
            found = self._stored.newest(org, request.session, MOST_OF_ONE)
            return HeardList(request.session, tuple(map(_shown, found)))

        @block(
            "ears.keep",
            summary="Keep what was heard while it played with a conversation",
            by_hand=True,
            effects=Effects.WRITES_STATE,
        )
        def keep(request: KeepSound) -> SoundHeard:
            if not _CAPTURE.fullmatch(request.id):
                raise InvalidInput(
                    "the id has other characters than letters, digits and -",
                    where="id",
                    hint="take a UUID, and the same again as long as it plays",
                )
            given = request.templates
            for template in (given.all, given.low, given.high):
                if template is not None:
                    require_template(template)
            sound = _to_keep(request.id, request.name, request.said, given, stored=False)
            org = current_call().principal.org_id
            return _shown(self._stored.keep(org, request.session, sound))

        return hear, heard, keep

    def _room(self) -> asyncio.Semaphore:
        """For so many at once. Scripts that call a block each time have a loop for each call."""
        return self._rooms.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))

    async def _heard(
        self, gate: Gate, request: HearSound, org: str, folder: Callable[[str], Folder]
    ) -> tuple[Analysis, FileRef]:
        """What is heard in a sound, and its file. Listening is those blocks', and so is the right
        to do it."""
        asked = {each.name: getattr(request, each.name) for each in fields(Part)}
        if request.file_id:
            heard = await gate.acall("audio.analyze", {**asked, "file_id": request.file_id})
            return heard, await asyncio.to_thread(self._files.ref, org, request.file_id)
        place = {"path": request.path, "root": request.root}
        heard = await gate.acall("audio.analyze_file", {**asked, **place})
        return heard, await asyncio.to_thread(self._copied, org, request, folder)

    def _copied(self, org: str, request: HearSound, folder: Callable[[str], Folder]) -> FileRef:
        """A file of a folder, kept in the store: what is in the folder may change."""
        data = folder(request.root).read(request.path, largest=MOST_BYTES)
        name = PurePosixPath(request.path).name
        return self._files.put(org, name, media_type_of(name), data)


def _to_keep(
    sound_id: str, name: str, said: str, templates: Templates, *, stored: bool
) -> HeardSound:
    text = dumps(templates).decode()
    return HeardSound(sound_id, name[:_LONGEST_NAME] or "sound", stored, said, text)


def _shown(kept: HeardSound) -> SoundHeard:
    at = datetime.fromtimestamp(kept.heard_ms / 1000, UTC)
    templates = decode(Templates, loads(kept.templates))
    return SoundHeard(kept.id, kept.name, kept.stored, kept.said, at.isoformat(), templates.all)


def _rendered(message: Message) -> tuple[Sound, ...]:
    """The sound that ``audio.render`` answered with; nothing of any other message."""
    if message.role != "tool" or '"wav"' not in message.content:
        return ()
    try:
        result = loads(message.content)
    except MalformedJson:
        return ()
    wav = result.get("wav") if isinstance(result, dict) else None
    id, name = (wav.get("id"), wav.get("name")) if isinstance(wav, dict) else (None, None)
    if not isinstance(id, str) or not isinstance(name, str):
        return ()
    return (Sound(id, name, RENDERED),)
