"""Where a bare interpreter begins: with the numbers of three open files, and who made the room."""

from __future__ import annotations

import os
import sys

from . import rooms, supervise
from .job import Job


def main() -> None:
    """``start KIND JOB CONTROL REPORT``. KIND is ``made``, when there is a room around us already,
    or ``make``."""
    kind = sys.argv[1]
    told, control, report = map(int, sys.argv[2:5])
    for each in (told, control, report):
        os.set_inheritable(each, False)
    try:
        with os.fdopen(told, "rb") as file:
            job = Job.decoded(file.read())
        (rooms if kind == "make" else supervise).run(job, control, report)
    except BaseException as error:
        supervise.fail(report, error)
    os._exit(0)
