"""Real shells, and what is left of them: nothing."""

from __future__ import annotations

import asyncio
import enum
import os
import secrets
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from conduit.blocks import Catalog
from conduit.blocks.utility.shell import SystemCommandBlock, SystemCommandOperation
from conduit.contracts.errors import ConfigError, TypeMismatch

SHELLS = [shell for shell in ("sh", "bash", "dash", "zsh") if shutil.which(shell)]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who has left a group")


@dataclass
class Command:
    shell_command: str


@dataclass(frozen=True)
class Frozen:
    shell_command: str


def run(command: str, **options: object) -> SystemCommandOperation:
    return SystemCommandBlock(Command, **options)(Command(command))  # type: ignore[arg-type]


class Trace:
    """A number that only our own `sleep` has, so that it is found wherever it has gone."""

    def __init__(self, seconds: int = 60) -> None:
        self.sleep = f"sleep {seconds}.{secrets.randbelow(10**9):09}"

    def count(self) -> int:
        """How many of them are alive."""
        listed = subprocess.run(
            ["ps", "-A", "-o", "stat=", "-o", "args="], capture_output=True, text=True, check=True
        )
        lines = listed.stdout.splitlines()
        return sum(not line.startswith("Z") and line.endswith(self.sleep) for line in lines)

    def is_gone(self) -> bool:
        """A killed process is listed until the kernel has ended it."""
        until = time.monotonic() + 20
        while self.count() and time.monotonic() < until:
            time.sleep(0.02)
        return self.count() == 0

    async def appears(self) -> None:
        while not self.count():  # noqa: ASYNC110 - another process does not tell
            await asyncio.sleep(0.02)


@pytest.fixture
def trace() -> Trace:
    return Trace()


def test_the_published_example() -> None:
    command_block = SystemCommandBlock(Command, timeout_seconds=20)
    cmd_op = command_block(Command(shell_command="ls -al"))
    assert cmd_op.success
    assert cmd_op.stdout
    assert cmd_op == SystemCommandOperation(
        success=True, command="ls -al", return_code=0, stdout=cmd_op.stdout, stderr="",
        reason=None, syntax_ok=True,
    )  # fmt: skip


def test_a_result_needs_only_its_first_two_fields() -> None:
    assert SystemCommandOperation(True, "ls") == SystemCommandOperation(
        True, "ls", None, None, None, None, None
    )


