"""Live over the real wire: a device's token, its set, its prompt; and who is kept out."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Iterator
from typing import Any

import aiohttp
import httpx
import jsonschema
import pytest

from conduit.app.keys import Keys
from tests.fakes.upstream import FakeUpstream
from tests.product.server import Server, serving
from tests.product.waiting import settled

SET = {"tempo": 124, "tracks": [{"name": "Drums", "kind": "midi"}], "selected": {"track": 0}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    """With a provider that never answers, for who asks for it by name."""
    silent = {"type": "openai_compatible", "base_url": f"{upstream.url}/silent/v1", "model": "m"}
    with serving(
        tmp_path_factory.mktemp("live"), json.dumps({"providers": {"silent": silent}})
    ) as it:
        yield it
        assert (it.home / "live.token").read_text() not in it.log


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    return (server.home / "live.token").read_text()


@pytest.fixture(scope="module")
def device(server: Server, token: str) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=30) as client:
        yield client


def test_a_sentence_becomes_a_clip_in_the_set_that_was_told_of(device: httpx.Client) -> None:
    told = device.put("/live/context", json={"session": "a", "context": SET}).json()
    changed = {"session": "a", "version": told["version"], "changes": {"tempo": 130}}
    assert device.patch("/live/context", json=changed).status_code == 200
    stale = device.patch("/live/context", json=changed)
    assert stale.status_code == 409
    assert "whole context" in stale.json()["error"]["hint"]
    shown = device.get("/live/context", params={"session": "a"}).json()
    blocks = {each["name"]: each for each in device.get("/blocks").json()["blocks"]}
    jsonschema.validate(shown, blocks["live.seen"]["output_schema"])
    seen = shown["context"]
    assert (seen["tempo"], seen["tracks"][0]["name"]) == (130, "Drums")
    wish = {"prompt": "8 bars of dub", "session": "a", "provider": "offline"}
    headers = {"accept": "text/event-stream"}
    with device.stream("POST", "/live/ask", json=wish, headers=headers) as stream:
        lines = [line for line in stream.iter_lines() if line]
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    assert names[0] == "start"
    assert names.count("tool_result") == 2
    assert names[-1] == "done"
    done = json.loads(lines[-1].removeprefix("data: "))
    (clip,) = done["blocks"]
    assert (clip["type"], clip["length_beats"]) == ("midi", 32)
    jsonschema.validate(clip, blocks["live.clip"]["output_schema"])
    assert clip["target"]["slot"] == "first_empty"
    assert set(clip["notes"][0]) == {
        "pitch", "start", "duration", "velocity", "probability", "velocity_deviation",
    }  # fmt: skip
    schema = device.get("/live/schema").json()
    assert schema["midi"]["properties"]["notes"]["maxItems"] == 100_000
    groove = {"groove_id": done["tool_calls"][0]["result"]["groove_id"]}
    again = device.post("/live/clip", json=groove).json()
    assert again["notes"] == clip["notes"]
    assert device.request("DELETE", "/live/context", json={"session": "a"}).status_code == 200
    assert device.get("/live/context", params={"session": "a"}).status_code == 404


def test_the_token_is_the_persons_alone(server: Server, token: str) -> None:
    assert stat.S_IMODE((server.home / "live.token").stat().st_mode) == 0o600
    assert token.startswith("cl-")
    assert len(token) == 32


def test_a_preset_keeps_a_set_and_how_its_conversation_is_answered(device: httpx.Client) -> None:
    clip = {"name": "Clip", "notes": [{"pitch": 36, "start": 0, "duration": 1}], "note_count": 1}
    device.put("/live/context", json={"session": "p", "context": SET | {"clip": clip}})
    device.patch("/conversations/p/settings", json={"samples": 3}).raise_for_status()
    kept = device.post("/presets", json={"name": "studio", "session": "p"})
    assert kept.json()["conversation"] == ["settings", "system", "live"]
    text = device.get("/presets/studio/export").json()["text"]
    assert "Drums" in text
    assert device.headers["authorization"].split()[1] not in text
    device.post("/presets/studio/apply", json={"session": "q"}).raise_for_status()
    there = device.get("/live/context", params={"session": "q"}).json()["context"]
    assert (there["tempo"], there["clip"]["name"], there["clip"]["notes"]) == (124, "Clip", [])
    found = device.patch("/conversations/q/settings", json={}).json()["settings"]
    assert found["samples"] == 3
    device.post("/presets/undo").raise_for_status()
    assert device.get("/live/context", params={"session": "q"}).status_code == 404
    assert device.patch("/conversations/q/settings", json={}).json()["settings"]["samples"] == 1
    for wrong in ("live: '[1]'", "live: '{'", "settings: '{\"samples\": 0}'", "other: x"):
        bad = {"text": f"conduit: preset\nversion: 1\nname: bad\nconversation:\n  {wrong}\n"}
        assert device.post("/presets/import", json=bad).status_code == 400


PATHS = ("/live/schema", "/live/ws", "/live", "/live/ask", "/live/nothing")
SHOWN = "Bearer {token}"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer cl-wrong"}, 401),
        ({"authorization": "Bearer ck-wrong"}, 401),
        ({"authorization": "Bearer cl-\xfc"}, 401),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"authorization": SHOWN, "origin": "{url}"}, 403),
        ({"authorization": SHOWN, "sec-fetch-site": "same-origin"}, 403),
        ({"authorization": SHOWN, "host": "rebound.example"}, 403),
    ],
)
def test_nobody_else_gets_in(
    server: Server, token: str, http: httpx.Client, headers: dict[str, str], status: int
) -> None:
    said = {
        name: value.format(token=token, url=server.url).encode("latin-1")
        for name, value in headers.items()
    }
    for path in PATHS:
        reply = http.get(path, headers=said)
        assert reply.status_code == status
        assert reply.json()["error"]["hint"]
        assert token not in reply.text


def test_a_device_gets_in_where_everybody_needs_a_key(server: Server, token: str) -> None:
    Keys(server.home).add("somebody")

    def asked(shown: str) -> int:
        hello = {"prompt": "hello", "provider": "offline"}
        headers = {"authorization": f"Bearer {shown}"}
        return httpx.post(server.url + "/ask", json=hello, headers=headers, timeout=30).status_code

    settled(lambda: asked("cl-wrong") == 401)  # a server looks for keys twice a second
    assert asked(token) == 200


class Client:
    """An independent WebSocket client."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, call: str, block: str = "", data: Any = None, **more: Any) -> None:
        await self.socket.send_json({"id": call, "block": block, "input": data, **more})

    async def until_last(self, call: str) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []
        while not found or found[-1][0] not in ("done", "output", "error"):
            said = await self.socket.receive_json(timeout=30)
            if said["id"] == call:
                found.append((said["event"], said["data"]))
        return found


