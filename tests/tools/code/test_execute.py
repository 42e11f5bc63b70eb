"""``code.execute`` through the gate: what goes in, what comes out, and nothing that stays."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.blocks import Catalog, Gate
from conduit.contracts.call import LOCAL_OWNER, Principal
from conduit.contracts.errors import (
    ConduitError,
    Forbidden,
    InvalidInput,
    Overloaded,
    TooLarge,
    Unavailable,
)
from conduit.tools.code.blocks import CodeResult, code_blocks
from conduit.tools.code.choosing import MAKERS, Chosen
from conduit.tools.code.kernel_sandboxes import absence
from conduit.tools.code.monty import Monty
from conduit.tools.code.process_sandbox import read_report
from conduit.tools.code.sandbox import Ran, Run, Strength
from tests.tools.code.containment import MAKERS as KERNEL_MAKERS
from tests.tools.code.containment import left_running

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="these sandboxes are Linux's")


def gate_of(chosen: Chosen) -> Gate:
    return Gate(Catalog(code_blocks(chosen)), new_id=lambda: "id")


@pytest.fixture(scope="module", params=KERNEL_MAKERS)
def gate(request: pytest.FixtureRequest) -> Gate:
    make = KERNEL_MAKERS[str(request.param)]
    if sys.platform != "linux" or make(()) is None:
        pytest.skip(f"no {request.param} on this machine")
    return gate_of(Chosen(makers={str(request.param): make}))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def execute(gate: Gate, code: str, **more: Any) -> CodeResult:
    result = gate.call("code.execute", {"code": code, "timeout_s": 20.0, **more}, LOCAL_OWNER)
    assert isinstance(result, CodeResult)
    return result


def test_what_it_prints_comes_back(gate: Gate) -> None:
    code = "import sys; print('é', sys.stdin.read()); print('no', file=sys.stderr); sys.exit(3)"
    result = execute(gate, code, stdin="in ☃")
    assert (result.why, result.exit_code) == ("error", 3)
    assert (result.stdout, result.stderr) == ("é in ☃\n", "no\n")
    assert result.reason == "it ended with exit code 3: no"
    assert result.sandbox in KERNEL_MAKERS
    assert result.strength == "strong"
    assert 0 < result.duration_ms < 20_000


def test_files_go_in_and_out(gate: Gate) -> None:
    code = (
        "import os, data.tools\n"
        "print(open('data/table.csv').read(), data.tools.N, open('raw', 'rb').read())\n"
        "os.mkdir('made'); open('made/text.txt', 'w').write('é')\n"
        "open('made/bytes', 'wb').write(bytes([255]))\n"
        "open('data/table.csv', 'a').write('!')\n"
    )
    given_files = [
        {"name": "data/table.csv", "text": "a,b"},
        {"name": "data/tools.py", "text": "N = 7"},
        {"name": "raw", "base64": base64.b64encode(b"\0\xff").decode()},
        {"name": "unread.txt", "text": "same"},
    ]
    result = execute(gate, code, files=given_files)
    assert result.stdout == "a,b 7 b'\\x00\\xff'\n", result.stderr
    made = {each.name: (each.size, each.text, each.base64) for each in result.files}
    assert made == {
        "data/table.csv": (4, "a,b!", None),
        "made/bytes": (1, None, "/w=="),
        "made/text.txt": (2, "é", None),
    }


def test_more_files_than_are_handed_back(gate: Gate) -> None:
    result = execute(gate, "for n in range(40): open(f'{n:03}', 'w').write('x')")
    assert len(result.files) == 32
    assert result.more_files
    large = execute(gate, "open('large', 'w').write('x' * 5_000_000)")
    assert [(each.size, each.text) for each in large.files] == [(5_000_000, None)]


def test_it_begins_anew_each_time(gate: Gate) -> None:
    execute(gate, "open('kept', 'w').write('x')")
    result = execute(gate, "import os; print(os.listdir('.'), os.getpid() < 10, len(os.environ))")
    assert result.stdout.startswith("['main.py'] True")


def test_the_standard_library_works(gate: Gate) -> None:
    code = (
        "import asyncio, json, subprocess, sqlite3, statistics, threading, tempfile\n"
        "async def main(): await asyncio.sleep(0); return 1\n"
        "print(asyncio.run(main()))\n"
        "print(subprocess.run(['echo', 'two'], capture_output=True, text=True).stdout.strip())\n"
        "t = threading.Thread(target=print, args=(3,)); t.start(); t.join()\n"
        "print(sqlite3.connect('x.db').execute('select 4').fetchone()[0])\n"
        "print(len(tempfile.mkdtemp()) > 3)\n"
    )
    assert execute(gate, code).stdout == "1\ntwo\n3\n4\nTrue\n"


def test_output_is_cut_where_it_is_said(gate: Gate) -> None:
    result = execute(gate, "print('x' * 100_000)", largest_output=1000)
    assert (result.why, result.stdout) == ("output", "x" * 1000)
    assert execute(gate, "print('x' * 999)", largest_output=1000).why == "ok"
    assert execute(gate, "pass", largest_output=0).why == "ok"


@pytest.mark.parametrize(
    ("more", "error", "says"),
    [
        ({"files": [{"name": "../x", "text": "y"}]}, InvalidInput, "'..'"),
        ({"files": [{"name": "/etc/passwd", "text": "y"}]}, InvalidInput, "elsewhere"),
        ({"files": [{"name": "main.py", "text": "y"}]}, InvalidInput, "there already"),
        ({"files": [{"name": "a"}, {"name": "a"}]}, InvalidInput, "there already"),
        ({"files": [{"name": "a"}, {"name": "a/b"}]}, InvalidInput, "both a file and a folder"),
        ({"files": [{"name": "a", "base64": "?"}]}, InvalidInput, "not base64"),
        ({"files": [{"name": "a", "base64": "eA==", "text": "x"}]}, InvalidInput, "either"),
        ({"files": [{"name": n, "text": "x" * 3_000_000} for n in "ab"]}, TooLarge, "bytes"),
        ({"language": "perl"}, ConduitError, "python"),
        ({"timeout_s": 1e9}, ConduitError, "timeout_s"),
        ({"memory_mb": 10**6}, ConduitError, "memory_mb"),
        ({"code": "x" * 100_001}, ConduitError, "code"),
        ({"code": "print('\0')"}, InvalidInput, "NUL"),
        ({"code": "'\ud800'"}, InvalidInput, "surrogate"),
        ({"stdin": "\ud800"}, InvalidInput, "surrogate"),
    ],
)
def test_what_cannot_be_run_is_refused(
    gate: Gate, more: dict[str, Any], error: type[ConduitError], says: str
) -> None:
    with pytest.raises(error, match=says):
        execute(gate, **{"code": "pass", **more})


@LINUX
@pytest.mark.parametrize("hurried", [False, True])
async def test_a_caller_that_leaves_ends_it(gate: Gate, hurried: bool) -> None:
    code = "import time; print('here', flush=True); time.sleep(60)"
    data = {"code": code, "timeout_s": 60.0}
    task = asyncio.create_task(gate.acall("code.execute", data, LOCAL_OWNER))
    async with asyncio.timeout(30):
        while not left_running():  # noqa: ASYNC110 - another process does not tell
            await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.sleep(0)  # it asks the sandbox to end
    if hurried:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left_running() == []
    assert not [words for words in children() if "inside.start" in " ".join(words)]


async def test_only_so_many_at_once(gate: Gate) -> None:
    data = {"code": "import time; time.sleep(1)", "timeout_s": 20.0}
    calls = [gate.acall("code.execute", data, LOCAL_OWNER) for _ in range(12)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    refused = [each for each in results if isinstance(each, Overloaded)]
    done = [each.why for each in results if isinstance(each, CodeResult)]
    assert len(refused) == 4, results
    assert done == ["ok"] * 8


@LINUX
@pytest.mark.parametrize("kind", KERNEL_MAKERS)
def test_nothing_outlives_a_conduit_that_was_killed(kind: str) -> None:
    if KERNEL_MAKERS[kind](()) is None:
        pytest.skip(f"no {kind} on this machine")
    host = (
        "import asyncio; from tests.tools.code.containment import MAKERS\n"
        "from conduit.tools.code.sandbox import Run\n"
        "code = 'import time; time.sleep(71.625)'\n"
        f"asyncio.run(MAKERS[{kind!r}](()).run(Run(code, seconds=60)))"
    )
    paths = os.pathsep.join([str(Path(__file__).resolve().parents[3]), *sys.path])
    with subprocess.Popen(
        [sys.executable, "-c", host], env={**os.environ, "PYTHONPATH": paths}
    ) as process:
        try:
            wait_until(lambda: bool(left_running(process.pid)))
        finally:
            process.kill()
    wait_until(lambda: not left_running(process.pid))


@LINUX
def test_folders_of_conduit_are_seen_empty(tmp_path: Path) -> None:
    """Though they lie where the interpreter does."""
    hidden = Path(sys.base_prefix, "lib", f"python3.{sys.version_info.minor}", "wsgiref")
    for kind, make in KERNEL_MAKERS.items():
        sandbox = make([hidden])
        if sandbox is None:
            continue
        code = f"import os; print(os.listdir({str(hidden.resolve())!r}), os.path.exists('/usr'))"
        ran = asyncio.run(sandbox.run(Run(code, seconds=20)))
        assert ran.stdout == b"[] True\n", (kind, ran)


def test_a_host_whose_files_are_for_nobody_else(gate: Gate) -> None:
    """Its umask is neither in the way of the code nor handed down to it."""
    was = os.umask(0o077)
    try:
        result = execute(gate, "open('left', 'w').close(); print(open('/dev/null').read(), 'ok')")
    finally:
        os.umask(was)
    assert result.stdout == " ok\n", result.reason
    assert [each.name for each in result.files] == ["left"]


def test_it_inherits_nothing_of_a_host_with_many_files_open(gate: Gate) -> None:
    import resource

    was = resource.getrlimit(resource.RLIMIT_NOFILE)
    code = (
        "import os\n"
        "def is_open(n):\n"
        "    try: os.fstat(n)\n"
        "    except OSError: return False\n"
        "    return True\n"
        "print([n for n in range(3, 2000) if is_open(n)])"
    )
    with contextlib.ExitStack() as held:
        resource.setrlimit(resource.RLIMIT_NOFILE, (was[1], was[1]))
        held.callback(resource.setrlimit, resource.RLIMIT_NOFILE, was)
        for _ in range(1100):  # those of the run itself get numbers above 1024
            held.enter_context(open(os.devnull))
        assert execute(gate, code).stdout == "[]\n"


def test_a_principal_needs_it_by_name(gate: Gate) -> None:
    with pytest.raises(Forbidden, match=r"code\.execute"):
        gate.call("code.execute", {"code": "1"}, Principal("x", permissions=frozenset({"*"})))
    held = Principal("x", permissions=frozenset({"code.*"}))
    assert gate.call("code.execute", {"code": "1"}, held).why == "ok"


class Leaking:
    """A sandbox that keeps nothing inside: the probe must find that out. What it runs is ours."""

    strength = Strength("leaking", "strong", ())

    async def run(self, run: Run) -> Ran:
        ended = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", run.code.replace("time.sleep(30)", "os._exit(0)")],
            capture_output=True,
            check=False,
        )
        return Ran("ok", stdout=ended.stdout, stderr=ended.stderr)


class Broken:
    strength = Strength("broken", "strong", ())

    async def run(self, run: Run) -> Ran:
        raise Unavailable("the sandbox broken could not be made: not permitted")


async def test_a_sandbox_that_leaks_is_not_believed() -> None:
    chosen = Chosen(
        makers={
            "broken": lambda _: Broken(),
            "leaking": lambda _: Leaking(),
            "gone": lambda _: None,
        }
    )
    with pytest.raises(Unavailable) as refused:
        await gate_of(chosen).acall("code.execute", {"code": "print(1)"}, LOCAL_OWNER)
    assert "install bubblewrap" in refused.value.hint
    reasons = {each.name: each.reason for each in chosen.tried}
    assert "not permitted" in reasons["broken"]
    assert reasons["gone"] == "it is not here"
    for hole in ("files", "passwords", "writing", "network", "local sockets"):
        assert f"open: {hole}" in reasons["leaking"]


@LINUX
def test_a_processor_without_a_filter_is_named() -> None:
    assert absence("riscv64") == "its filter knows the calls of x86_64 and aarch64, not of riscv64"
    assert absence("aarch64") == "it is not here"


async def test_the_next_best_is_taken() -> None:
    def none(hidden: Sequence[Path]) -> None:
        return None

    chosen = Chosen(makers={**MAKERS, "bubblewrap": none, "namespaces": none})
    if MAKERS["monty"](()) is None:
        pytest.skip("the extra `code` is not installed")
    assert (await chosen.sandbox()).strength.name == "monty"


MONTY = [
    ("print(1 + 1)", "ok", "2\n"),
    ("print(sum(range(10)))\n'dropped'", "ok", "45\n"),
    ("1 / 0", "error", "ZeroDivisionError"),
    ("((", "error", "EOF"),
    ("while True: pass", "time", "stopped after"),
    ("x = [0]\nwhile True: x = x + x", "memory", "MiB"),
    ("def f(): return f()\nf()", "error", "RecursionError"),
    ("while True: print('x' * 1000)", "output", "bytes of output"),
    ("print('x' * 65535)\n1 / 0", "error", "ZeroDivisionError"),
    ("open('/etc/passwd').read()", "error", "Permission"),
    ("import socket", "error", "socket"),
    ("import subprocess", "error", "subprocess"),
    ("import os\nos.system('id')", "error", ""),
    ("import os\nprint(os.environ['HOME'])", "error", ""),
    ("__import__('os').fork()", "error", ""),
    ("().__class__.__bases__[0].__subclasses__()", "error", ""),
]


@pytest.mark.skipif(MAKERS["monty"](()) is None, reason="the extra `code` is not installed")
@pytest.mark.parametrize(("code", "why", "says"), MONTY)
def test_the_small_sandbox(code: str, why: str, says: str) -> None:
    ran = asyncio.run(Monty().run(Run(code, seconds=1.0, memory=64 << 20)))
    assert ran.why == why, ran
    assert says in ran.stdout.decode() + ran.stderr.decode() + ran.reason, ran
    assert "root:" not in repr(ran)


@LINUX
@pytest.mark.skipif(MAKERS["monty"](()) is None, reason="the extra `code` is not installed")
async def test_a_caller_that_leaves_ends_the_small_sandbox_too() -> None:
    def there() -> bool:
        return any("monty" in " ".join(each) for each in children())

    task = asyncio.create_task(Monty().run(Run("while True: pass", seconds=60)))
    await asyncio.to_thread(wait_until, there)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(wait_until, lambda: not there())


def children() -> list[list[str]]:
    """The words of every process that this one started."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            stat = Path(f"/proc/{pid}/stat").read_text()
            if int(stat.rpartition(")")[2].split()[1]) == os.getpid():
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                found.append(list(map(os.fsdecode, words)))
    return found


@pytest.mark.skipif(MAKERS["monty"](()) is None, reason="the extra `code` is not installed")
def test_the_small_sandbox_takes_no_files() -> None:
    with pytest.raises(InvalidInput, match="neither files"):
        asyncio.run(Monty().run(Run("1", files={"x": b""})))


@given(st.binary(max_size=300) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inside: st.lists(inside, max_size=3)
    | st.dictionaries(st.sampled_from(["why", "status", "files", "seconds", "more", "failed",
                                       "name", "size", "data"]), inside),
    max_leaves=12,
).map(lambda each: json.dumps(each).encode()))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_no_report_is_believed(report: bytes) -> None:
    """Whatever comes out of a sandbox is a result, or says that there was none."""
    try:
        ran = read_report(report, b"out", b"err", Run("1"), "x", late=False, overflow=False)
    except Unavailable as error:
        assert "x" in error.message  # noqa: PT017 - both are right
        return
    assert ran.stdout == b"out"
    for each in ran.files:
        assert each.size >= 0
        each.name.encode()
