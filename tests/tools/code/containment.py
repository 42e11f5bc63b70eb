"""Run one way out in one sandbox, and look at what became of this machine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from conduit.tools.code.kernel_sandboxes import bubblewrap, own_rooms
from conduit.tools.code.process_sandbox import NOBODIES, ProcessSandbox
from conduit.tools.code.sandbox import MIB, Ran, Run
from tests.tools.code.escape import Escape

MAKERS: dict[str, Callable[[Sequence[Path]], ProcessSandbox | None]] = {
    "bubblewrap": bubblewrap,
    "namespaces": own_rooms,
}
SECRET = "do not tell anybody"


def left_running(host: int = 0) -> list[str]:
    """What of a run of this process, or of ``host``, is still there: the code, or what it
    started."""
    host = host or os.getpid()
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            uid = os.stat(f"/proc/{pid}").st_uid
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        is_ours = uid - NOBODIES >> 6 == host if os.geteuid() == 0 else uid == os.geteuid()
        if is_ours and (b"/scratch/main.py" in words or b"71.625" in words):
            found.append(" ".join(map(os.fsdecode, words)))
    return found


def contain(sandbox: ProcessSandbox, escape: Escape, outside: Path) -> Ran:
    """Raises ``AssertionError`` unless it was contained, and the machine is as it was."""
    outside.mkdir(exist_ok=True)
    (outside / "secret").write_text(SECRET)
    code = escape.code.replace("outside", str(outside))
    run = Run(code, seconds=escape.seconds, memory=192 * MIB, scratch=24 * MIB, processes=24)
    ran = asyncio.run(sandbox.run(run))
    said = (ran.stdout + ran.stderr).decode("utf-8", "replace") + ran.reason
    assert "ESCAPED" not in said, said
    assert SECRET not in said, said
    assert ran.why in escape.whys, (ran, said[-2000:])
    assert escape.said in said, (ran.why, said[-2000:])
    assert (ran.why == "ok") == (ran.reason == ""), ran
    assert (outside / "secret").read_text() == SECRET
    assert os.listdir(outside) == ["secret"]
    assert left_running() == []
    return ran
