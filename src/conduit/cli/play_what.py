"""What is played: a file, a groove, or what comes of a wish; and how it went."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from conduit.cli.ask import answered, print_reply
from conduit.cli.printing import err, print_json
from conduit.cli.reading import read_bytes
from conduit.cli.running import call
from conduit.contracts.call import LOCAL_OWNER
from conduit.contracts.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from conduit.app import App
    from conduit.midi.clip import Clip
    from conduit.playing.player import Played

_FILES: Final = (".mid", ".midi", ".midi2")
_LARGEST: Final = 64 << 20
_SESSION: Final = "play"
_WHAT: Final = "give a .mid or .midi2 file, the id of a groove, or a wish like `8 bars of dub`"


def is_wish(what: str) -> bool:
    """Whether it is something to ask for: words, and no file's name."""
    return Path(what).suffix.lower() not in _FILES and len(what.split()) > 1


async def clip_wished(app: App, wish: str, *, quiet: bool) -> Clip:
    """The groove that comes of a wish. Raises ``InvalidInput`` when none does."""
    await app.servers.discover_for(app.access.models)
    reply = await answered(app, {"prompt": wish, "session": _SESSION}, quiet=quiet)
    if not quiet:
        print_reply(reply)
    made = (use.result for use in reversed(reply.tool_calls) if use.ok)
    for each in made:
        if isinstance(each, dict) and isinstance(groove_id := each.get("groove_id"), str):
            return await clip_named(app, groove_id)
    raise InvalidInput(
        "no groove came of it",
        where="WHAT",
        hint=_WHAT,
    )


async def clip_named(app: App, what: str) -> Clip:
    """The clip of a file or a stored groove. Raises ``NotFound``, and ``InvalidInput`` for a file
    that is none."""
    from conduit.midi import smf
    from conduit.midi.clip import read_clip
    from conduit.midi.performance import clip_of

    if (suffix := Path(what).suffix.lower()) in _FILES:
        data = read_bytes(Path(what), _LARGEST, what="a MIDI file", missing=_WHAT)
        return read_clip(data) if suffix == ".midi2" else clip_of(smf.loads(data))
    try:
        made: Any = await call(app, "groove.midi2", {"groove_id": what})
    except (NotFound, InvalidInput) as error:  # whoever typed it may have meant something else
        raise NotFound(error.message, where="WHAT", hint=_WHAT) from None
    _, data = app.files.get(LOCAL_OWNER.org_id, made.clip.id)
    return read_clip(data)


def print_played(played: Played, *, as_json: bool) -> None:
    """How it went."""
    if as_json:
        print_json(played)
        return
    err.print(
        f"{played.messages:,} messages; late by {played.mean_late_s * 1000:.2f} ms on "
        f"average, {played.latest_s * 1000:.1f} ms at most"
    )
