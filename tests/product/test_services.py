"""The services as their documents publish them: chat, planner and tokens, over the wire.

Requests are those of the documents, to the letter; answers have at least the fields that they show.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.upstream import Answer, FakeUpstream, ToolUse
from tests.product.answers import refused
from tests.product.server import COMMAND, Server, serving
from tests.product.waiting import settled

CORPUS = {"corpusId": "fc-main"}
PLAN = [
    {"name": "persist.getCorpus", "arguments": {"corpusId": "fc-main"}},
    {"name": "analytics.summarize", "arguments": {"corpusId": "fc-main"}},
]
BASELINE = {
    "baselineId": "BA-2025-08",
    "content": "Baseline text. The kick is on the floor. The hats open late. The bass is deep.",
}


@pytest.fixture(scope="module")
def thinking(upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a model that says what it is told to."""
    yaml = (
        "providers:\n  scripted:\n    type: openai_compatible\n"
        f"    base_url: {upstream.url}/v1\n    model: fake-1\n"
    )
    with serving(tmp_path_factory.mktemp("thinking"), yaml) as running:
        yield running


@pytest.fixture
def models(thinking: Server, upstream: FakeUpstream) -> Iterator[httpx.Client]:
    upstream.answers.clear()
    upstream.requests.clear()
    with httpx.Client(base_url=thinking.url, timeout=20) as client:
        yield client


@pytest.fixture(scope="module", autouse=True)
def corpus(http: httpx.Client) -> None:
    """What the documents' plans are about."""
    assert http.post("/corpora/fc-main/baselines", json=BASELINE).status_code == 200


def post(client: httpx.Client, path: str, body: Any) -> Any:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def drafted(*steps: tuple[str, str], why: str = "because") -> Answer:
    """A model's plan, in the shape it was asked for."""
    listed = [{"name": name, "arguments": arguments} for name, arguments in steps]
    return Answer(json.dumps({"why": why, "steps": listed}))


def test_chat_as_it_is_published(http: httpx.Client) -> None:
    asked = {"messages": [{"role": "user", "content": "Hello, FountainAI!"}], "functions": []}
    reply = post(http, "/chat", asked)
    assert reply["object"] == "chat.completion"
    assert isinstance(reply["id"], str)
    (choice,) = reply["choices"]
    assert choice["index"] == 0
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"]
    assert choice["finish_reason"] == "stop"
    assert set(reply["usage"]) == {"prompt_tokens", "completion_tokens", "total_tokens"}


def test_planner_reason_as_it_is_published(http: httpx.Client) -> None:
    asked = {"objective": "Summarize corpus fc-main", "constraints": []}
    reply = post(http, "/planner/reason", asked)
    assert reply["plan"] == [
        {"name": "corpora.get", "arguments": {"corpusId": "fc-main"}},
        {"name": "analytics.summarize", "arguments": {"corpusId": "fc-main"}},
    ]
    assert reply["by"] == "rules"
    done = post(http, "/planner/execute", {"steps": reply["plan"]})
    assert done["status"] == "success"


def test_planner_execute_as_it_is_published(http: httpx.Client) -> None:
    reply = post(http, "/planner/execute", {"steps": PLAN})
    assert reply["status"] == "success"
    assert [each["step"] for each in reply["results"]] == [each["name"] for each in PLAN]
    assert all(isinstance(each["output"], dict) for each in reply["results"])
    assert reply["results"][0]["output"]["corpusId"] == "fc-main"


def test_the_body_of_the_published_envelope(http: httpx.Client) -> None:
    body = {
        "objective": "Draft release notes from baseline BA-2025-08",
        "steps": [
            {"name": "persist.getBaseline",
             "arguments": {"corpusId": "fc-main", "baselineId": "BA-2025-08"}},
            {"name": "analytics.summarize", "arguments": {"corpusId": "fc-main"}},
        ],
    }  # fmt: skip
    reply = post(http, "/planner/execute", body)
    assert (reply["status"], reply["results"][0]["output"]["content"]) == (
        "success", BASELINE["content"],
    )  # fmt: skip


