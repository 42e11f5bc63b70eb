"""The process that forks: loads the rooms once, then makes a process for each that asks."""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import traceback
from typing import Any, NoReturn

LOADED = (
    "alembic.command",
    "conduit.agents.ask",
    "conduit.agents.offline.model",
    "conduit.agents.planning.rules",
    "conduit.agents.preset_grooves",
    "conduit.app.agent_side",
    "conduit.app.compose",
    "conduit.app.flex_side",
    "conduit.app.tool_blocks",
    "conduit.app.whereabouts",
    "conduit.audio.blocks",
    "conduit.audio.ears_blocks",
    "conduit.blocks.utility.catalogued",
    "conduit.corpora.blocks",
    "conduit.playing.blocks",
    "conduit.rhythm.blocks",
    "conduit.rhythm.config_blocks",
    "conduit.rhythm.explain.blocks",
    "conduit.rhythm.midi2_block",
    "conduit.rhythm.morph.blocks",
    "conduit.rhythm.session_blocks",
    "conduit.rhythm.sit_block",
    "conduit.rhythm.stored_blocks",
    "conduit.rhythm.vary.blocks",
    "conduit.surfaces.ableton.amxd.blocks",
    "conduit.surfaces.ableton.amxd.building",
    "conduit.surfaces.ableton.amxd.folder",
    "conduit.surfaces.ableton.amxd.reading",
    "conduit.surfaces.ableton.amxd.writing",
    "conduit.surfaces.http.listening",
    "conduit.tools.code.blocks",
    "conduit.tools.maths.blocks",
    "conduit.tools.midi.blocks",
    "conduit.tools.openapi.blocks",
    "conduit.tools.web.blocks",
    "conduit.tools.web.decoding",
    "conduit.tools.web.markdown",
    "conduit.tools.web.readable",
    "rich.console",
    "rich.live",
    "rich.markdown",
    "rich.table",
    "typer.main",
    "uvicorn.lifespan.on",
    "uvloop",
)
"""All but ``conduit.cli``: what prints looks at the terminal's width while it is loaded."""


def main() -> None:
    listener = socket.socket(fileno=int(sys.argv[1]))
    sys.path[:] = [each for each in sys.path if each not in ("", os.getcwd())]
    for each in LOADED:
        importlib.import_module(each)
    gc.collect()
    gc.freeze()
    _Parent(listener).work()


class _Parent:
    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._children: dict[int, socket.socket] = {}
        self._asking: dict[int, int] = {}
        self._poll = select.poll()
        woken, self._wakes = socket.socketpair()
        woken.setblocking(False)
        self._wakes.setblocking(False)
        self._woken = woken
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes.fileno())
        for each in (0, listener.fileno(), woken.fileno()):
            self._poll.register(each, select.POLLIN)

    def work(self) -> None:
        """Until whoever started it has ended; then all that was forked ends too."""
        while True:
            for file, _ in self._poll.poll():
                if file == 0:
                    self._end()
                elif file == self._listener.fileno():
                    self._accept()
                elif file == self._woken.fileno():
                    self._woken.recv(4096)
                else:
                    self._left(file)
            self._reap()

    def _accept(self) -> None:
        talk, _ = self._listener.accept()
        talk.setblocking(True)
        size, files, _, _ = socket.recv_fds(talk, 8, 3)
        asked = json.loads(talk.recv(int.from_bytes(size), socket.MSG_WAITALL))
        child = os.fork()
        if child == 0:
            _run(asked, files)
        for each in files:
            os.close(each)
        self._children[child] = talk
        self._asking[talk.fileno()] = child
        self._poll.register(talk, select.POLLIN)
        talk.sendall(child.to_bytes(4))

    def _left(self, file: int) -> None:
        """Whoever asked was killed, so what it asked for is."""
        self._poll.unregister(file)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._asking.pop(file), signal.SIGKILL)

    def _reap(self) -> None:
        while True:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if child == 0:
                return
            talk = self._children.pop(child, None)
            if talk is None:
                continue
            if self._asking.pop(talk.fileno(), None) is not None:
                self._poll.unregister(talk)
            with contextlib.suppress(OSError):
                talk.sendall(status.to_bytes(4))
            talk.close()

    def _end(self) -> NoReturn:
        for child in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        os._exit(0)


def _run(asked: dict[str, Any], files: list[int]) -> NoReturn:
    """What a fresh interpreter would do with these arguments. Never returns."""
    code: object = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, file in enumerate(files):
            os.dup2(file, number)
        os.closerange(3, 512)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - to its end
        sys.stdout = open(1, "w", 1 if os.isatty(1) else -1, closefd=False)  # noqa: SIM115 - to its end
        sys.stderr = open(2, "w", 1, errors="backslashreplace", closefd=False)  # noqa: SIM115 - to its end
        os.chdir(asked["cwd"])
        os.environ.clear()
        os.environ.update(asked["env"])
        sys.modules["__main__"].__package__ = None  # or it would be called python -m …
        sys.argv = ["conduit", *asked["words"]]
        from conduit.telemetry.ids import new_id

        new_id.forget()
        from conduit.cli import main as command

        command()
        code = 0
    except SystemExit as ending:
        code = ending.code
    except BaseException:
        traceback.print_exc()
    with contextlib.suppress(BaseException):
        threading._shutdown()
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    if isinstance(code, str):
        os.write(2, f"{code}\n".encode())
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    main()
