"""Several worker processes on one address: start them, start anew those that die, end them all."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType

from conduit.cli.printing import err

_SHORTEST_LIFE_S = 1.0
"""Who dies sooner is started again more slowly."""
_LONGEST_REST_S = 30.0
_GRACE_S = 10.0


def supervise(
    listeners: list[socket.socket], work: Callable[[socket.socket], int], greet: Callable[[], None]
) -> int:
    """Run one worker for each listener until told to stop; the exit status.

    The listeners stay open here, so that a worker that is started anew finds the connections that
    came meanwhile. ``work`` runs in the worker and returns its exit status.
    """
    stopping = False
    running: dict[int, tuple[socket.socket, float]] = {}
    rests: dict[int, float] = {}

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        for pid in running:
            os.kill(pid, signal.SIGTERM)

    def start(listener: socket.socket) -> None:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            for other in listeners:
                if other is not listener:
                    other.close()
            code = 1
            try:
                code = work(listener)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        running[pid] = (listener, time.monotonic())

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    for listener in listeners:
        start(listener)
    greet()
    status = 0
    while running:
        try:
            pid, how = os.wait()
        except InterruptedError:
            continue
        listener, begun = running.pop(pid)
        code = os.waitstatus_to_exitcode(how)
        if stopping:
            status = status or (code if code > 0 else 0)
            continue
        lived = time.monotonic() - begun
        rest = 0.0
        if lived < _SHORTEST_LIFE_S:
            rest = min(max(2 * rests.get(listener.fileno(), 0.25), 0.5), _LONGEST_REST_S)
        rests[listener.fileno()] = rest
        err.print(f"worker {pid} ended ({code}); starting another")
        time.sleep(rest)
        if not stopping:
            start(listener)
    return status