async def test_the_same_over_websocket(server: Server, token: str) -> None:
    headers = {"authorization": f"Bearer {token}"}
    address = server.url + "/live/ws"
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.ws_connect(address, max_msg_size=0) as socket,
    ):
        client = Client(socket)
        await socket.ping(b"there?")
        await client.send("1", "live.context", {"session": "w", "context": SET})
        assert (await client.until_last("1"))[0][1]["version"] > 0
        wish = {"prompt": "4 bars of acid", "session": "w", "provider": "offline"}
        await client.send("2", "agent.ask", wish)
        heard = await client.until_last("2")
        assert [name for name, _ in heard[:2]] == ["start", "provider"]
        assert heard[-1][1]["blocks"][0]["length_beats"] == 16
        notes = [{"pitch": 36, "start": n / 8, "duration": 0.1} for n in range(20_000)]
        await client.send("3", "live.clip", {"notes": notes})
        assert len((await client.until_last("3"))[-1][1]["notes"]) == 20_000
        for wrong, code in (
            ("[" * 100_000, "malformed_json"),
            ("[]", "invalid_input"),
            ('{"id": "4"}', "invalid_input"),
            ('{"id": "4", "block": "no.such"}', "not_found"),
            ('{"id": "4", "block": "live.clip", "input": {"notes": 1}}', "invalid_input"),
            ('{"id": "4", "block": "shell.run", "input": {"command": "id"}}', "forbidden"),
        ):
            await socket.send_str(wrong)
            said = await socket.receive_json(timeout=30)
            assert said["event"] == "error"
            assert said["data"]["error"]["code"] == code
        await socket.send_bytes(b"no")
        assert (await socket.receive(timeout=30)).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == 1003
    async with aiohttp.ClientSession() as stranger:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
            await stranger.ws_connect(address)
        async with stranger.get(address, headers=headers) as plain:
            assert plain.status == 400
            assert "WebSocket" in (await plain.json())["error"]["message"]


async def test_calls_are_given_up_and_sockets_end_with_the_server(
    server: Server, token: str
) -> None:
    headers = {"authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.ws_connect(server.url + "/live/ws") as socket,
    ):
        client = Client(socket)
        await client.send("long", "agent.ask", {"prompt": "hello", "provider": "silent"})
        assert (await socket.receive_json(timeout=30))["event"] == "start"
        await client.send("long", "system.health", {})
        assert (await socket.receive_json(timeout=30))["data"]["error"]["code"] == "conflict"
        await client.send("long", cancel=True)
        assert (await client.until_last("long"))[-1][1]["error"]["code"] == "cancelled"
        await client.send("next", "system.health", {})
        assert (await client.until_last("next"))[-1][0] == "output"
        await asyncio.to_thread(server.stop)
        last = await socket.receive(timeout=30)
        assert (last.type, last.data) == (aiohttp.WSMsgType.CLOSE, 1001)
    server.start()
    assert (server.home / "live.token").read_text() == token, "it stays the same"