def test_a_plan_of_grooves_without_a_model(http: httpx.Client) -> None:
    asked = {"objective": "make an acid groove, save it as acid1 and render 32 bars of it"}
    plan = post(http, "/planner/reason", asked)["plan"]
    assert [step["name"] for step in plan] == [
        "groove.render", "configs.create", "groove.render_session",
    ]  # fmt: skip
    done = post(http, "/planner/execute", {"steps": plan})
    assert done["status"] == "success"
    assert done["results"][2]["output"]["bars"] == 32


def test_a_plan_of_blocks_that_are_named(http: httpx.Client) -> None:
    asked = {
        "objective": 'call groove.styles, then docs.answer(question="what is swing?") '
        "and groove.render with style=dub, bars=2",
        "constraints": ["be quick"],
    }
    reply = post(http, "/planner/reason", asked)
    assert reply["plan"] == [
        {"name": "groove.styles", "arguments": {}},
        {"name": "docs.answer", "arguments": {"question": "what is swing?"}},
        {"name": "groove.render", "arguments": {"style": "dub", "bars": 2}},
    ]
    assert "constraints were not read" in reply["note"]


@pytest.mark.parametrize(
    "objective",
    ["bring about world peace", "Write me a poem", "hello", "groove.render(bars=many)",
     "call shell.run with shell_command='id'", "run no.such.block"],
)  # fmt: skip
def test_what_it_does_not_understand_it_says(http: httpx.Client, objective: str) -> None:
    answer = http.post("/planner/reason", json={"objective": objective})
    refused(answer, 503, "unavailable")
    assert "no plan for this" in answer.json()["error"]["message"]


def test_references_and_events_over_http(http: httpx.Client) -> None:
    steps = [
        {"name": "groove.render", "arguments": {"style": "dub", "bars": 2}, "id": "groove"},
        {"name": "groove.render", "arguments": {"style": "${steps.groove.output.style}",
         "bars": "${steps[0].output.bars}", "seed": 7}},
    ]  # fmt: skip
    with http.stream("POST", "/blocks/planner.execute", json={"steps": steps},
                     headers={"accept": "text/event-stream"}) as answer:  # fmt: skip
        lines = [line for line in answer.iter_lines() if line]
    names = [line[7:] for line in lines if line.startswith("event: ")]
    assert names == ["event"] * 5 + ["output"]
    last = json.loads(lines[-1][6:])
    assert last["status"] == "success"
    assert last["results"][1]["output"]["bars"] == 2
    assert post(http, "/planner/execute", {"run_id": last["runId"]}) == last


@pytest.mark.parametrize(
    ("step", "status", "said"),
    [
        ({"name": "groove.rendr", "arguments": {}}, 400, "did you mean groove.render"),
        ({"name": "groove.render", "arguments": {"bars": 0}}, 400, "bars: expected int from 1"),
        ({"name": "groove.render", "arguments": {"bars": "${steps[5].output}"}}, 400, "forward"),
        ({"name": "shell.run", "arguments": {"shell_command": "id"}}, 403, "may not call"),
    ],
)
def test_a_plan_that_cannot_be_done(
    http: httpx.Client, step: dict[str, Any], status: int, said: str
) -> None:
    first = {"name": "configs.create", "arguments": {"name": "never", "groove": {"style": "dub"}}}
    answer = http.post("/planner/execute", json={"steps": [first, step]})
    refused(answer, status, "forbidden" if status == 403 else "invalid_input")
    assert said in answer.text
    assert "never" not in http.post("/blocks/configs.list", json={}).text


