"""``conduit analyze -``: sound on standard input while it plays, a line of figures now and then."""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import sys
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import typer
from rich.markup import escape

from conduit.blocks import dumps, loads
from conduit.cli.printing import err, out
from conduit.cli.running import call, run, run_alone
from conduit.contracts.errors import InvalidInput

if TYPE_CHECKING:
    from conduit.app import App
    from conduit.audio.ears.rolling import Look, Rolling

_PIECE: Final = 1 << 16
_AHEAD: Final = 32
"""Pieces that may wait: two megabytes. Then the writer waits."""
_PATIENCE_S: Final = 5.0
"""Without a byte, before it is said that nothing comes."""
_TICK_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Listening:
    """How to listen, and for whom."""

    every: float
    seconds: float
    tempos: tuple[float, float]
    session: str
    name: str
    bare: tuple[int, int, str] | None
    """Rate, channels and format of samples that come without a header."""


def analyze_stream(how: Listening, *, as_json: bool) -> None:
    """Listen until the sound ends, or until told."""
    if sys.stdin.isatty():
        err.print("[yellow]note[/] pipe a sound in, like `arecord -f cd | conduit analyze -`")
    if how.session:

        async def work(app: App) -> None:
            await _listen(how, as_json, app)

        run(work, as_json=as_json, detect=False)
    else:
        run_alone(_listen(how, as_json, None), as_json=as_json)


async def _listen(how: Listening, as_json: bool, app: App | None) -> None:
    rolling = _rolling(how)
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    keep = _Keeping(app, how)
    reader = _Reader(sys.stdin.fileno())
    silent_since = loop.time()
    said = False
    while not told.is_set() and not rolling.ended:
        piece = await asyncio.to_thread(reader.next)
        if piece is None:
            if not said and loop.time() - silent_since > _PATIENCE_S:
                said = True
                err.print("[yellow]note[/] no sound comes; waiting")
            continue
        silent_since, said = loop.time(), False
        if not piece:
            break
        for look in await asyncio.to_thread(lambda data: list(rolling.feed(data)), piece):
            await _show(look, as_json, keep)
    if not told.is_set() and (last := await asyncio.to_thread(rolling.end)) is not None:
        await _show(last, as_json, keep)


def _rolling(how: Listening) -> Rolling:
    """Raises ``InvalidInput``."""
    from conduit.audio.ears.rolling import Rolling  # brings NumPy along
    from conduit.audio.reading.pcm import Shape
    from conduit.audio.reading.streamed import BARE, SoundStream

    bare = None
    if how.bare is not None:
        rate, channels, form = how.bare
        if form not in BARE:
            raise InvalidInput(
                f"{form[:40]!r} is no format", where="format", hint=f"one of {', '.join(BARE)}"
            )
        bare = (Shape.of(rate, channels), form)
    return Rolling(
        SoundStream(bare), how.every, how.seconds, tempos=how.tempos, ranges=bool(how.session)
    )


async def _show(look: Look, as_json: bool, keep: _Keeping) -> None:
    await keep.keep(look)
    if as_json:
        typer.echo(dumps({"at": look.at_s, **loads(dumps(look.analysis))}))
    else:
        out.print(f"{look.at_s:.1f} s: {escape(look.analysis.said)}", soft_wrap=True)


class _Keeping:
    """Keeps what was heard last with a conversation, under one id as long as it plays."""

    def __init__(self, app: App | None, how: Listening) -> None:
        from conduit.telemetry.ids import new_id

        self._app = app
        self._how = how
        self._id = new_id()

    async def keep(self, look: Look) -> None:
        if self._app is None:
            return
        templates: dict[str, Any] = {
            "all": look.analysis.feel.template,
            "low": look.low,
            "high": look.high,
        }
        request = {
            "id": self._id,
            "name": self._how.name,
            "session": self._how.session,
            "said": look.analysis.said,
            "templates": {key: each and asdict(each) for key, each in templates.items()},
        }
        await call(self._app, "ears.keep", request)


class _Reader:
    """Reads in a thread of its own, which ends with the process: a pipe that stands still cannot
    be waited for in any other way that also takes files."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pieces: queue.Queue[bytes] = queue.Queue(_AHEAD)
        threading.Thread(target=self._read, name="sound", daemon=True).start()

    def next(self) -> bytes | None:
        """The next bytes; none at the end, and ``None`` where nothing comes for a moment."""
        try:
            return self._pieces.get(timeout=_TICK_S)
        except queue.Empty:
            return None

    def _read(self) -> None:
        data = b"-"
        while data:
            try:
                data = os.read(self._descriptor, _PIECE)
            except OSError:  # the other end broke; what came counts
                data = b""
            self._pieces.put(data)
