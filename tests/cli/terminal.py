"""``conduit`` as a process, with or without a terminal."""

from __future__ import annotations

import codecs
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests import forking

COMMAND = [sys.executable, "-m", "conduit.cli"]
ANSI = re.compile(r"\x1b\[[0-9;?<>=]*[ -/]*[@-~]|\x1b[()][A-Z0-9]|\x1b[=>]")
HALF = re.compile(r"\x1b(\[[0-9;?<>=]*[ -/]*|[()]?)$")
"""A sequence whose end is in what will be read next."""


def conduit(
    *words: str, cwd: Path, given: str = "", environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run to the end. Nothing may leave a trace behind, whatever was asked."""
    # What Python itself reads at its start is not read by a process that is forked.
    started = any(name.startswith("PYTHON") for name in environ or {})
    done = subprocess.run(
        [*(COMMAND if started else forking.COMMAND), *words],
        cwd=cwd,
        input=given,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


@dataclass
class Terminal:
    """A process on a terminal of its own."""

    process: subprocess.Popen[bytes]
    _master: int
    seen: str = ""
    _half: str = ""
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")(errors="replace")
    )

    def send(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def wait_for(self, text: str) -> str:
        """What was shown since the last time, up to and with this text."""
        deadline = time.monotonic() + 40
        while text not in self.seen:
            assert time.monotonic() < deadline, f"{text!r} did not come: {self.seen}"
            if not select.select([self._master], [], [], 0.2)[0]:
                continue
            try:
                read = os.read(self._master, 65536)
            except OSError:  # Linux: the process closed the terminal
                read = b""
            data = self._half + self._decoder.decode(read)
            if "\x1b[6n" in data:  # where is the cursor? A terminal answers.
                self.send("\x1b[1;1R")
            assert read or self.process.poll() is None or text in self.seen, self.seen
            half = HALF.search(data)
            self._half = half[0] if half else ""
            self.seen += ANSI.sub("", data.removesuffix(self._half))
        before, _, self.seen = self.seen.partition(text)
        return before + text


@contextmanager
def on_a_terminal(
    *words: str, cwd: Path, environ: dict[str, str] | None = None
) -> Iterator[Terminal]:
    """Run on a pseudo-terminal of 100 columns."""
    master, slave = pty.openpty()
    size = {"COLUMNS": "100", "LINES": "40", "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [*COMMAND, *words],
        cwd=cwd,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, **size, **(environ or {})},
        start_new_session=True,
        preexec_fn=_take_terminal,
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(30)
        os.close(master)


def _take_terminal() -> None:
    """Make the terminal the controlling one, so that Ctrl-C becomes a signal."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
