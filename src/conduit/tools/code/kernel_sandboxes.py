"""The two sandboxes that the kernel holds: made by ``bwrap``, or by ourselves."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from conduit.tools.code import inside
from conduit.tools.code.inside import landlock, seccomp
from conduit.tools.code.inside.job import SCRATCH, Layout
from conduit.tools.code.layout import interpreter, layout
from conduit.tools.code.process_sandbox import Descriptors, ProcessSandbox
from conduit.tools.code.sandbox import Run, Strength

_INSIDE: Final = Path(inside.__file__).parent
_SEEN_AT: Final = "/sandbox"
_BOOT: Final = "import sys; sys.path.append(sys.argv.pop(1)); from inside.start import main; main()"


def bubblewrap(hidden: Sequence[Path] = ()) -> ProcessSandbox | None:
    """By the program ``bwrap``; None where there is none, or no filter for this processor."""
    program = shutil.which("bwrap", path="/usr/bin:/bin:/usr/local/bin")
    if sys.platform != "linux" or program is None or not seccomp.is_known():
        return None
    strength = Strength("bubblewrap", "strong", _layers())

    def command(seen: Layout, run: Run, given: Descriptors) -> list[str]:
        return [program, *_bwrap(seen, run, given), "--", *_interpreter(_SEEN_AT, "made", given)]

    return ProcessSandbox(strength, layout(hidden=hidden), command, seccomp.program())


def own_rooms(hidden: Sequence[Path] = ()) -> ProcessSandbox | None:
    """By our own program, with the same calls to the kernel; None where that is not Linux, or there
    is no filter for this processor."""
    if sys.platform != "linux" or not seccomp.is_known():
        return None
    strength = Strength("namespaces", "strong", _layers())

    def command(seen: Layout, run: Run, given: Descriptors) -> list[str]:
        return _interpreter(str(_INSIDE.parent), "make", given)

    return ProcessSandbox(strength, layout(hidden=hidden), command, seccomp.program())


def absence(machine: str) -> str:
    """Why neither of them is there."""
    if sys.platform == "linux" and not seccomp.is_known(machine):
        return f"its filter knows the calls of {' and '.join(seccomp.MACHINES)}, not of {machine}"
    return "it is not here"


def _layers() -> tuple[str, ...]:
    users = "a user of its own" if os.geteuid() == 0 else "user namespace"
    calls = f"seccomp for {os.uname().machine}"
    held = ("namespaces for processes, files, network, names and IPC", users, calls, "limits")
    return (*held, "Landlock") if landlock.version() else held


def _interpreter(folder: str, kind: str, given: Descriptors) -> list[str]:
    numbers = [str(each) for each in (given.job, given.control, given.report)]
    return [interpreter(), "-I", "-S", "-B", "-c", _BOOT, folder, kind, *numbers]


def _bwrap(seen: Layout, run: Run, given: Descriptors) -> list[str]:
    words = ["--unshare-pid", "--unshare-ipc", "--unshare-net", "--unshare-uts"]
    words += ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--as-pid-1"]
    words += ["--clearenv", "--hostname", "sandbox", "--cap-drop", "ALL"]
    if os.geteuid() == 0:  # to become somebody else, whose processes the kernel counts
        words += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        words += ["--unshare-user", "--uid", "1000", "--gid", "1000"]
    for parent in _parents((*seen.folders, *seen.files, *seen.devices)):
        words += ["--perms", "0755", "--dir", parent]  # bwrap's own are for their owner alone
    for folder in seen.folders:
        words += ["--ro-bind", folder, folder]
    words += ["--ro-bind", str(_INSIDE), f"{_SEEN_AT}/{_INSIDE.name}"]
    for target, link in seen.links:
        words += ["--symlink", target, link]
    for file in seen.files:
        words += ["--ro-bind", file, file]
    for device in seen.devices:
        words += ["--dev-bind", device, device]
    for folder in seen.hidden:
        words += ["--size", "4096", "--tmpfs", folder, "--remount-ro", folder]
    words += ["--proc", "/proc", "--perms", "1777", "--size", str(run.scratch)]
    words += ["--tmpfs", SCRATCH, "--chdir", SCRATCH, "--remount-ro", "/"]
    return [*words, "--seccomp", str(given.filter)]


def _parents(paths: Sequence[str]) -> list[str]:
    """The folders on the way, from above to below."""
    above = {str(each) for path in paths for each in Path(path).parents}
    return sorted(above - {"/", *paths}, key=lambda path: (path.count("/"), path))