@pytest.mark.parametrize("shell", SHELLS)
def test_both_outputs_and_the_return_code_are_kept_apart(shell: str) -> None:
    ended = run("echo out; echo err >&2; exit 7", shell=shell)
    assert (ended.success, ended.return_code, ended.syntax_ok) == (False, 7, True)
    assert (ended.stdout, ended.stderr, ended.reason) == ("out\n", "err\n", "it returned 7")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_command_of_wrong_syntax_is_not_run(shell: str, tmp_path: Path) -> None:
    ended = run("touch made; if", shell=shell, cwd=tmp_path)
    assert (ended.success, ended.syntax_ok, ended.return_code) == (False, False, None)
    assert ended.stderr
    assert ended.reason is not None
    assert ended.reason.startswith("its syntax is wrong: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("command", ["-x", "--version", "+x", "-c 'touch made'", "-s"])
def test_a_command_is_never_an_option_of_the_shell(
    shell: str, command: str, tmp_path: Path
) -> None:
    ended = run(command, shell=shell, cwd=tmp_path)
    assert (ended.success, ended.return_code, ended.stdout) == (False, 127, "")
    assert list(tmp_path.iterdir()) == []


def test_time_is_bounded_and_nothing_is_left(trace: Trace) -> None:
    started = time.monotonic()
    ended = run(f"echo first; {trace.sleep} & {trace.sleep} | cat", timeout_seconds=1.2)
    assert time.monotonic() - started < 20
    assert (ended.success, ended.return_code, ended.stdout) == (False, None, "first\n")
    assert ended.reason == "it was stopped: its time was up (1.2 s and 1048576 bytes at most)"
    assert trace.is_gone()


def test_what_ignores_being_asked_is_killed(trace: Trace) -> None:
    ended = run(f"trap '' TERM; {trace.sleep}; {trace.sleep}", timeout_seconds=0.2)
    assert not ended.success
    assert trace.is_gone()


def test_what_is_asked_to_end_may_clean_up(tmp_path: Path) -> None:
    command = "trap 'echo bye; touch done; exit' TERM; touch begun; while :; do sleep 0.02; done"
    ended = run(command, timeout_seconds=1.2, cwd=tmp_path)
    assert (ended.success, ended.stdout) == (False, "bye\n")
    assert (tmp_path / "done").exists()


def test_a_background_job_that_holds_the_output_is_neither_waited_for_nor_left(
    trace: Trace,
) -> None:
    started = time.monotonic()
    ended = run(f"echo a; {trace.sleep} & echo b")
    assert (ended.success, ended.stdout) == (True, "a\nb\n")
    assert time.monotonic() - started < 20
    assert trace.is_gone()


def test_a_shell_that_forks_and_forks_is_ended(trace: Trace) -> None:
    """A chain: each link starts the next and goes, so that no list of children stays true."""
    link = Trace(seconds=0)
    command = f"f() {{ {link.sleep}; f & }}; f & f & f & {trace.sleep}"
    ended = run(command, timeout_seconds=0.4)
    assert not ended.success
    assert trace.is_gone()
    assert link.is_gone()
    for _ in range(10):
        assert link.count() + trace.count() == 0
        time.sleep(0.02)


def test_a_shell_that_doubles_is_ended(trace: Trace) -> None:
    """A fork bomb that stops at 127 processes, so that a fault here harms nobody."""
    twice = "b $(($1 - 1)) & b $(($1 - 1)) &"
    command = f"b() {{ [ $1 -gt 0 ] || exit; {twice} {trace.sleep}; }}; b 7"
    ended = run(command, timeout_seconds=1)
    assert not ended.success
    assert trace.is_gone()


@LINUX
@pytest.mark.skipif(not shutil.which("setsid"), reason="needs setsid")
@pytest.mark.parametrize("hidden", ["", " >/dev/null 2>&1"])
def test_what_leaves_the_group_is_found(trace: Trace, hidden: str) -> None:
    ended = run(f"(setsid {trace.sleep}{hidden} &); sleep 0.2; echo x")
    assert (ended.success, ended.stdout) == (True, "x\n")
    assert trace.is_gone()


@LINUX
@pytest.mark.skipif("bash" not in SHELLS, reason="needs job control without a terminal")
def test_a_job_with_a_group_of_its_own_is_found(trace: Trace) -> None:
    assert run(f"set -m; {trace.sleep} &", shell="bash").success
    assert trace.is_gone()


@pytest.mark.parametrize(("stream", "to"), [("stdout", ""), ("stderr", " >&2")])
def test_endless_output_is_cut(stream: str, to: str) -> None:
    ended = run(f"yes{to}", largest_output=10_001, timeout_seconds=20)
    assert (ended.success, ended.return_code) == (False, None)
    assert getattr(ended, stream) == "y\n" * 5000 + "y"
    assert ended.reason is not None
    assert f"its {stream} was too long" in ended.reason


def test_output_up_to_the_bound_is_whole() -> None:
    assert run("printf 12345", largest_output=5).stdout == "12345"
    ended = run("printf 123456", largest_output=5)
    assert (ended.success, ended.stdout) == (False, "12345")


def test_output_larger_than_a_pipe_is_whole() -> None:
    ended = run("i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done")
    assert ended.success
    assert ended.stdout == "0123456789\n" * 20000


def test_output_is_text_that_can_be_stored() -> None:
    assert run(r"printf 'a\000\377\303\266'").stdout == "a\ufffd\ufffdö"


async def test_cancellation_leaves_nothing(trace: Trace) -> None:
    call = asyncio.create_task(SystemCommandBlock(Command).acall(Command(trace.sleep)))
    await trace.appears()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert trace.is_gone()


async def test_a_second_cancellation_does_not_wait_for_grace(trace: Trace) -> None:
    command = Command(f"trap '' TERM; {trace.sleep}; {trace.sleep}")
    call = asyncio.create_task(SystemCommandBlock(Command).acall(command))
    await trace.appears()
    call.cancel()
    await asyncio.sleep(0.05)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert trace.is_gone()


async def test_commands_run_side_by_side() -> None:
    block = SystemCommandBlock(Command)
    started = time.monotonic()
    ended = await asyncio.gather(*(block.acall(Command(f"sleep 1; echo {n}")) for n in range(24)))
    assert [each.stdout for each in ended] == [f"{n}\n" for n in range(24)]
    assert time.monotonic() - started < 12


def test_it_runs_on_the_event_loop_of_the_server() -> None:
    uvloop = pytest.importorskip("uvloop")
    block, hasty = (SystemCommandBlock(Command, timeout_seconds=s) for s in (20, 0.3))
    assert uvloop.run(block.acall(Command("echo a"))).stdout == "a\n"
    assert uvloop.run(hasty.acall(Command("sleep 60"))).success is False


def test_it_runs_where_the_end_of_a_process_is_not_told(
    monkeypatch: pytest.MonkeyPatch, trace: Trace
) -> None:
    def refuse(*_: object) -> int:
        raise OSError("forbidden")

    monkeypatch.setattr(os, "pidfd_open", refuse, raising=False)
    assert run("sleep 0.05; echo a").stdout == "a\n"
    assert not run(trace.sleep, timeout_seconds=0.2).success
    assert trace.is_gone()


def test_nothing_stays_open() -> None:
    block = SystemCommandBlock(Command, largest_output=10)
    block(Command("true"))
    before = len(os.listdir("/dev/fd"))
    for command in ("true", "if", "yes", "a\0", "sleep 9 & echo"):
        block(Command(command))
    assert len(os.listdir("/dev/fd")) == before


def test_a_command_has_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-secret")
    monkeypatch.setenv("ENV", "/tmp/start-up")  # a shell would run this file
    monkeypatch.setenv("LANG", "C.UTF-8")
    ended = run("env", environment={"GIVEN": "on purpose"})
    assert ended.stdout is not None
    names = {line.partition("=")[0] for line in ended.stdout.splitlines()}
    assert {"GIVEN", "PATH", "LANG"} <= names
    assert not {"SOME_API_KEY", "ENV", "CONDUIT_HOME"} & names


def test_a_command_has_none_of_our_open_files() -> None:
    read_end, write_end = os.pipe()
    try:
        os.set_inheritable(write_end, True)
        assert run(f"test -e /dev/fd/{write_end}").return_code == 1
    finally:
        os.close(read_end)
        os.close(write_end)


def test_standard_input_is_empty() -> None:
    ended = run("cat; echo end")
    assert (ended.success, ended.stdout) == (True, "end\n")


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("a\0b", "it holds a character that no command can"),
        ("a\ud800", "it holds a character that no command can"),
        ("x" * 5_000_000, "Argument list too long"),
    ],
)
def test_what_cannot_be_started_is_said(command: str, reason: str) -> None:
    ended = run(command)
    assert (ended.success, ended.return_code, ended.syntax_ok) == (False, None, None)
    assert ended.reason is not None
    assert reason in ended.reason


