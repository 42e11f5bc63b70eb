"""Presets over the real wire: what they keep of a conversation, and what never goes along."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.upstream import FakeUpstream
from tests.product.server import Server, serving

KEY = "sk-planted-key-0123456789"
SET = {"tempo": 124, "tracks": [{"name": f"Drums {KEY}", "kind": "midi"}]}
HOW = {"temperature": 0.3, "max_tokens": 200, "seed": 5, "stop": ["END"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("presets")
    prompts = folder / "home" / "prompts"
    prompts.mkdir(parents=True)
    (prompts / "club.md").write_text(f"Play for the club, with {KEY}.\n")
    box = {
        "type": "openai_compatible",
        "base_url": f"{upstream.url}/v1",
        "model": "fake-1",
        "api_key": KEY,
    }
    with serving(folder, json.dumps({"providers": {"box": box}})) as running:
        yield running


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {(server.home / 'live.token').read_text()}"}
    with httpx.Client(base_url=server.url, timeout=30, headers=headers) as client:
        yield client


def ask(http: httpx.Client, prompt: str, session: str, **more: Any) -> dict[str, Any]:
    asked = {"prompt": prompt, "session": session, **more}
    reply: dict[str, Any] = http.post("/ask", json=asked).raise_for_status().json()
    return reply


def offline(http: httpx.Client, prompt: str, session: str) -> dict[str, Any]:
    return ask(http, prompt, session, provider="offline")


def rendered(reply: dict[str, Any]) -> dict[str, Any]:
    use = reply["tool_calls"][0]
    assert use["ok"], use
    found: dict[str, Any] = use["result"]
    return found


def test_a_conversation_is_saved_shared_and_recalled_with_all_that_answers_it(
    http: httpx.Client, server: Server, upstream: FakeUpstream
) -> None:
    chosen = {"generation": HOW, "system": "club", "samples": 1, "provider": "box"}
    http.patch("/conversations/p/settings", json=chosen).raise_for_status()
    http.put("/live/context", json={"session": "p", "context": SET}).raise_for_status()
    groove = rendered(offline(http, "4 bars of dub at 118 bpm", "p"))
    token = (server.home / "live.token").read_text()
    about = f"for {token}"
    saved = http.post("/presets", json={"name": "night", "session": "p", "about": about}).json()
    assert saved["conversation"] == ["settings", "system", "live", "groove"]

    text = http.get("/presets/night/export", params={"format": "json"}).json()["text"]
    assert not any(secret in text for secret in (KEY, token, KEY[::-1]))
    assert "Play for the club, with [hidden]." in text
    http.post("/presets/import", json={"text": text, "name": "theirs"}).raise_for_status()
    shown = http.get("/presets/theirs").json()
    assert json.loads(shown["conversation"]["settings"])["generation"]["temperature"] == 0.3
    assert json.loads(shown["conversation"]["groove"])["bpm"] == 118
    held = http.get("/presets/theirs/groove").json()
    assert (held["bpm"], held["request"]["style"], len(held["lanes"][0]["bars"])) == (118, "dub", 2)

    http.post("/presets/theirs/apply", json={"session": "q"}).raise_for_status()
    found = http.patch("/conversations/q/settings", json={}).json()["settings"]
    assert (found["generation"]["stop"], found["system"], found["provider"]) == (
        ["END"],
        "club",
        "box",
    )
    assert http.get("/live/context", params={"session": "q"}).json()["context"]["tempo"] == 124
    ask(http, "hello", "q")
    body = upstream.requests[-1].body
    assert (body["temperature"], body["seed"], body["stop"]) == (0.3, 5, ["END"])
    assert "Play for the club" in body["messages"][0]["content"]
    assert '"style":"dub"' in body["messages"][1]["content"], "a model is shown the groove"
    again = rendered(offline(http, "faster", "q"))
    assert (again["style"], again["bpm"], again["seed"]) == ("dub", 122, groove["seed"])
    more = rendered(offline(http, "morph this into acid at 0.25", "q"))
    assert more["title"].startswith("25 % from Dub 122 BPM to Acid")
    kept = rendered(offline(http, "save this as between_two", "q"))
    assert kept["title"] == more["title"]
    played = rendered(offline(http, "morph between_two into hard by 10 %", "q"))
    assert played["title"].startswith("10 % from 25 % from Dub")

    undone = http.post("/presets/undo").json()
    assert undone["prompts"] == ["club"]
    there = http.patch("/conversations/q/settings", json={}).json()["settings"]
    assert (there["generation"]["seed"], there["system"]) == (None, "")
    assert http.get("/live/context", params={"session": "q"}).status_code == 404


def test_a_prompt_that_says_something_else_here_gets_a_name_of_its_own(http: httpx.Client) -> None:
    http.post("/presets", json={"name": "usual", "session": "r"}).raise_for_status()
    text = http.get("/presets/usual/export", params={"format": "json"}).json()["text"]
    document = json.loads(text)
    prompt = json.loads(document["conversation"]["system"])
    assert prompt["name"] == "default"
    document["prompts"] = {}
    document["conversation"]["system"] = json.dumps({"name": "default", "text": "Say moin."})
    taken = {"text": json.dumps(document), "name": "north"}
    http.post("/presets/import", json=taken).raise_for_status()
    applied = http.post("/presets/north/apply", json={"session": "r"}).json()
    assert applied["prompts"] == ["default-north"]
    settings = http.patch("/conversations/r/settings", json={}).json()["settings"]
    assert settings["system"] == "default-north"
    names = http.post("/blocks/prompts.list", json={}).json()["names"]
    assert "default-north" in names
    http.post("/presets/undo").raise_for_status()
    assert "default-north" not in http.post("/blocks/prompts.list", json={}).json()["names"]


def test_what_no_preset_can_hold_of_a_conversation_is_refused(http: httpx.Client) -> None:
    wrong = (
        {"settings": '{"generation": {"temperature": 9}}'},
        {"settings": '{"generation": {"stop": "x"}}'},
        {"settings": '{"system": "../../etc/passwd"}'},
        {"system": '{"name": "../x", "text": "y"}'},
        {"system": '{"name": "x"}'},
        {"groove": "[]"},
        {"groove": '{"style": "polka"}'},
        {"groove": '{"config": {"layers": []}}'},
        {"groove": '{"config": {"layers": [{"name": "k", "pitch": 36, "pattern": "Q"}]}}'},
        {
            "groove": '{"config": {"bars": 100000, "steps_per_bar": 192, "layers": '
            '[{"name": "k", "pitch": 36, "pattern": "x"}, {"name": "l", "pitch": 3, "pattern": '
            '"x"}]}}'
        },
        {"groove": "[" * 5000},
        {"other": "x"},
    )
    for each in wrong:
        bad = {"conduit": "preset", "version": 1, "name": "bad", "conversation": each}
        said = http.post("/presets/import", json={"text": json.dumps(bad)})
        assert said.status_code in (400, 413), (each, said.text)
        assert "bad" not in [e["name"] for e in http.get("/presets").json()["presets"]]


def test_two_presets_morph_and_what_has_no_groove_says_so(http: httpx.Client) -> None:
    for name, wish in (("slow", "4 bars of dub"), ("fast", "4 bars of acid")):
        offline(http, wish, name)
        http.post("/presets", json={"name": name, "session": name}).raise_for_status()
    half = http.post("/presets/morph", json={"one": "slow", "two": "fast"}).json()
    assert 122 < half["bpm"] < 128
    notes = http.post("/blocks/groove.notes", json={"groove_id": half["groove_id"], "bars": 2})
    assert len(notes.json()["tick"]) > 20
    clip = http.post("/live/clip", json={"groove_id": half["groove_id"]})
    assert clip.json()["length_beats"] == 16
    assert http.post("/blocks/groove.midi2", json={"groove_id": half["groove_id"]}).is_success
    kept = http.post("/blocks/groove.read", json={"groove_id": half["groove_id"]}).json()
    assert kept["request"]["config"] == half["config"]

    way = http.post("/presets/morph", json={"one": "slow", "two": "fast", "steps": 3}).json()
    assert [each["start_beat"] for each in way["regions"]] == [0, 16, 32]
    assert (way["bars"], way["groove_id"], way["lanes"]) == (12, None, [])

    said = rendered(offline(http, "morph preset slow into the fast preset by 50 %", "anybody"))
    assert said["groove_id"] == half["groove_id"], "a model may, too"
    http.post("/presets", json={"name": "plain"}).raise_for_status()
    none = http.post("/presets/morph", json={"one": "slow", "two": "plain"})
    assert none.status_code == 404
    assert "holds no groove" in none.json()["error"]["message"]


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"one": {}, "two": {"groove": {"style": "dub"}}}, 400, "one: a groove is said in one way"),
        (
            {"one": {"groove": {"style": "dub"}}, "two": {"saved": "x", "groove_id": "y"}},
            400,
            "two: a groove is said in one way",
        ),
        ({"one": {"groove_id": "nope"}, "two": {"groove": {"style": "dub"}}}, 404, "no groove"),
        ({"one": {"saved": "nope"}, "two": {"groove": {"style": "dub"}}}, 404, "no config"),
        ({"one": {"preset": "nope"}, "two": {"groove": {"style": "dub"}}}, 404, "no preset"),
        ({"one": {"config": [1]}, "two": {"groove": {"style": "dub"}}}, 400, "must be an object"),
        ({"one": "dub", "two": "acid"}, 400, "one: expected an object"),
        (
            {"one": {"groove": {"style": "dub"}}, "two": {"groove": {"style": "idm"}}, "amount": 2},
            400,
            "amount",
        ),
        (
            {
                "one": {"groove": {"style": "dub"}},
                "two": {"groove": {"style": "idm"}},
                "bars": 4096,
                "steps": 16,
            },
            413,
            "rendered in one call",
        ),
    ],
)
def test_what_cannot_be_morphed(
    http: httpx.Client, asked: dict[str, Any], status: int, said: str
) -> None:
    found = http.post("/blocks/groove.morph", json=asked)
    assert found.status_code == status
    error = found.json()["error"]
    assert said in f"{error.get('where')}: {error['message']}"
