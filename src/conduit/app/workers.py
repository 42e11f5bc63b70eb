"""Several worker processes on one address: start them, start anew those that die, end them all."""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

log = logging.getLogger("conduit.workers")

_SHORTEST_LIFE_S = 5.0
"""Who dies sooner is started again more slowly."""
_FIRST_REST_S = 0.5
_LONGEST_REST_S = 30.0
_GRACE_S = 10.0
"""How long workers may take to end; a server gives open requests three seconds of it."""
_HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)

Work = Callable[[socket.socket, Callable[[], None]], int]


def supervise(listeners: list[socket.socket], work: Work, greet: Callable[[], None]) -> int:
    """Run one worker for each listener until told to stop; the exit status: 128 and the number of
    the signal that stopped it.

    ``work`` runs in the worker, calls what it is given when it is ready, and returns its exit
    status. ``greet`` is called when all are ready; when one fails before, all are ended, and its
    exit status is returned. Later, one that ends is started anew: the listeners stay open here, so
    it finds the connections that came meanwhile. When this process is killed, the workers end too.
    """
    with _signals() as told:
        return _Supervisor(listeners, work).run(told, greet)


@dataclass(slots=True)
class _Worker:
    """One listener and whoever serves it; ``pid`` is 0 between two of them."""

    listener: socket.socket
    pid: int = 0
    begun: float = 0.0
    rest_s: float = 0.0
    due: float = 0.0


class _Signals:
    """What has been asked of this process; ``wait`` returns as soon as something is."""

    def __init__(self) -> None:
        self.stop = 0
        self._woken, self._wakes = socket.socketpair()
        for each in (self._woken, self._wakes):
            each.setblocking(False)

    def wakes_by(self) -> int:
        return self._wakes.fileno()

    def wait(self, timeout_s: float | None, or_for: tuple[int, ...] = ()) -> None:
        """Return at the latest when one of these can be read."""
        woken = self._woken.fileno()
        poll = select.poll()  # select() takes no descriptor above 1023
        for each in (woken, *or_for):
            poll.register(each, select.POLLIN)
        ready = dict(poll.poll(None if timeout_s is None else timeout_s * 1000))
        if woken in ready:
            self._woken.recv(4096)

    def take(self, signum: int, _frame: FrameType | None) -> None:
        if signum != signal.SIGCHLD:
            self.stop = self.stop or signum

    def close(self) -> None:
        self._woken.close()
        self._wakes.close()


@contextmanager
def _signals() -> Iterator[_Signals]:
    told = _Signals()
    before = {each: signal.signal(each, told.take) for each in _HANDLED}
    waker = signal.set_wakeup_fd(told.wakes_by(), warn_on_full_buffer=False)
    try:
        yield told
    finally:
        signal.set_wakeup_fd(waker)
        for each, handler in before.items():
            signal.signal(each, handler)
        told.close()


class _Supervisor:
    def __init__(self, listeners: list[socket.socket], work: Work) -> None:
        self._workers = [_Worker(each) for each in listeners]
        self._work = work
        self._alive, self._held = os.pipe()
        """Its other end is closed when this process is gone, however it went."""
        self._ready, self._says_ready = os.pipe()

    def run(self, told: _Signals, greet: Callable[[], None]) -> int:
        try:
            for worker in self._workers:
                self._start(worker)
            status = self._prepare(told)
            if not status and not told.stop:
                greet()
                self._look_after(told)
            self._end(told)
            return status or 128 + told.stop
        finally:
            for each in (self._alive, self._held, self._ready, self._says_ready):
                os.close(each)

    def _prepare(self, told: _Signals) -> int:
        """Wait until all are ready; the exit status of one that failed."""
        missing = len(self._workers)
        os.set_blocking(self._ready, False)
        while missing > 0 and not told.stop:
            told.wait(None, (self._ready,))
            with suppress(BlockingIOError):
                missing -= len(os.read(self._ready, missing))
            for worker, code in self._ended():
                worker.pid = 0
                return code if code > 0 else 1
        return 0

    def _look_after(self, told: _Signals) -> None:
        while not told.stop:
            told.wait(self._until_the_next())
            self._bury()
            for worker in self._workers:
                if not worker.pid and not told.stop and worker.due <= time.monotonic():
                    self._start(worker)

    def _until_the_next(self) -> float | None:
        due = [worker.due for worker in self._workers if not worker.pid]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _bury(self) -> None:
        """Take note of those that have ended."""
        for worker, code in self._ended():
            log.warning("worker %d ended (%d); starting another", worker.pid, code)
            worker.pid = 0
            lived = time.monotonic() - worker.begun
            soon = lived < _SHORTEST_LIFE_S
            rest = max(2 * worker.rest_s, _FIRST_REST_S) if soon else 0.0
            worker.rest_s = min(rest, _LONGEST_REST_S)
            worker.due = time.monotonic() + worker.rest_s

    def _ended(self) -> Iterator[tuple[_Worker, int]]:
        for worker in self._workers:
            if worker.pid:
                pid, how = os.waitpid(worker.pid, os.WNOHANG)
                if pid:
                    yield worker, os.waitstatus_to_exitcode(how)

    def _end(self, told: _Signals) -> None:
        """Tell all to end, and kill those that do not."""
        deadline = time.monotonic() + _GRACE_S
        self._tell(signal.SIGTERM)
        while any(worker.pid for worker in self._workers):
            left = deadline - time.monotonic()
            if left <= 0:
                self._tell(signal.SIGKILL)
            told.wait(max(left, 0.1))
            for worker, _ in self._ended():
                worker.pid = 0

    def _tell(self, signum: signal.Signals) -> None:
        for worker in self._workers:
            if worker.pid:  # it is ours until it is waited for: nobody else has the number
                os.kill(worker.pid, signum)

    def _start(self, worker: _Worker) -> None:
        worker.begun = time.monotonic()
        # Held back until the child has its own handlers: ours would swallow what is meant for it.
        held = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
        worker.pid = os.fork()
        if not worker.pid:
            self._become(worker.listener)
        signal.pthread_sigmask(signal.SIG_SETMASK, held)

    def _become(self, listener: socket.socket) -> None:
        """Be a worker; does not return."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for each in _HANDLED:
                signal.signal(each, signal.SIG_DFL)
            os.setpgid(0, 0)  # Ctrl-C is for the one who started us, who passes it on once
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
            os.close(self._held)
            for other in self._workers:
                if other.listener is not listener:
                    other.listener.close()
            threading.Thread(target=_end_when_alone, args=(self._alive,), daemon=True).start()
            code = self._work(listener, self._say_ready)
        except SystemExit as ending:
            code = ending.code if isinstance(ending.code, int) else 1
        except Exception:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _say_ready(self) -> None:
        os.write(self._says_ready, b".")


def _end_when_alone(alive: int) -> None:
    """End this process when the one at the other end of the pipe has."""
    os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGTERM)