def test_the_folder_to_run_in(tmp_path: Path) -> None:
    assert run("pwd -P", cwd=tmp_path).stdout == f"{os.path.realpath(tmp_path)}\n"
    ended = run("pwd", cwd=tmp_path / "gone")
    assert not ended.success
    assert ended.reason is not None
    assert "No such file" in ended.reason


def test_death_by_a_signal_is_said() -> None:
    ended = run("kill -9 $$")
    assert (ended.return_code, ended.reason) == (-9, "it was ended by signal 9")


@dataclass
class Nameless:
    text: str


@dataclass
class Mistyped:
    shell_command: int


@dataclass
class Perhaps:
    shell_command: str | None


@dataclass
class NotGiven:
    shell_command: str = field(init=False, default="ls")


class Plain:
    shell_command: str = "ls"


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (Nameless, "Nameless has no field 'shell_command'"),
        (Mistyped, "Mistyped.shell_command is declared as int, not as str"),
        (Perhaps, "Perhaps.shell_command is declared as str or null, not as str"),
        (NotGiven, "NotGiven has no field 'shell_command'"),
        (Plain, "Plain is not a dataclass"),
        (Command("ls"), "Command(shell_command='ls') is not a dataclass"),
    ],
)
def test_an_input_without_a_command_is_refused_at_once(cls: type, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        SystemCommandBlock(cls)
    assert refused.value.message == message
    assert "`shell_command: str`" in refused.value.hint


class Allowed(enum.StrEnum):
    LIST = "echo list"


@dataclass
class FromEnum:
    shell_command: Allowed


@dataclass
class FromLiteral:
    shell_command: Literal["echo list", "echo other"]


def test_commands_may_be_narrowed_to_a_few() -> None:
    assert SystemCommandBlock(FromEnum)(FromEnum(Allowed.LIST)).stdout == "list\n"
    block = SystemCommandBlock(FromLiteral)
    assert block(FromLiteral("echo other")).stdout == "other\n"
    with pytest.raises(TypeMismatch):
        block(FromLiteral("rm -rf x"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        {"timeout_seconds": 0},
        {"timeout_seconds": float("inf")},
        {"timeout_seconds": float("nan")},
        {"largest_output": -1},
        {"shell": "/no/such/shell"},
        {"environment": {"A=B": "c"}},
        {"environment": {"": "c"}},
        {"environment": {"A": "c\0"}},
    ],
)
def test_settings_that_cannot_be_are_refused_at_once(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        SystemCommandBlock(Command, **options)  # type: ignore[arg-type]


def test_another_type_is_a_breach() -> None:
    with pytest.raises(TypeMismatch):
        SystemCommandBlock(Command)(Frozen("ls"))  # type: ignore[arg-type]


def test_it_can_be_published() -> None:
    info = Catalog([SystemCommandBlock(Frozen)]).info("shell.run")
    assert (info.permission, info.effects) == ("shell.run", ["runs_commands"])
