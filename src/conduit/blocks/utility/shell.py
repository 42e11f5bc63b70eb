"""A system command as a block: its syntax is checked first, then it runs, bounded in every way."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from conduit.blocks.block import Block
from conduit.blocks.effects import Effects
from conduit.blocks.utility import process_group
from conduit.blocks.utility.process_group import Ended
from conduit.blocks.utility.protocols import SupportsShellCommand, require_text
from conduit.contracts.errors import ConfigError

C = TypeVar("C", bound=SupportsShellCommand)

_PASSED_ON: Final = (
    "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER",
)  # fmt: skip
"""What a command gets of our environment: no key, token or password that it could print."""


@dataclass(frozen=True, slots=True)
class SystemCommandOperation:
    """What became of a command.

    ``success`` only when its return code is 0. ``return_code`` is minus the signal for a shell that
    was killed by one, and None when the command did not run to its end. ``syntax_ok`` is None when
    even that could not be found out. ``stdout`` and ``stderr`` are UTF-8 with U+FFFD in the place
    of whatever is not, NUL included.
    """

    success: bool
    command: str
    return_code: int | None = None
    stdout: str | None = None
    stderr: str | None = None
    reason: str | None = None
    syntax_ok: bool | None = None


class SystemCommandBlock(Block[C, SystemCommandOperation]):
    """Run ``<shell> -n -c <command>`` and, when the syntax is right, ``<shell> -c <command>``.

    The command is the field ``shell_command`` of the input. It has no standard input, no open file
    of ours and of our environment only ``PATH``, ``HOME``, the user, language, time zone and folder
    for temporary files. Time and output are bounded; beyond them it is stopped, ``success`` is
    False and what came until then is kept.

    Nothing that the command started outlives the call, background jobs included: its process group
    gets SIGTERM and, half a second later, SIGKILL. A process that left the group is found on Linux
    unless it also cleared its environment; elsewhere it stays. What is *not* bounded here is how
    many processes there are until then, how much memory they take and which files they touch: that
    is for the account, container or ``ulimit`` the program runs under. The call is no sandbox.
    """

    name = "shell.run"
    summary = "Run a system command in a shell"
    permission = "shell.run"
    effects = Effects.RUNS_COMMANDS

    def __init__(
        self,
        input_type: type[C],
        *,
        shell: str = "/bin/sh",
        timeout_seconds: float = 30.0,
        largest_output: int = 1 << 20,
        cwd: str | os.PathLike[str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """``timeout_seconds`` are for both runs together; ``largest_output`` are bytes, of stdout
        and of stderr; ``environment`` is added to what is passed on.

        Raises ``ConfigError`` for an input without ``shell_command: str``, bounds that admit
        nothing, a shell that is not there and variables that cannot be set.
        """
        require_text(input_type, "shell_command", self.name)
        if not (0 < timeout_seconds < math.inf and largest_output >= 0):
            raise ConfigError(
                "the time and the output must be bounded",
                where=self.name,
                hint="timeout_seconds above 0, largest_output from 0",
            )
        found = shutil.which(shell)
        if found is None:
            raise ConfigError(
                f"there is no shell {shell!r:.80}", where=self.name, hint="shell='/bin/sh'"
            )
        self.input_type = input_type
        self.output_type = SystemCommandOperation
        self._shell = found
        self._timeout_seconds = timeout_seconds
        self._largest_output = largest_output
        self._cwd = None if cwd is None else os.fspath(cwd)
        self._environment = dict(environment or {})
        _require_settable(self._environment, self.name)

    async def forward(self, data: C) -> SystemCommandOperation:
        command = data.shell_command
        until = asyncio.get_running_loop().time() + self._timeout_seconds
        syntax_ok = None
        try:
            checked = await self._run(("-n", "-c"), command, until)
            if checked.return_code != 0:
                return _refused(command, checked)
            syntax_ok = True
            ended = await self._run(("-c",), command, until)
        except (OSError, ValueError) as error:  # too long, a NUL, no such folder, no process left
            return SystemCommandOperation(
                success=False,
                command=command,
                reason=f"it could not be started: {_said(error)}",
                syntax_ok=syntax_ok,
            )
        return SystemCommandOperation(
            success=ended.return_code == 0,
            command=command,
            return_code=ended.return_code,
            stdout=_text(ended.stdout),
            stderr=_text(ended.stderr),
            reason=self._reason(ended),
            syntax_ok=True,
        )

    async def _run(self, options: tuple[str, ...], command: str, until: float) -> Ended:
        passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        # A shell takes `-x` and `+x` for an option of its own even after `-c`, but not ` -x`.
        spelled = f" {command}" if command.startswith(("-", "+")) else command
        return await process_group.run(
            (self._shell, *options, spelled),
            cwd=self._cwd,
            environment=passed_on | self._environment,
            largest_output=self._largest_output,
            until=until,
        )

    def _reason(self, ended: Ended) -> str | None:
        if ended.return_code == 0:
            return None
        if ended.stopped:
            most = f"{self._timeout_seconds:g} s and {self._largest_output} bytes at most"
            return f"it was stopped: {ended.stopped} ({most})"
        assert ended.return_code is not None
        if ended.return_code < 0:
            return f"it was ended by signal {-ended.return_code}"
        return f"it returned {ended.return_code}"


def _refused(command: str, checked: Ended) -> SystemCommandOperation:
    """The answer for a command whose syntax is wrong, or could not be checked in time."""
    stderr = _text(checked.stderr)
    said = (stderr.strip().splitlines() or ["no message"])[0][:200]
    wrong = checked.return_code is not None
    return SystemCommandOperation(
        success=False,
        command=command,
        stderr=stderr,
        reason=f"its syntax is wrong: {said}"
        if wrong
        else f"its syntax could not be checked: {checked.stopped}",
        syntax_ok=False if wrong else None,
    )


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace").replace("\0", "\ufffd")


def _said(error: OSError | ValueError) -> str:
    """The system's words without ours; a ``ValueError`` here is a NUL or a lone surrogate."""
    if isinstance(error, OSError):
        named = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror}{named}"
    return "it holds a character that no command can"


def _require_settable(environment: Mapping[str, str], where: str) -> None:
    """Names, never values: those may be secrets."""
    for name, value in environment.items():
        if not name or "=" in name or "\0" in name + value:
            raise ConfigError(
                f"the variable {name!r:.80} cannot be set",
                where=where,
                hint="a name has no '=', and neither name nor value a NUL",
            )