@pytest.mark.parametrize("path", ["/chat", "/planner/reason", "/planner/execute", "/auth/token"])
@pytest.mark.parametrize(
    "body", [b"[]", b"null", b"{", b'{"x": 1}', b"[" * 100_000, b"\xff\xfe", b'"text"']
)
def test_any_other_body_is_refused_with_a_hint(http: httpx.Client, path: str, body: bytes) -> None:
    answer = http.post(path, content=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["hint"]


def test_a_model_makes_a_plan(models: httpx.Client, upstream: FakeUpstream) -> None:
    upstream.answers.append(
        drafted(
            ("groove_render", '{"style": "dub", "bars": "2"}'),
            ("configs.create", '{"name": "planned", "groove": "${steps[0].output.config}"}'),
        )
    )
    asked = {"objective": "two bars of dub, kept as planned", "constraints": ["only two steps"]}
    reply = post(models, "/planner/reason", asked)
    assert [step["name"] for step in reply["plan"]] == ["groove.render", "configs.create"]
    assert (reply["by"], reply["provider"], reply["note"]) == ("model", "scripted", "because")
    told = upstream.requests[-1].body["messages"]
    assert "groove.render: " in told[0]["content"]
    assert "only two steps" in told[1]["content"]
    assert "shell.run" not in told[0]["content"]
    done = post(models, "/planner/execute", {"steps": reply["plan"]})
    assert done["status"] == "success", done


def test_a_model_is_asked_once_more_with_what_is_wrong(
    models: httpx.Client, upstream: FakeUpstream
) -> None:
    upstream.answers.extend([
        drafted(("groove.make", "{}"), ("groove.render", '{"bars": 0}'),
                ("groove.render", '{"seed": "${steps[2].output.seed}"}')),
        drafted(("groove.render", '{"style": "dub", "bars": 4}')),
    ])  # fmt: skip
    reply = post(models, "/planner/reason", {"objective": "four bars"})
    assert reply["plan"] == [{"name": "groove.render", "arguments": {"style": "dub", "bars": 4}}]
    first, second = upstream.requests[-2:]
    assert len(second.body["messages"]) == len(first.body["messages"]) + 2
    said = second.body["messages"][-1]["content"]
    assert "steps[0]: there is no block 'groove.make'" in said
    assert "steps[1]: " in said
    assert "bars: expected int from 1" in said
    assert "steps[2]: " in said
    assert "refers forward" in said


@pytest.mark.parametrize(
    "steps",
    [
        [("no.block", "{}")],
        [("groove.render", "bars: eight")],
        [("groove.styles", "{}")] * 21,
        [("planner.execute", '{"run_id": "x"}')],
        [("shell.run", '{"shell_command": "id"}')],
        [("function.invoke", '{"id": "runs.decide", "arguments": {}}')],
        [("runs.decide", '{"run_id": "last", "call_id": "c0", "decision": "approve"}')],
        [("corpora.delete", '{"corpusId": "fc-main"}')],
    ],
)
def test_a_model_that_makes_no_usable_plan_twice(
    models: httpx.Client, upstream: FakeUpstream, steps: list[tuple[str, str]]
) -> None:
    upstream.answers.extend([drafted(*steps), drafted(*steps)])
    answer = models.post("/planner/reason", json={"objective": "do it"})
    refused(answer, 502, "provider_bad_reply")
    assert "cannot be carried out" in answer.text
    assert len(upstream.requests) == 2


def test_a_model_that_says_it_cannot(models: httpx.Client, upstream: FakeUpstream) -> None:
    upstream.answers.append(drafted(why="no block brews coffee"))
    answer = models.post("/planner/reason", json={"objective": "coffee"})
    refused(answer, 502, "provider_refused")
    assert "no block brews coffee" in answer.text


def test_when_models_fail_the_rules_plan_and_the_refusal_says_why(
    models: httpx.Client, upstream: FakeUpstream
) -> None:
    upstream.fail("fake-1", "status_401", "status_401")
    reply = post(models, "/planner/reason", {"objective": "call groove.styles"})
    assert (reply["by"], reply["plan"]) == ("rules", [{"name": "groove.styles", "arguments": {}}])
    post(models, "/providers/reset-circuit/scripted", {})
    answer = models.post("/planner/reason", json={"objective": "bring about world peace"})
    refused(answer, 503, "unavailable")
    assert "scripted: " in answer.json()["error"]["hint"]
    post(models, "/providers/reset-circuit/scripted", {})


def test_functions_are_offered_and_not_run(models: httpx.Client, upstream: FakeUpstream) -> None:
    upstream.answers.append(Answer("", (ToolUse("groove_render", {"bars": 8}),)))
    said = [{"role": "user", "content": "eight bars"}]
    own = {"name": "my_light", "description": "Switch it", "parameters": {"type": "object"}}
    reply = post(models, "/chat", {"messages": said, "functions": ["groove.render", own]})
    choice = reply["choices"][0]
    call = choice["message"]["function_call"]
    assert (call["name"], json.loads(call["arguments"])) == ("groove.render", {"bars": 8})
    assert choice["finish_reason"] == "function_call"
    assert "tool_calls" not in choice["message"]
    sent = upstream.requests[-1].body
    assert [each["function"]["name"] for each in sent["tools"]] == ["groove_render", "my_light"]
    assert "bars" in sent["tools"][0]["function"]["parameters"]["properties"]
    assert len(upstream.requests) == 1

    result = {"role": "function", "name": "groove.render", "content": '{"bars": 8}'}
    again = [*said, choice["message"], result]
    reply = post(models, "/chat", {"messages": again, "functions": ["groove.render"]})
    assert reply["choices"][0]["message"]["content"]
    turns = upstream.requests[-1].body["messages"]
    assert turns[1]["tool_calls"][0]["function"]["name"] == "groove_render"
    assert turns[2]["role"] == "tool"
    assert turns[2]["tool_call_id"] == turns[1]["tool_calls"][0]["id"]


def test_several_calls_are_not_lost(models: httpx.Client, upstream: FakeUpstream) -> None:
    uses = (ToolUse("groove_styles", {}, "c1"), ToolUse("groove_render", {"bars": 2}, "c2"))
    upstream.answers.append(Answer("", uses))
    said = [{"role": "user", "content": "both"}]
    asked = {"messages": said, "functions": ["groove.styles", "groove.render"],
             "function_call": {"name": "groove.styles"}}  # fmt: skip
    message = post(models, "/chat", asked)["choices"][0]["message"]
    assert message["function_call"]["name"] == "groove.styles"
    names = [each["function"]["name"] for each in message["tool_calls"]]
    assert names == ["groove.styles", "groove.render"]
    choice = {"type": "function", "function": {"name": "groove_styles"}}
    assert upstream.requests[-1].body["tool_choice"] == choice


@pytest.mark.parametrize(
    ("function", "said"),
    [("groove.rendr", "did you mean"), ("shell.run", "may not call"), (5, "functions[0]")],
)
def test_a_function_that_is_none(http: httpx.Client, function: Any, said: str) -> None:
    asked = {"messages": [{"role": "user", "content": "x"}], "functions": [function]}
    answer = http.post("/chat", json=asked)
    refused(answer, 400, "invalid_input")
    assert said in answer.text


def terminal(server: Server, *command: str) -> str:
    """What a command says in the folder of a server."""
    done = subprocess.run(
        command,
        env=server.environ,
        cwd=server.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_plan_survives_a_kill_of_the_server(tmp_path: Path, upstream: FakeUpstream) -> None:
    """The server is killed while a model keeps silent. Takes as long as two starts of a server."""
    silent = (
        "providers:\n  silent:\n    type: openai_compatible\n"
        f"    base_url: {upstream.url}/silent/v1\n    model: fake-1\n"
    )
    steps = [
        {"name": "configs.create", "arguments": {"name": "kept", "groove": {"style": "dub"}}},
        {"name": "llm.chat", "arguments": {"messages": [{"role": "user", "content": "hello"}]},
         "id": "chat"},
        {"name": "configs.read", "arguments": {"name": "${steps[0].output.name}"}},
    ]  # fmt: skip
    body = {"steps": steps, "run_id": "killed"}
    events = {"accept": "text/event-stream"}
    with serving(tmp_path, silent) as server:
        with httpx.stream(
            "POST", f"{server.url}/blocks/planner.execute", json=body, headers=events, timeout=60
        ) as answer:
            assert any('"at":1,"step":"llm.chat"' in line for line in answer.iter_lines())
            server.kill()
        server.start()
        with httpx.Client(base_url=server.url, timeout=60) as client:
            address = "/runs/killed"  # it is gone on with by itself, and nothing more is safe
            settled(lambda: client.get(address).json()["run"]["status"] == "waiting")
            waiting = post(client, "/planner/execute", body)
            assert waiting["status"] == "waiting"
            assert [each["step"] for each in waiting["results"]] == ["configs.create", "llm.chat"]
            assert waiting["results"][1]["error"]["code"] == "uncertain"
            resume = [*COMMAND, "runs", "resume", "killed"]
            told = terminal(server, *resume)
            assert "killed waiting" in told
            assert "--retry chat" in told
            done = json.loads(terminal(server, *resume, "--skip", "chat", "--json"))
            assert done["status"] == "partial"
            assert done["results"][0] == waiting["results"][0]
            assert done["results"][2]["output"]["name"] == "kept"
            assert post(client, "/planner/execute", {"runId": "killed"}) == done
