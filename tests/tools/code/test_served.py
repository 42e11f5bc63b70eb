"""Running code through a server: refused until it is allowed, then for whom it is allowed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from conduit.tools.code.choosing import MAKERS, Chosen
from tests.fakes.upstream import Answer, FakeUpstream, ToolUse
from tests.product.answers import refused
from tests.product.server import Server, serving

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or all(make(()) is None for make in MAKERS.values()),
    reason="this machine has no sandbox",
)


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream.in_thread() as running:
        yield running


def started(folder: Path, upstream: FakeUpstream, access: str) -> Iterator[Server]:
    home = folder / "home"
    home.mkdir()
    (home / "access.yaml").write_text(access)
    providers = (
        "providers:\n  good:\n    type: openai_compatible\n"
        f"    base_url: {upstream.url}/v1\n    model: fake-1\n"
    )
    with serving(folder, providers) as running:
        yield running


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    yield from started(tmp_path_factory.mktemp("closed"), upstream, "models: [code.execute]\n")


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    both = "models: [code.execute]\nremote: [code.*]\n"
    yield from started(tmp_path_factory.mktemp("opened"), upstream, both)


def execute(server: Server, code: str) -> httpx.Response:
    data = {"code": code, "timeout_s": 20}
    return httpx.post(f"{server.url}/blocks/code.execute", json=data, timeout=60)


def test_it_is_refused_until_it_is_allowed(closed: Server) -> None:
    error = refused(execute(closed, "print(1)"), 403, "forbidden")
    assert "'code.execute' is needed" in error["hint"]


def test_it_runs_where_it_is_allowed(opened: Server) -> None:
    ran = execute(opened, "print(6 * 7)").json()
    assert (ran["why"], ran["stdout"]) == ("ok", "42\n")


def test_code_sees_nothing_of_the_server(opened: Server) -> None:
    files = [opened.home / "access.yaml", opened.home / "providers.yaml"]
    code = "import os\n" + "".join(
        f"try: print('SEEN', open({str(file)!r}).read())\nexcept OSError: print('not there')\n"
        for file in files
    )
    code += "print('SEEN' if any(n.startswith('CONDUIT') for n in os.environ) else 'not there')"
    said = execute(opened, code).json()["stdout"]
    assert said == "not there\n" * 3


@pytest.mark.parametrize("name", ["execute_code", "code_execute"])
def test_a_model_runs_code_for_who_may(
    opened: Server, closed: Server, upstream: FakeUpstream, name: str
) -> None:
    """Over HTTP it must be allowed to models and to the callers that they work for."""
    for server, ok in ((opened, True), (closed, False)):
        use = ToolUse(name, {"code": "print(6 * 7)", "timeout_s": 20})
        upstream.answers.extend([Answer("", (use,)), Answer("That is all.")])
        ask = {"prompt": "go", "session": f"{name}-{ok}"}
        reply = httpx.post(f"{server.url}/ask", json=ask, timeout=60).json()
        (used,) = reply["tool_calls"]
        assert (used["block"], used["ok"]) == ("code.execute", ok), used
        if ok:
            assert used["result"]["stdout"] == "42\n"
        else:
            assert used["error"]["code"] == "forbidden"
        tools = {each["function"]["name"] for each in upstream.requests[-1].body["tools"]}
        assert ("code_execute" in tools) == ok


def test_a_model_works_a_formula_out(closed: Server, upstream: FakeUpstream) -> None:
    use = ToolUse("math_solver", {"expression": "x^2 = 49", "what": "solve", "timeout_s": 20})
    upstream.answers.extend([Answer("", (use,)), Answer("That is all.")])
    reply = httpx.post(f"{closed.url}/ask", json={"prompt": "go", "session": "m"}, timeout=60)
    (used,) = reply.json()["tool_calls"]
    assert used["block"] == "math.solve"
    assert used["result"]["result"] == "x = -7, x = 7"


def test_doctor_names_the_sandbox(opened: Server) -> None:
    diagnosis = httpx.post(f"{opened.url}/blocks/system.doctor", json={}, timeout=60).json()
    (finding,) = [each for each in diagnosis["findings"] if each["name"] == "sandbox for code"]
    assert finding["state"] == "ok"
    assert finding["detail"].startswith(Chosen().strength().name)
