"""A pedal, the bridge and the whole server: the seven intents end to end, over UDP."""

from __future__ import annotations

import itertools
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conduit.contracts.errors import ConduitError, Forbidden, InvalidInput, NotFound
from conduit.intents.table import SEVEN
from conduit.midi.flex import TextAssembler, text_packets
from conduit.midi.ump import bytes_of, words_of
from conduit.surfaces.flex.asking import Wire, ask
from conduit.surfaces.flex.envelope import Envelope, render
from tests.product.server import COMMAND, Server, serving

numbers = itertools.count()
FLEX = """
strangers: {here: ["*"]}
devices:
  guest: {endpoint: Guest, intents: [prompts.list]}
"""
BODIES: dict[str, Any] = {
    "llm.chat": {"messages": [{"role": "user", "content": "Hello, Conduit!"}], "functions": []},
    "planner.reason": {"objective": "Make a groove", "constraints": []},
    "planner.execute": {
        "steps": [{"name": "groove.render", "arguments": {"style": "dub", "bars": 1}}]
    },
    "persist.baseline": {
        "corpusId": "fc-main",
        "baselineId": "BA-2025-08",
        "content": "Baseline text",
    },
    "awareness.reflect": {"corpusId": "fc-main", "reflection": "Summary or insight"},
    "tools.register": {
        "corpusId": "fc-main",
        "openapi": {
            "openapi": "3.0.3",
            "info": {"title": "Lights", "version": "1"},
            "servers": [{"url": "http://lights.example"}],
            "paths": {
                "/dim": {"post": {"operationId": "dim", "responses": {"200": {"description": ""}}}}
            },
        },
    },
    "function.invoke": {"id": "groove.render", "arguments": {"style": "acid", "bars": 1}},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("flex")
    (folder / "home").mkdir()
    (folder / "home" / "flex.yaml").write_text(FLEX)
    (folder / "home" / "access.yaml").write_text(
        "remote: [tools.register, api.*]\nhosts: [lights.example]\n"
    )
    with serving(folder, flex=True) as running:
        yield running


def send(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "flex", "send", "--to", server.flex, *words],
        capture_output=True,
        text=True,
        env=server.environ,
        timeout=50,
        check=False,
    )


async def told(server: Server, intent: str, body: Any, name: str = "Pedal") -> list[Envelope]:
    """What a device is told, up to the result. Raises what an error stands for."""
    host, _, port = server.flex.partition(":")
    envelope = Envelope(time.time_ns() // 1_000_000, f"corr-{next(numbers)}", intent, body)
    wire = Wire(host, int(port), name=name)
    found = [each async for each in ask(wire, envelope, patience_s=50)]
    assert {each.corr for each in found} == {envelope.corr}
    return found


async def test_the_seven_intents_and_a_block(server: Server) -> None:
    """Each answered by the service that it stands for, with the shape that the proposal gives it
    (appendix A)."""
    assert set(BODIES) == set(SEVEN)
    answers: dict[str, Any] = {}
    for intent, body in BODIES.items():
        answers[intent] = (await told(server, intent, body))[-1].body
    assert answers["llm.chat"]["choices"][0]["message"]["role"] == "assistant"
    assert "plan" in answers["planner.reason"]
    assert answers["planner.execute"]["status"] == "success"
    assert answers["planner.execute"]["results"][0]["step"] == "groove.render"
    assert answers["persist.baseline"]["status"] == "stored"
    assert answers["awareness.reflect"]["status"] == "recorded"
    assert answers["tools.register"]["status"] == "registered"
    assert answers["function.invoke"]["returnValue"]["style"] == "acid"

    said = await told(server, "agent.ask", {"prompt": "4 bars of dub"})
    assert [each.intent for each in said if each.intent != "progress"] == ["ack", "result"]
    assert any(each.intent == "progress" for each in said)


@pytest.mark.parametrize(
    ("intent", "body", "name", "kind", "said"),
    [
        ("groove.render", {}, "Guest", Forbidden, "may not ask for groove.render"),
        ("no.such-block", {}, "Pedal", NotFound, "no.such-block"),
        ("function.invoke", {}, "Pedal", InvalidInput, "the body needs id"),
        ("groove.render", {"bars": -1}, "Pedal", InvalidInput, "bars"),
        ("shell.run", {"command": "id"}, "Pedal", Forbidden, "shell.run"),
    ],
)
async def test_what_is_refused_says_what_to_do(
    server: Server, intent: str, body: Any, name: str, kind: type[ConduitError], said: str
) -> None:
    with pytest.raises(kind, match=said) as refused:
        await told(server, intent, body, name)
    assert refused.value.hint


def test_the_terminal_sends_and_a_text_for_people_is_kept(server: Server) -> None:
    done = send(server, "llm.chat", json.dumps(BODIES["llm.chat"]), "--ruby", "--label", "Hi")
    assert json.loads(done.stdout)["object"] == "chat.completion"
    done = send(server, "scene", '{"name": "verse"}')
    assert done.returncode == 0, done.stderr
    kept = (server.home / "flex" / "metadata.jsonl").read_text().splitlines()
    assert json.loads(kept[-1])["intent"] == "scene"


def test_the_bridge_alone_reads_a_pipe(server: Server, tmp_path: Path) -> None:
    """Words in, words out, by a bridge of its own in front of the same server."""
    now_ms = time.time_ns() // 1_000_000
    asked = Envelope(now_ms, "one", "llm.chat", BODIES["llm.chat"])
    words = text_packets(render(asked), bank=1, status=0)
    done = subprocess.run(
        [*COMMAND, "flex", "serve", "--stdin", "--service", server.url],
        input=bytes_of(words, "big"),
        stdout=subprocess.PIPE,
        env={**server.environ, "CONDUIT_HOME": str(tmp_path)},
        timeout=50,
        check=True,
    )
    texts = TextAssembler().feed(words_of(done.stdout, "big"))
    told = [json.loads(each.text) for each in texts]
    kinds = [each["intent"] for each in told]
    assert (kinds[0], kinds[-1], set(kinds[1:-1])) == ("ack", "result", {"progress"})
    assert {each["corr"] for each in told} == {"one"}
