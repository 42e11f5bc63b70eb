"""The strongest sandbox that this machine has, tried out before it is believed.

Whether a kernel, a container or a policy of the distribution lets us make one cannot be read
anywhere: so each is made once, with a program in it that tries to get out.
"""

from __future__ import annotations

import asyncio
import os
import platform
import secrets
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from conduit.contracts.errors import ConduitError, Unavailable
from conduit.tools.code.kernel_sandboxes import absence, bubblewrap, own_rooms
from conduit.tools.code.monty import monty
from conduit.tools.code.sandbox import MIB, Ran, Run, Sandbox, Strength

Maker = Callable[[Sequence[Path]], Sandbox | None]

MAKERS: Final[dict[str, Maker]] = {
    "bubblewrap": bubblewrap,
    "namespaces": own_rooms,
    "monty": monty,
}
"""The strongest first. The first two are equally strong; ``bwrap`` may make rooms on machines where
an ordinary program may not."""

HINT: Final = "on Linux, install bubblewrap; or anywhere: pip install 'conduit-os[code]'"
_PROCESSES: Final = 12
_PROBE: Final = """
import os, socket
def attempt(what, act):
    try:
        act()
    except OSError:
        return
    print("open:", what)
attempt("files", lambda: open({secret!r}).read())
attempt("passwords", lambda: open("/etc/passwd").read())
attempt("other processes", lambda: open("/proc/{pid}/stat").read())
attempt("writing", lambda: open({beside!r}, "w"))
attempt("network", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
attempt("local sockets", lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
attempt("becoming root", lambda: os.setuid(0))
def fork():
    for _ in range({processes}):
        if not os.fork():
            import time
            time.sleep(30)
attempt("processes without end", fork)
if len(os.environ) > 12 or any(name.startswith("CONDUIT_") for name in os.environ):
    print("open: environment")
print("tried")
"""


@dataclass(frozen=True, slots=True)
class Tried:
    """A sandbox that does not work here, and why."""

    name: str
    reason: str


class Chosen:
    """Finds the sandbox at the first question, and keeps it."""

    def __init__(self, hidden: Sequence[Path] = (), makers: dict[str, Maker] | None = None) -> None:
        """``hidden`` are folders that no code may see into, wherever they lie."""
        self._hidden = tuple(hidden)
        self._makers = MAKERS if makers is None else makers
        self._sandbox: Sandbox | None = None
        self.tried: tuple[Tried, ...] = ()

    async def sandbox(self) -> Sandbox:
        """Raises ``Unavailable`` where there is none; then it is looked for again next time."""
        if self._sandbox is None:
            tried: list[Tried] = []
            for name, make in self._makers.items():
                made = make(self._hidden)
                reason = _absence(make) if made is None else await _fault(made)
                if not reason:
                    self._sandbox = made
                    break
                tried.append(Tried(name, reason))
            self.tried = tuple(tried)
        if self._sandbox is None:
            said = "; ".join(f"{each.name}: {each.reason}" for each in self.tried)
            raise Unavailable(f"this machine has no sandbox for code ({said})", hint=HINT)
        return self._sandbox

    def strength(self) -> Strength:
        """For a caller that has no event loop. Raises ``Unavailable``."""
        return asyncio.run(self.sandbox()).strength


def _absence(make: Maker) -> str:
    if make in (bubblewrap, own_rooms):
        return absence(platform.machine())
    return "it is not here"


async def _fault(sandbox: Sandbox) -> str:
    """What is wrong with it; empty when it holds."""
    if sandbox.strength.strength == "small":  # it has no such calls that could be tried
        code, wanted = "print('tried')", b"tried"
        ran = await _probed(sandbox, code)
        return "" if ran.stdout.strip() == wanted else f"it does not work: {ran.reason}"
    with tempfile.TemporaryDirectory(prefix="conduit-probe-") as folder:
        secret = Path(folder) / "secret"
        secret.write_text(secrets.token_hex(8))
        os.chmod(folder, 0o755)
        code = _PROBE.format(
            secret=str(secret),
            beside=str(Path(folder) / "beside"),
            pid=os.getpid() if os.getpid() > 64 else 10**9,  # inside, small numbers are others
            processes=_PROCESSES + 1,
        )
        ran = await _probed(sandbox, code)
    lines = ran.stdout.decode("utf-8", "replace").splitlines()
    if "tried" not in lines:
        return f"it does not work: {ran.reason or 'the probe said nothing'}"
    return ", ".join(line for line in lines if line.startswith("open:"))


async def _probed(sandbox: Sandbox, code: str) -> Ran:
    try:
        return await sandbox.run(Run(code, seconds=20, memory=256 * MIB, processes=_PROCESSES))
    except ConduitError as error:
        return Ran("error", error.message)
