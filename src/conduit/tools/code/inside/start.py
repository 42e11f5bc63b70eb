"""Where a bare interpreter begins: with the numbers of three open files, and who made the room."""

from __future__ import annotations

import contextlib
import os
import sys

from . import rooms, supervise
from .job import Job


def main() -> None:
    """``start KIND JOB CONTROL REPORT``. KIND is ``made``, when there is a room around us already,
    or ``make``."""
    kind = sys.argv[1]
    told, control, report = map(int, sys.argv[2:5])
    os.umask(0o022)  # the code, which is somebody else, must find its way through what we make
    for each in map(int, os.listdir("/proc/self/fd")):
        if each > 2:  # whatever else whoever started us had open: the code gets none of it
            _keep_from_others(each)
    try:
        with os.fdopen(told, "rb") as file:
            job = Job.decoded(file.read())
        (rooms if kind == "make" else supervise).run(job, control, report)
    except BaseException as error:
        supervise.fail(report, error)
    os._exit(0)


def _keep_from_others(descriptor: int) -> None:
    with contextlib.suppress(OSError):  # the list itself was open, and is no more
        os.set_inheritable(descriptor, False)
