"""``code.execute``: run a program that nobody has read, where it can do no harm."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from conduit.blocks import Block, Effects, Length, Range, block
from conduit.contracts.errors import InvalidInput, Overloaded, TooLarge
from conduit.store.file_names import parts_of
from conduit.tools.code.choosing import Chosen
from conduit.tools.code.inside.job import MAIN
from conduit.tools.code.sandbox import MIB, LeftFile, Ran, Run, Why

_MOST_AT_ONCE: Final = 8
_MOST_FILES: Final = 16
_LARGEST_GIVEN: Final = 4 * MIB
_LARGEST_SHOWN: Final = 64 * 1024
"""Of the files that are handed back, together, in base64 or as text."""


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A file for the scratch folder. Exactly one of ``text`` and ``base64`` is given."""

    name: Annotated[str, Length(1, 200), "like data/table.csv"]
    text: Annotated[str, Length(0, _LARGEST_GIVEN)] = ""
    base64: Annotated[str, Length(0, _LARGEST_GIVEN * 4 // 3 + 4), "for what is not text"] = ""


@dataclass(frozen=True, slots=True)
class CodeRun:
    """A program. It runs in an empty scratch folder with the standard library, without a network,
    and sees nothing of this machine."""

    code: Annotated[str, Length(1, 100_000), "the whole program; it prints what is to be known"]
    language: Literal["python"] = "python"
    stdin: Annotated[str, Length(0, 1_000_000), "its standard input"] = ""
    files: Annotated[tuple[GivenFile, ...], Length(0, _MOST_FILES), "laid into its folder"] = ()
    timeout_s: Annotated[float, Range(0.1, 60)] = 10.0
    memory_mb: Annotated[int, Range(64, 1024), "MiB for all its processes together"] = 256
    largest_output: Annotated[int, Range(0, MIB), "bytes of stdout, and of stderr"] = 16_384


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file that the program left in its folder. ``text`` is there for small ones in UTF-8,
    ``base64`` for small others; neither when there was no room for it."""

    name: str
    size: Annotated[int, "bytes"]
    text: str | None = None
    base64: str | None = None


@dataclass(frozen=True, slots=True)
class CodeResult:
    """What became of a program. Texts are UTF-8, with U+FFFD in the place of what is not."""

    why: Annotated[Why, "why it ended"]
    reason: Annotated[str, "the same in words; empty when all went well"]
    exit_code: Annotated[int | None, "minus the signal that ended it; none when it was stopped"]
    stdout: str
    stderr: str
    duration_ms: float
    sandbox: Annotated[str, "what held it"]
    strength: Literal["strong", "small"]
    files: tuple[MadeFile, ...] = ()
    more_files: Annotated[bool, "it left more than are listed"] = False


@dataclass(slots=True)
class _Going:
    count: int = field(default=0)


def code_blocks(chosen: Chosen) -> tuple[Block[Any, Any], ...]:
    """``code.execute``. The sandbox is looked for at the first call."""
    going = _Going()

    @block(
        "code.execute",
        summary="Run a Python program in a sandbox, without network and files of the machine",
        guarded=True,
        effects=Effects.RUNS_COMMANDS,
    )
    async def execute(data: CodeRun) -> CodeResult:
        run = _run(data)
        if going.count >= _MOST_AT_ONCE:
            raise Overloaded(
                f"{_MOST_AT_ONCE} programs are running already",
                retry_after_s=1.0,
                where="code.execute",
                hint="try again when one of them has ended",
            )
        going.count += 1
        try:
            sandbox = await chosen.sandbox()
            return _result(await sandbox.run(run), sandbox.strength.name, sandbox.strength.strength)
        finally:
            going.count -= 1

    return (execute,)


def _run(data: CodeRun) -> Run:
    try:
        code, stdin = data.code.encode(), data.stdin.encode()
    except UnicodeEncodeError:
        raise InvalidInput("it holds a lone surrogate", where="code") from None
    if b"\0" in code:
        raise InvalidInput("a program has no NUL in it", where="code")
    files: dict[str, bytes] = {}
    for at, given in enumerate(data.files):
        where = f"files[{at}]"
        name = "/".join(parts_of(given.name))
        if name == MAIN or name in files:
            raise InvalidInput(f"{name!r} is there already", where=where, hint="another name")
        files[name] = _content(given, where)
    if any(f"{each}/".startswith(f"{name}/") for name in files for each in files if each != name):
        raise InvalidInput("a name is both a file and a folder", where="files")
    if sum(map(len, files.values())) > _LARGEST_GIVEN:
        raise TooLarge(f"the files have more than {_LARGEST_GIVEN} bytes", where="files")
    return Run(
        code=code.decode(),
        stdin=stdin.decode(),
        files=files,
        seconds=data.timeout_s,
        memory=data.memory_mb * MIB,
        largest_output=data.largest_output,
    )


def _content(given: GivenFile, where: str) -> bytes:
    if given.text and given.base64:
        raise InvalidInput("either text or base64", where=where)
    try:
        if given.base64:
            return base64.b64decode(given.base64, validate=True)
        return given.text.encode()
    except (binascii.Error, ValueError):
        raise InvalidInput("this is not base64, or holds a lone surrogate", where=where) from None


def _result(ran: Ran, name: str, strength: Literal["strong", "small"]) -> CodeResult:
    room = _LARGEST_SHOWN
    files: list[MadeFile] = []
    for left in ran.files:
        shown = _shown(left, room)
        room -= len(shown.text or shown.base64 or "")
        files.append(shown)
    return CodeResult(
        why=ran.why,
        reason=ran.reason.encode("utf-8", "replace").decode(),
        exit_code=ran.exit_code,
        stdout=ran.stdout.decode("utf-8", "replace"),
        stderr=ran.stderr.decode("utf-8", "replace"),
        duration_ms=round(ran.duration_ms, 3),
        sandbox=name,
        strength=strength,
        files=tuple(files),
        more_files=ran.more_files,
    )


def _shown(left: LeftFile, room: int) -> MadeFile:
    if left.data is None or len(left.data) * 4 // 3 > room:
        return MadeFile(left.name, left.size)
    try:
        return MadeFile(left.name, left.size, text=left.data.decode())
    except UnicodeDecodeError:
        return MadeFile(left.name, left.size, base64=base64.b64encode(left.data).decode())
